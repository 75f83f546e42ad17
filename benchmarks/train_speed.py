"""How many images a second train: this package beside the DCGAN of PyTorch's tutorial, and how near both limits are.

usage: python benchmarks/train_speed.py [--torch-python PATH] [--rounds 3] [--seconds 40] [--json FILE]

Both train networks of the same widths and kernels (64 to 512 channels, 4 x 4) on the same random images with the same
batch. In every round, each in a process of its own: `train.py` as users run it, with its reports; the peer as in its
tutorial; the peer with channels last, in float32 and, on processors that multiply it, in bfloat16, of which one is its
best; and the machine's matrix multiplication. Prints medians, ratios, and the share of the multiplication rate that our
step reaches. The steps after the first few count.

Operations of a step are counted from the shapes of the layers: a product and its sum are two, and only dense layers and
convolutions count, which leaves out about 1 % of normalization, activations and optimizers. With G and D the operations
of both networks for one image forwards, backwards as many again for the weights and for the inputs, and g and d those
of their first layers, whose inputs need no gradient, alternating updates cost for each image

    generator       forwards G, weights G, inputs G - g
    discriminator   real and generated: forwards 2 D, weights 2 D, inputs 2 (D - d)
                    for the generator: forwards D, inputs D
    R1 penalty      inputs D, and of those the gradient: forwards D, weights D; every `r1_every` steps

and one-stage updates, which judge an image once for both networks, 3 D - d less. Windows that hang over the edge of
a map are counted in full.
"""

import argparse
import json
import math
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from peer.process import add_torch_python, run_peer
from reporting.program import exit_status_of, require_positive, write_figures
from reporting.report import load_average, markdown_table, say

from dcgan_hub import __version__
from dcgan_hub.errors import RunError, SettingsError
from dcgan_hub.keras_startup import import_keras_quietly

TRAIN = Path(__file__).resolve().parent.parent / "train.py"
IMAGES = 2048
WARM_UP_STEPS = 8
MATRIX_SIDES = (1024, 2048, 4096)
MAX_PRODUCT_SECONDS = 1.0  # seconds; where one takes longer, larger ones are not tried
MATRIX_SECONDS = 0.5  # for each side
PEERS = {
    "PyTorch tutorial": [],
    "PyTorch channels last": ["--channels-last"],
    "PyTorch channels last, bfloat16": ["--channels-last", "--bfloat16"],
}
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}  # of processors; others need minutes for a step of the peer in bfloat16
OURS = "dcgan_hub"


@dataclass(frozen=True)
class Work:
    """Operations for one image forwards, of a network and of its first layer with weights."""

    total: int
    first: int


def network_work(network: Any) -> Work:
    """Counts a Keras network's dense layers and convolutions from their shapes."""
    counts = [layer_operations(getattr(layer, "layer", layer)) for layer in network.layers]
    counts = [count for count in counts if count]
    return Work(sum(counts), counts[0])


def layer_operations(layer: Any) -> int:
    """Operations of one layer for one image forwards; 0 for a layer without matrix products."""
    kind = type(layer).__name__
    if kind == "Dense":
        return 2 * math.prod(layer.kernel.shape)
    if kind == "Conv2D":  # each place of the output is the product of a window with the kernel
        return 2 * math.prod(layer.output.shape[1:3]) * math.prod(layer.kernel.shape)
    if kind == "Conv2DTranspose":  # each place of the input is spread over a window
        return 2 * math.prod(layer.input.shape[1:3]) * math.prod(layer.kernel.shape)
    return 0


def step_operations(generator: Work, discriminator: Work, r1_every: int | None, one_stage: bool = False) -> float:
    """Operations of one step for each image of the batch; see the top of this file.

    Args:
        generator: its work forwards.
        discriminator: its work forwards.
        r1_every: steps between two penalties; None without a penalty.
        one_stage: whether both networks learn from one judgement.
    """
    alternating = 3 * generator.total - generator.first + 8 * discriminator.total - 2 * discriminator.first
    saved = 2 * discriminator.total - discriminator.first if one_stage else 0
    return alternating - saved + (3 * discriminator.total / r1_every if r1_every else 0.0)


def operations_of(settings: dict[str, Any]) -> float:
    """Operations for each image of a step of the run with these settings, as they stand in run.json."""
    import_keras_quietly()
    from dcgan_hub.networks.discriminator import build_discriminator
    from dcgan_hub.networks.generator import build_generator
    from dcgan_hub.settings import Settings

    network = Settings.from_dict(settings).network
    training = settings["training"]
    return step_operations(
        network_work(build_generator(network)),
        network_work(build_discriminator(network)),
        training["r1_every"] if training["r1_gamma"] else None,
        training.get("schedule") == "one-stage",
    )


def matrix_rates() -> dict[str, float]:
    """Operations a second of multiplying large square matrices with TensorFlow, the best of several sides."""
    import_keras_quietly()
    import tensorflow as tf

    rates = {}
    for precision in ("float32", "bfloat16"):
        rates[precision] = 0.0
        for side in MATRIX_SIDES:
            matrix = tf.cast(tf.random.stateless_normal((side, side), seed=(0, 0)), precision)
            start, shortest = time.monotonic(), _product_seconds(tf, matrix)
            while time.monotonic() - start < MATRIX_SECONDS:
                shortest = min(shortest, _product_seconds(tf, matrix))
            rates[precision] = max(rates[precision], 2.0 * side**3 / shortest)
            if shortest > MAX_PRODUCT_SECONDS:
                break
    return rates


def _product_seconds(tf: Any, matrix: Any) -> float:
    start = time.perf_counter()
    tf.linalg.matmul(matrix, matrix)[0, 0].numpy()  # the number is waited for, on a GPU too
    return time.perf_counter() - start


def ours_speed(options: argparse.Namespace, images: Path, folder: Path) -> dict[str, Any]:
    """Runs train.py for some seconds: images a second from its own reports, and its settings."""
    words = ["--data", str(images), "--run", str(folder / "run"), "--preset", "dcgan-64", "--latent-dim", "100"]
    words += ["--generator-normalization", "batch"]  # the peer's network
    words += ["--image-size", str(options.size), "--filters", str(options.width), "--max-filters"]
    words += [str(options.width * options.size // 8), "--kernel-size", "4", "--batch-size", str(options.batch)]
    words += ["--report-every", str(WARM_UP_STEPS), "--sample-every", "999999", "--checkpoint-every", "999999"]
    words += ["--minutes", repr(options.seconds / 60), "--quiet", *shlex.split(options.options)]
    environment = os.environ | {"DCGAN_HUB_CACHE": str(folder.parent / "cache")}
    status = subprocess.run([sys.executable, str(TRAIN), *words], env=environment, check=False).returncode
    if status:
        raise RunError(
            f"Training must come to its end. Received: status {status} of train.py {' '.join(words)}. "
            "See its messages above."
        )
    lines = (folder / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    if len(lines) < 2:
        raise SettingsError(
            f"--seconds must be enough for two reports of {WARM_UP_STEPS} steps. Received: {options.seconds:g}. "
            f"Try {4 * options.seconds:g}."
        )
    first, last = json.loads(lines[0]), json.loads(lines[-1])
    speed = (last["images_seen"] - first["images_seen"]) / (last["seconds"] - first["seconds"])
    record = json.loads((folder / "run" / "run.json").read_text(encoding="utf-8"))
    return {"images_per_second": speed, "settings": record["settings"], "parameters": record["parameters"]}


def peer_speed(options: argparse.Namespace, images: Path, name: str) -> dict[str, Any]:
    """Runs the peer for as many seconds."""
    words = ["--seconds", f"{options.seconds:g}", "--warm-up", str(WARM_UP_STEPS), "--batch", str(options.batch)]
    facts = run_peer(options.torch_python, images, [*words, "--width", str(options.width), *PEERS[name]])
    if facts["steps"] <= WARM_UP_STEPS:
        raise SettingsError(
            f"--seconds must be enough for more than {WARM_UP_STEPS} steps of the peer. Received: {options.seconds:g}. "
            f"Try {4 * options.seconds:g}."
        )
    return facts


def peers_for_this_processor() -> list[str]:
    """Names of the peers that come to an end here."""
    try:
        words = set(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split())
    except OSError:  # another system than Linux
        words = set()
    multiplies_bfloat16 = bool(words & BFLOAT16_FLAGS)
    return [name for name, words in PEERS.items() if multiplies_bfloat16 or "--bfloat16" not in words]


def matrix_speed() -> dict[str, float]:
    """Measures the matrix rates in a process of its own."""
    command = [sys.executable, __file__, "--only-matrix"]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        raise RunError(f"Matrices must be multiplied. Received: status {result.returncode}. See the messages above.")
    return json.loads(result.stdout.splitlines()[-1])


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All rounds, in turns. Returns what goes into the JSON file."""
    images = folder / "images.npy"
    random = np.random.RandomState(0)
    np.save(images, random.randint(0, 256, (max(IMAGES, options.batch), options.size, options.size, 3), dtype=np.uint8))
    names = [OURS, *(peers_for_this_processor() if options.torch_python else [])]
    speeds: dict[str, list[float]] = {name: [] for name in names}
    matrix: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    facts: dict[str, Any] = {}
    load = load_average()
    for number in range(options.rounds):
        for name in names:
            if name == OURS:
                facts[name] = ours_speed(options, images, folder / f"round-{number}")
            else:
                facts[name] = peer_speed(options, images, name)
            speeds[name].append(facts[name]["images_per_second"])
            say(f"round {number + 1}: {name:<32} {speeds[name][-1]:8.1f} images/s")
        for precision, rate in matrix_speed().items():
            matrix[precision].append(rate)
    operations = operations_of(facts[OURS]["settings"])
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    rates = {name: statistics.median(values) for name, values in matrix.items()}
    precision = facts[OURS]["settings"]["training"]["precision"]
    ratios = {name: medians[OURS] / medians[name] for name in names if name != OURS}
    return {
        "dcgan_hub": __version__, "size": options.size, "width": options.width, "batch": options.batch,
        "rounds": options.rounds, "seconds": options.seconds, "load_before": load, "images_per_second": speeds,
        "medians": medians, "ratios": ratios, "operations_per_image": operations, "precision": precision,
        "matrix_rounds": matrix, "matrix_rates": rates, "share": operations * medians[OURS] / rates[precision],
        "facts": facts,
    }  # fmt: skip


def describe(result: dict[str, Any]) -> str:
    """The tables."""
    rows = []
    for name, median in result["medians"].items():
        ratio = f"{result['ratios'][name]:.2f}" if name in result["ratios"] else ""
        facts = result["facts"][name]
        recipe = facts.get("recipe") or f"width {result['width']}, batch {result['batch']}, {result['precision']}"
        listed = " ".join(f"{value:.1f}" for value in result["images_per_second"][name])
        rows.append([name, recipe, f"{median:.1f}", listed, ratio])
    lines = [markdown_table(["program", "recipe", "images/s", "rounds", "ours / it"], rows), ""]
    rates = [[f"matrix product, {name}", f"{rate / 1e9:.0f}"] for name, rate in result["matrix_rates"].items()]
    ours = result["operations_per_image"] * result["medians"][OURS]
    rates.append([f"training step, {result['precision']}", f"{ours / 1e9:.0f}"])
    lines += [markdown_table(["work", "GFLOP/s"], rates), ""]
    lines.append(
        f"{result['size']} x {result['size']} pixels, {result['operations_per_image'] / 1e9:.2f} GFLOP an image and "
        f"step: {result['share']:.0%} of the matrix rate in {result['precision']}"
    )
    return "\n".join(lines)


def run(options: argparse.Namespace) -> None:
    """Measures, prints, writes."""
    require_positive(vars(options), "rounds", "seconds", "width", "batch")
    if not options.torch_python:
        say("Without --torch-python there is nothing to compare with: ours only.")
    with tempfile.TemporaryDirectory() as folder:
        result = measure(options, Path(folder).resolve())
    print(describe(result))
    write_figures(options.json, result)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_torch_python(parser)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, in turns [3]")
    parser.add_argument("--seconds", type=float, default=40.0, help="of training in each run [40]")
    parser.add_argument("--size", type=int, choices=[32, 64, 128], default=64, help="pixels a side [64]")
    parser.add_argument("--width", type=int, default=64, help="channels of the layers next to the image [64]")
    parser.add_argument("--batch", type=int, default=128, help="images a step [128]")
    parser.add_argument("--options", default="", metavar="TEXT", help="of train.py, as in '--precision float32'")
    parser.add_argument("--json", type=Path, metavar="FILE", help="figures of all rounds")
    parser.add_argument("--only-matrix", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only_matrix:
        print(json.dumps(matrix_rates()))
        return 0
    return exit_status_of(lambda: run(options))


if __name__ == "__main__":
    raise SystemExit(main())
