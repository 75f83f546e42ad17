"""Whether training waits for its images: batches from the disk beside one batch that is always there.

usage: python benchmarks/input_speed.py [--counts 2000 1000000] [--size 32] [--rounds 30] [--json FILE]

Synthetic sets of random pixels are written to a temporary folder (1,000,000 images of 32 x 32 pixels: 3 GB), and the
system is asked to forget them, so that the feed finds them on the disk. One model is trained in turns, by the
function that `train.py` uses, eight steps a call: from one batch that stays in memory, and from each set by the feed of
`train.py`. Each turn begins with calls that do not count, in which the feed uses up what it had read ahead while others
had their turn. Prints medians of the rounds, and how much longer a step takes from the disk: as time, and as seconds of
all cores together, which depend less on what else the machine does.

Then many batches are read without training. Memory that the process holds for itself must stay where it was; pages of
the mapped file are the system's, which takes them back when it needs them.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from reporting.program import exit_status_of, require_positive, write_figures
from reporting.report import load_average, markdown_table, say

from dcgan_hub import __version__
from dcgan_hub.errors import SettingsError
from dcgan_hub.keras_startup import import_keras_quietly

BLOCK = 4096  # images written at once
STEPS_A_CALL = 8  # as many as train.py makes on two cores
CALLS_BEFORE = 8  # of a turn, which do not count: 64 batches, as many as the feed holds at most
MEMORY_SAMPLES = 20
RESIDENT = "one batch in memory"


def write_images(path: Path, count: int, size: int) -> None:
    """Writes a .npy file, uint8 (count, size, size, 3), without holding it, and lets it leave the system's memory."""
    block = np.random.RandomState(0).randint(0, 256, (BLOCK, size, size, 3), dtype=np.uint8)
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, count, BLOCK):
            np.add(block, 1, out=block)  # no two blocks alike
            file.write(block[: count - start].data)
        file.flush()
        os.fsync(file.fileno())
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def own_memory() -> int | None:
    """Bytes that this process holds for itself, without pages of files; None where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon")), None)


def make_steps(options: argparse.Namespace) -> Callable[[Any], Any]:
    """Some compiled training steps of a small network, where input weighs most, from an iterator over batches."""
    import_keras_quietly()
    from dcgan_hub.presets import make_settings
    from dcgan_hub.training.backends import loop
    from dcgan_hub.training.dcgan import METRICS
    from dcgan_hub.training.hardware import resolve_precision
    from dcgan_hub.training.model import build_gan

    values = {"data": "synthetic", "image_size": (options.size, options.size), "batch_size": options.batch}
    settings = make_settings(options.preset, values | {"precision": resolve_precision("auto")})
    several_steps = loop.make_several_steps(build_gan(settings), METRICS)
    return lambda batches: several_steps(batches, np.int32(STEPS_A_CALL))


def timed_steps(steps: Callable[[Any], Any], batches: Iterator[Any], calls: int) -> dict[str, float]:
    """Seconds for each step, after calls that do not count."""
    for _ in range(CALLS_BEFORE):
        steps(batches)
    start, start_cores = time.perf_counter(), time.process_time()
    for _ in range(calls):
        logs = steps(batches)
    float(logs["g_loss"])  # on a GPU the steps may still be under way
    count = calls * STEPS_A_CALL
    return {
        "seconds": (time.perf_counter() - start) / count,
        "core_seconds": (time.process_time() - start_cores) / count,
    }


def reading_facts(batches: Iterator[Any], images: np.ndarray, count: int) -> dict[str, Any]:
    """Reads batches without training: seconds for one, and the memory held meanwhile."""
    from dcgan_hub.training.input_pipeline import epoch_order

    start = time.perf_counter()
    epoch_order(len(images), 0, 1)
    order_seconds = time.perf_counter() - start
    held = [own_memory()]
    start, start_cores = time.perf_counter(), time.process_time()
    for number in range(count):
        next(batches)
        if (number + 1) % max(count // MEMORY_SAMPLES, 1) == 0:
            held.append(own_memory())
    seconds, core_seconds = time.perf_counter() - start, time.process_time() - start_cores
    return {
        "batches": count, "seconds": seconds / count, "core_seconds": core_seconds / count,
        "order_seconds": order_seconds, "bytes": held,
        "grown_bytes": None if held[0] is None else max(held[1:]) - held[0],
    }  # fmt: skip


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All rounds, in turns. Returns what goes into the JSON file."""
    steps = make_steps(options)
    import tensorflow as tf

    from dcgan_hub.training.backends.tensorflow.dataset import training_dataset

    sets, sources = {}, {}
    for count in options.counts:
        name, path = f"{count:,} images on disk", folder / f"{count}.npy"
        say(f"writing {name}, {count * options.size**2 * 3 / 1e9:.1f} GB")
        write_images(path, count, options.size)
        sets[name] = np.load(path, mmap_mode="r")
        sources[name] = iter(training_dataset(sets[name], options.batch, seed=0, step=0))
    resident = next(sources[next(iter(sources))])
    sources = {RESIDENT: iter(tf.data.Dataset.from_tensors(resident).repeat())} | sources
    load = load_average()
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in sources}
    for number in range(options.rounds):
        # Now forwards, now backwards, so that no source is always the first after another.
        for name in list(sources)[:: 1 if number % 2 else -1]:
            rounds[name].append(timed_steps(steps, sources[name], options.calls))
        say(f"round {number + 1}: " + ", ".join(f"{1000 * rounds[name][-1]['seconds']:.2f} ms" for name in sources))
    keys = ("seconds", "core_seconds")
    medians = {name: {key: statistics.median(r[key] for r in rounds[name]) for key in keys} for name in sources}
    # Of each round by itself, since its turns lie side by side.
    overheads = {
        name: {
            key: statistics.median(
                here[key] / base[key] - 1.0 for here, base in zip(rounds[name], rounds[RESIDENT], strict=True)
            )
            for key in keys
        }
        for name in sets
    }
    load_after = load_average()
    reading = {name: reading_facts(sources[name], sets[name], options.read) for name in sets}
    return {
        "dcgan_hub": __version__, "preset": options.preset, "size": options.size, "batch": options.batch,
        "calls": options.calls, "load_before": load, "load_after": load_after, "rounds": rounds, "medians": medians,
        "overheads": overheads, "reading": reading,
    }  # fmt: skip


def describe(result: dict[str, Any]) -> str:
    """The tables."""
    rows = []
    for name, median in result["medians"].items():
        overhead = result["overheads"].get(name)
        shares = [f"{overhead[key]:+.1%}" for key in ("seconds", "core_seconds")] if overhead else ["", ""]
        times = [f"{1000 * median[key]:.2f}" for key in ("seconds", "core_seconds")]
        rows.append([name, times[0], shares[0], times[1], shares[1]])
    lines = [markdown_table(["images from", "ms a step", "more", "core ms a step", "more"], rows), ""]
    rows = []
    for name, facts in result["reading"].items():
        grown = "unknown" if facts["grown_bytes"] is None else f"{facts['grown_bytes'] / 1e6:+.1f}"
        held = "unknown" if facts["bytes"][0] is None else f"{facts['bytes'][0] / 1e6:.0f}"
        times = [f"{1000 * facts[key]:.2f}" for key in ("seconds", "core_seconds")]
        rows.append([name, f"{facts['batches']:,}", *times, f"{1000 * facts['order_seconds']:.1f}", held, grown])
    heading = ["read only", "batches", "ms a batch", "core ms", "ms to order an epoch", "MB held before", "MB grown"]
    lines += [markdown_table(heading, rows), ""]
    lines.append(
        f"{result['preset']}, {result['size']} x {result['size']} pixels, batch {result['batch']}; load average "
        f"{result['load_before']} before, {result['load_after']} after"
    )
    return "\n".join(lines)


def run(options: argparse.Namespace) -> None:
    """Measures, prints, writes."""
    require_positive(vars(options), "rounds", "calls", "batch", "read")
    if min(options.counts) < options.batch:
        raise SettingsError(
            f"--counts must be at least one batch, {options.batch}. Received: {min(options.counts)}. Try 2000."
        )
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        result = measure(options, Path(folder).resolve())
    print(describe(result))
    write_figures(options.json, result)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[2000, 1_000_000], metavar="N", help="images of sets")
    parser.add_argument("--size", type=int, choices=[16, 32, 64], default=32, help="pixels a side [32]")
    parser.add_argument("--preset", default="avatars-32", help="of the networks [avatars-32]")
    parser.add_argument("--batch", type=int, default=32, help="images a step [32]")
    parser.add_argument("--rounds", type=int, default=30, help="turns of each [30]")
    parser.add_argument("--calls", type=int, default=10, help="that count in a turn, of eight steps each [10]")
    parser.add_argument("--read", type=int, default=5000, metavar="BATCHES", help="read without training [5000]")
    parser.add_argument("--folder", type=Path, help="where the sets are written for a while [the system's]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="figures of all rounds")
    options = parser.parse_args()
    return exit_status_of(lambda: run(options))


if __name__ == "__main__":
    raise SystemExit(main())
