"""How fast a trained generator draws: this package beside PyTorch's eager generator, one image, and memory.

usage: python benchmarks/sampling_speed.py [--torch-python PATH] [--rounds 3] [--count 10000] [--json FILE]

Both draw with networks of the same widths and kernels (64 to 512 channels, 4 x 4, 100 latent dimensions), float32,
from random weights, on the cores that there are: ours by `Generator.generate_in_chunks`, from seeds to uint8; the peer
100 at a time, from random latents to uint8, in a process of its own. They take turns in every round. Besides the
time that passed, the seconds of all cores together are shown, which depend less on what else the machine does.

One image is drawn from a warm model again and again. Tracings are how often TensorFlow made a graph of the network
while batches of many sizes were drawn. Memory is what `dcgan-hub sample` holds at most while it writes files, for two
counts: what each further image adds must be nothing, as `--count 1000000` is allowed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from peer.process import add_torch_python
from reporting.program import exit_status_of, require_positive, write_figures
from reporting.report import load_average, markdown_table, say

from dcgan_hub import __version__
from dcgan_hub.errors import RunError, SettingsError
from dcgan_hub.keras_startup import LOG_LEVEL, import_keras_quietly

LATENT = 100
WARM_UP_IMAGES = 200
SINGLE_IMAGES = 200
BATCH_SIZES = (1, 2, 3, 5, 8, 17, 32, 33, 64, 100)
OURS, PEER = "dcgan_hub", "PyTorch eager"
PEER_FOLDER = Path(__file__).resolve().parent / "peer"

# Runs under the peer's Python, which has nothing of this package.
PEER_PROGRAM = """\
import argparse, json, sys, time
import torch, torch_dcgan
from program import DRAWN_AT_ONCE

side, width, warm_up, count = map(int, sys.argv[1:])
options = argparse.Namespace(
    width=width, batch=128, seed=0, channels_last=False, bfloat16=False, batch_statistics=False
)
draw = torch_dcgan.build(options, (0, side, side, 3)).draw

def draw_all(count):
    return sum(len(draw(min(DRAWN_AT_ONCE, count - first))) for first in range(0, count, DRAWN_AT_ONCE))

draw_all(warm_up)
start, start_cores = time.monotonic(), time.process_time()
drawn = draw_all(count)
facts = {"seconds": time.monotonic() - start, "core_seconds": time.process_time() - start_cores, "images": drawn}
print(json.dumps(facts | {"torch": torch.__version__, "threads": torch.get_num_threads()}))
"""


def make_generator(options: argparse.Namespace) -> Any:
    """Our generator with random weights."""
    import_keras_quietly()
    from dcgan_hub.bundle.generator import Generator
    from dcgan_hub.networks.generator import build_generator
    from dcgan_hub.settings import NetworkSettings

    settings = NetworkSettings(
        image_size=(options.size, options.size), latent_dim=LATENT, filters=options.width, kernel_size=4,
        max_filters=options.width * options.size // 8,
    )  # fmt: skip
    return Generator(settings, build_generator(settings, "float32"))


def ours_speed(generator: Any, count: int) -> dict[str, float]:
    """Draws the images of seeds 0 to count - 1."""
    for _ in generator.generate_in_chunks(range(WARM_UP_IMAGES)):
        pass
    start, start_cores = time.monotonic(), time.process_time()
    drawn = sum(len(chunk) for chunk in generator.generate_in_chunks(range(count)))
    return {
        "seconds": time.monotonic() - start,
        "core_seconds": time.process_time() - start_cores,
        "images": drawn,
    }


def peer_speed(options: argparse.Namespace) -> dict[str, float]:
    """Lets the peer draw as many."""
    words = [options.torch_python, "-c", PEER_PROGRAM, *map(str, (options.size, options.width, WARM_UP_IMAGES))]
    environment = os.environ | {"PYTHONPATH": str(PEER_FOLDER)}
    try:
        result = subprocess.run(
            [*words, str(options.count)], stdout=subprocess.PIPE, text=True, check=False, env=environment
        )
    except OSError as error:
        raise SettingsError(
            f"`--torch-python` must be a Python that can be started. Received: {options.torch_python} "
            f"({error.strerror}). Make one: python -m venv torch-venv && torch-venv/bin/pip install torch==2.13.0 numpy"
        ) from None
    if result.returncode:
        raise RunError(
            f"The peer must come to its end. Received: status {result.returncode} of {options.torch_python}. "
            "See its messages above."
        )
    return json.loads(result.stdout.splitlines()[-1])


def single_image_seconds(generator: Any) -> list[float]:
    """Seconds for one image, from its seed to uint8, again and again."""
    seconds = []
    for seed in range(SINGLE_IMAGES + 10):
        start = time.perf_counter()
        generator.generate([seed])
        seconds.append(time.perf_counter() - start)
    return seconds[10:]


def tracings_of_sizes(options: argparse.Namespace) -> int:
    """How often TensorFlow makes a graph of a fresh generator that draws batches of many sizes."""
    generator = make_generator(options)
    for size in BATCH_SIZES:
        generator.generate(range(size))
    return generator._draw._draw_blocks.experimental_get_tracing_count()


def sample_memory(bundle: Path, count: int, folder: Path) -> int | None:
    """Bytes that `dcgan-hub sample --count` holds at most; None where the system does not say."""
    if not hasattr(os, "wait4"):
        return None
    words = [sys.executable, "-m", "dcgan_hub", "sample", str(bundle), "--count", str(count), "--out", str(folder)]
    # As a user's shell has it: with what we set for ourselves, TensorFlow's messages would not be held back there.
    environment = {name: value for name, value in os.environ.items() if name != LOG_LEVEL}
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, env=environment) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RunError(f"Images must be written. Received: status {process.returncode} of {' '.join(words)}.")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def memory_facts(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Peak memory for both counts, and what a million images would need by the difference."""
    from dcgan_hub.bundle.generator import Generator

    # Small images and a small network: what an image leaves behind shows after thousands of them.
    bundle = Generator.from_pretrained("avatars").save_pretrained(folder / "bundle")
    counts = options.memory_counts
    peaks = [sample_memory(bundle, count, folder / f"images-{count}") for count in counts]
    if None in peaks:
        return {"counts": counts, "peak_bytes": None}
    growth = (peaks[1] - peaks[0]) / (counts[1] - counts[0])
    return {
        "counts": counts, "peak_bytes": peaks, "bytes_per_image": growth,
        "million_bytes": peaks[0] + max(growth, 0.0) * (10**6 - counts[0]),
    }  # fmt: skip


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All rounds, in turns. Returns what goes into the JSON file."""
    names = [OURS, *([PEER] if options.torch_python else [])]
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    singles: list[float] = []
    load = load_average()
    generator = make_generator(options)
    for number in range(options.rounds):
        for name in names:
            rounds[name].append(ours_speed(generator, options.count) if name == OURS else peer_speed(options))
            facts = rounds[name][-1]
            say(f"round {number + 1}: {name:<14} {facts['images'] / facts['seconds']:8.1f} images/s")
        singles += single_image_seconds(generator)
    speeds = {
        name: {
            "images_per_second": statistics.median(f["images"] / f["seconds"] for f in facts),
            "images_per_core_second": statistics.median(f["images"] / f["core_seconds"] for f in facts),
        }
        for name, facts in rounds.items()
    }
    return {
        "dcgan_hub": __version__, "size": options.size, "width": options.width, "count": options.count,
        "load_before": load, "load_after": load_average(), "rounds": rounds, "medians": speeds,
        "single_seconds": {"median": statistics.median(singles), "best": min(singles)},
        "tracings": tracings_of_sizes(options), "traced_sizes": BATCH_SIZES,
        "memory": memory_facts(options, folder) if options.memory_counts[0] else None,
    }  # fmt: skip


def describe(result: dict[str, Any]) -> str:
    """The tables."""
    ours, rows = result["medians"][OURS], []
    for name, speed in result["medians"].items():
        ratios = [f"{ours[key] / speed[key]:.2f}" if name != OURS else "" for key in ours]
        rows.append(
            [name, f"{speed['images_per_second']:.0f}", ratios[0], f"{speed['images_per_core_second']:.0f}", ratios[1]]
        )
    heading = ["program", "images/s", "ours / it", "images per core and s", "ours / it"]
    single, memory = result["single_seconds"], result["memory"]
    lines = [
        markdown_table(heading, rows), "",
        f"{result['count']:,} images of {result['size']} x {result['size']} pixels, width {result['width']}; load "
        f"average {result['load_before']} before, {result['load_after']} after",
        f"one image, warm: median {1000 * single['median']:.1f} ms, best {1000 * single['best']:.1f} ms",
        f"tracings for batches of {', '.join(map(str, result['traced_sizes']))}: {result['tracings']}",
    ]  # fmt: skip
    if memory and memory["peak_bytes"]:
        both = zip(memory["counts"], memory["peak_bytes"], strict=True)
        first, second = (f"{peak / 1e6:.0f} MB for {count:,}" for count, peak in both)
        lines.append(
            f"peak memory of `dcgan-hub sample`: {first}, {second} images; a million by this: "
            f"{memory['million_bytes'] / 1e6:.0f} MB"
        )
    return "\n".join(lines)


def run(options: argparse.Namespace) -> None:
    """Measures, prints, writes."""
    require_positive(vars(options), "rounds", "count", "width")
    first, second = options.memory_counts
    if first and not 0 < first < second:
        raise SettingsError(
            f"--memory-counts must be two numbers that rise. Received: {first} {second}. Try 2000 20000, or 0 0 to "
            "leave it out."
        )
    if not options.torch_python:
        say("Without --torch-python there is nothing to compare with: ours only.")
    with tempfile.TemporaryDirectory() as folder:
        result = measure(options, Path(folder).resolve())
    print(describe(result))
    write_figures(options.json, result)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_torch_python(parser)
    parser.add_argument("--rounds", type=int, default=3, help="of both, in turns [3]")
    parser.add_argument("--count", type=int, default=10_000, help="images in each round [10000]")
    parser.add_argument("--size", type=int, choices=[32, 64, 128], default=64, help="pixels a side [64]")
    parser.add_argument("--width", type=int, default=64, help="channels of the layers next to the image [64]")
    parser.add_argument(
        "--memory-counts", type=int, nargs=2, default=[2000, 20_000], metavar="N",
        help="images to write while memory is watched; 0 0 writes none [2000 20000]",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="figures of all rounds")
    options = parser.parse_args()
    return exit_status_of(lambda: run(options))


if __name__ == "__main__":
    raise SystemExit(main())
