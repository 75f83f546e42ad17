"""What a training step costs as images, batches, networks and sets grow.

usage: python benchmarks/scaling.py [--quick] [--seconds 10] [--json FILE]

From one point (64 x 64 pixels, batch 32, 32 filters next to the image, 10,000 images) one of the four is changed at a
time, each point in a process of its own: images a second of the compiled step fed by the feed of `train.py`, operations
a second (counted as in train_speed.py), seconds until the first step is done, and the most memory that the process had.
The sets are files full of zeros that take no room on the disk; what reading a real file costs is in input_speed.py.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from reporting.program import exit_status_of, require_positive, write_figures
from reporting.report import load_average, markdown_table, say
from train_speed import operations_of

from dcgan_hub import __version__
from dcgan_hub.errors import RunError
from dcgan_hub.keras_startup import import_keras_quietly

WARM_UP_STEPS = 3
MIN_STEPS = 4


@dataclass(frozen=True)
class Point:
    """What is trained: pixels a side, images a step, filters next to the image, images of the set."""

    size: int = 64
    batch: int = 32
    filters: int = 32
    images: int = 10_000


SWEEPS: dict[str, tuple[int, ...]] = {
    "size": (32, 64, 128, 256),
    "batch": (16, 32, 64, 128, 256, 512),
    "filters": (16, 32, 64, 128),
    "images": (1000, 10_000, 100_000, 1_000_000),
}
QUICK_SWEEPS: dict[str, tuple[int, ...]] = {
    "size": (32, 64), "batch": (16, 64), "filters": (16, 32), "images": (1000, 1_000_000),
}  # fmt: skip


def points_of(sweeps: dict[str, tuple[int, ...]]) -> Iterator[Point]:
    """Each point once; the one that all sweeps have in common first."""
    yield Point()
    for name, values in sweeps.items():
        yield from (replace(Point(), **{name: value}) for value in values if value != getattr(Point(), name))


def measure_point(point: Point, options: argparse.Namespace) -> dict[str, Any]:
    """Trains at one point for some seconds."""
    import_keras_quietly()

    from dcgan_hub.presets import make_settings
    from dcgan_hub.training.backends.tensorflow.dataset import training_dataset
    from dcgan_hub.training.hardware import resolve_precision
    from dcgan_hub.training.model import build_gan

    settings = make_settings(
        "dcgan-64-light",
        {
            "data": "synthetic", "image_size": (point.size, point.size), "batch_size": point.batch,
            "filters": point.filters, "precision": resolve_precision(options.precision),
        },
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        shape = (point.images, point.size, point.size, 3)
        images = np.lib.format.open_memmap(Path(folder) / "images.npy", mode="w+", dtype=np.uint8, shape=shape)
        batches = iter(training_dataset(images, point.batch, seed=0, step=0))
        start = time.perf_counter()
        step = build_gan(settings).compiled_step()
        float(step(next(batches))["g_loss"])
        first_seconds = time.perf_counter() - start
        for _ in range(WARM_UP_STEPS):
            step(next(batches))
        steps, start, start_cores = 0, time.perf_counter(), time.process_time()
        while steps < MIN_STEPS or time.perf_counter() - start < options.seconds:
            float(step(next(batches))["g_loss"])
            steps += 1
        seconds, core_seconds = time.perf_counter() - start, time.process_time() - start_cores
    operations = operations_of(settings.to_dict())
    return {
        **asdict(point), "precision": settings.training.precision, "steps": steps, "first_step_seconds": first_seconds,
        "images_per_second": steps * point.batch / seconds,
        "images_per_core_second": steps * point.batch / core_seconds, "operations_per_image": operations,
        "operations_per_second": operations * steps * point.batch / seconds, "peak_bytes": peak_memory(),
    }  # fmt: skip


def peak_memory() -> int | None:
    """The most bytes that this process had in memory; None where the system does not say."""
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measured_apart(point: Point, options: argparse.Namespace) -> dict[str, Any]:
    """The same in a process of its own."""
    words = [sys.executable, __file__, "--only", json.dumps(asdict(point))]
    words += ["--seconds", repr(options.seconds), "--precision", options.precision]
    result = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        raise RunError(
            f"Every point must be trained. Received: status {result.returncode} at {point}. See the messages above; "
            "for want of memory, try --quick."
        )
    return json.loads(result.stdout.splitlines()[-1])


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All points, one after the other. Returns what goes into the JSON file."""
    sweeps = QUICK_SWEEPS if options.quick else SWEEPS
    facts = []
    for point in points_of(sweeps):
        facts.append({"load": load_average()} | measured_apart(point, options))
        say(f"{point}: {facts[-1]['images_per_second']:.1f} images/s")
    return {"dcgan_hub": __version__, "seconds": options.seconds, "sweeps": sweeps, "points": facts}


def describe(result: dict[str, Any]) -> str:
    """A table for each sweep."""
    tables = []
    for name, values in result["sweeps"].items():
        rows = []
        for point in (replace(Point(), **{name: value}) for value in values):
            facts = next((p for p in result["points"] if all(p[key] == v for key, v in asdict(point).items())), None)
            if facts is None:  # the common point is not in every quick sweep
                continue
            memory = "unknown" if facts["peak_bytes"] is None else f"{facts['peak_bytes'] / 1e6:,.0f}"
            rows.append([
                f"{getattr(point, name):,}", f"{facts['images_per_second']:.1f}",
                f"{facts['operations_per_image'] / 1e9:.3f}", f"{facts['operations_per_second'] / 1e9:.0f}",
                f"{facts['images_per_core_second']:.1f}", f"{facts['first_step_seconds']:.1f}", memory,
                f"{facts['load']}",
            ])  # fmt: skip
        heading = [name, "images/s", "GFLOP/image", "GFLOP/s", "images per core and s", "first step s", "MB", "load"]
        tables.append(markdown_table(heading, rows))
    common = Point()
    tables.append(
        f"else: {common.size} x {common.size} pixels, batch {common.batch}, {common.filters} filters, "
        f"{common.images:,} images; {result['points'][0]['precision']}"
    )
    return "\n\n".join(tables)


def run(options: argparse.Namespace) -> None:
    """Measures, prints, writes."""
    if options.seconds is None:
        options.seconds = 2.0 if options.quick else 10.0
    require_positive(vars(options), "seconds")
    if options.only:
        print(json.dumps(measure_point(Point(**json.loads(options.only)), options)))
        return
    result = measure(options)
    print(describe(result))
    write_figures(options.json, result)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer points, two seconds each")
    parser.add_argument("--seconds", type=float, help="of training at each point [10]")
    parser.add_argument("--precision", choices=["auto", "float32", "bfloat16"], default="auto", help="[auto]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="figures of all points")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    return exit_status_of(lambda: run(options))


if __name__ == "__main__":
    raise SystemExit(main())
