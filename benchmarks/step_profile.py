"""Where the time of a training step goes: a trace of TensorFlow's profiler, summed up by part and by kind of work.

usage: python benchmarks/step_profile.py [--preset avatars-32 ...] [--size 64] [--steps 32] [--keep DIR] [--json FILE]

Trains on one random batch that stays in memory, so that nothing but the step is seen, and adds up how long each
operation ran. Operations of one step run beside each other, so their sum can be more than the step took: look at the
shares. `--keep` leaves the traces for `tensorboard --logdir DIR` with tensorboard-plugin-profile.
"""

import argparse
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from reporting.program import exit_status_of, require_positive, write_figures
from reporting.report import load_average, markdown_table

from dcgan_hub import __version__
from dcgan_hub.errors import RunError
from dcgan_hub.keras_startup import import_keras_quietly

PRESETS = ["avatars-32", "dcgan-64-light"]
WARM_UP_STEPS = 9
NESTING = {"If", "StatelessIf", "While", "StatelessWhile", "PartitionedCall", "StatefulPartitionedCall"}

# The first that fits the name of an operation. With a penalty, what judges is one of two branches.
PARTS = {
    "penalty steps: discriminator": r"^cond/then/",
    "discriminator, backwards for its update": r"^cond/else/.*gradient_tape/|^gradient_tape/discriminator\w*/.*Filter",
    "discriminator, forwards for its update": r"^cond/else/.*discriminator",
    "optimizers": r"_optimizer/",
    "discriminator, backwards for the generator": r"^gradient_tape/discriminator",
    "discriminator, forwards for the generator": r"^discriminator",
    "generator, backwards": r"^gradient_tape/generator",
    "generator, forwards": r"^generator",
    "moving average, metrics, random numbers, the rest": r"",
}
KINDS = {
    "convolutions and matrix products": r"Conv2D|MatMul",
    "normalization, activations and other arithmetic": r"",
}


def traced(options: argparse.Namespace, preset: str, folder: Path) -> tuple[float, str]:
    """Trains under the profiler: seconds a step and the precision."""
    import_keras_quietly()
    import tensorflow as tf

    from dcgan_hub.presets import make_settings
    from dcgan_hub.training.hardware import resolve_precision
    from dcgan_hub.training.model import build_gan

    values: dict[str, Any] = {"data": "synthetic", "precision": resolve_precision(options.precision)}
    if options.size:
        values["image_size"] = (options.size, options.size)
    if options.batch:
        values["batch_size"] = options.batch
    settings = make_settings(preset, values)
    shape = (settings.training.batch_size, *settings.network.image_size, settings.network.channels)
    batch = tf.constant(np.random.RandomState(0).randint(0, 256, shape, dtype=np.uint8))
    step = build_gan(settings).compiled_step()
    for _ in range(WARM_UP_STEPS):
        step(batch)
    details = tf.profiler.experimental.ProfilerOptions(host_tracer_level=3, python_tracer_level=0)
    with tf.profiler.experimental.Profile(str(folder), options=details):
        start = time.perf_counter()
        for _ in range(options.steps):
            float(step(batch)["g_loss"])
        seconds = (time.perf_counter() - start) / options.steps
    return seconds, settings.training.precision


def operations(folder: Path) -> Iterator[tuple[str, str, float]]:
    """Name, kind and seconds of each operation in the trace."""
    try:
        from tensorflow.tsl.profiler.protobuf import xplane_pb2
    except ImportError as error:
        raise RunError(
            f"The trace must be readable. Received: {error}. TensorFlow 2.21 has this module; open the trace of --keep "
            "in TensorBoard."
        ) from None
    files = sorted(folder.rglob("*.xplane.pb"))
    if not files:
        raise RunError("The profiler must write a trace. Received: none. Try again, with nothing else profiling.")
    space = xplane_pb2.XSpace()
    space.ParseFromString(files[-1].read_bytes())
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name, colon, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
                if colon and kind.isidentifier() and not name.endswith(":") and kind not in NESTING:
                    yield name, kind, event.duration_ps / 1e12


def summed(folder: Path, steps: int) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds a step by part and by kind of work."""
    parts, kinds = Counter[str](), Counter[str]()
    for name, kind, seconds in operations(folder):
        parts[next(part for part, pattern in PARTS.items() if re.search(pattern, name))] += seconds / steps
        kinds[next(work for work, pattern in KINDS.items() if re.search(pattern, kind))] += seconds / steps
    return dict(parts), dict(kinds)


def describe(result: dict[str, Any]) -> str:
    """The tables."""
    tables = []
    for heading, sums in (("part of a step", result["parts"]), ("kind of work", result["kinds"])):
        whole = sum(sums.values())
        rows = sorted(sums.items(), key=lambda row: -row[1])
        cells = [[name, f"{1000 * seconds:.2f}", f"{seconds / whole:.1%}"] for name, seconds in rows]
        tables.append(markdown_table([heading, "ms in operations", "share"], cells))
    tables.append(
        f"{result['preset']}, {result['precision']}: {1000 * result['seconds']:.1f} ms a step under the profiler; load "
        f"average {result['load_before']}"
    )
    return "\n\n".join(tables)


def measure(options: argparse.Namespace, preset: str, folder: Path) -> dict[str, Any]:
    """One preset. Returns what goes into the JSON file."""
    load = load_average()
    seconds, precision = traced(options, preset, folder)
    parts, kinds = summed(folder, options.steps)
    return {
        "dcgan_hub": __version__, "preset": preset, "precision": precision, "seconds": seconds, "parts": parts,
        "kinds": kinds, "load_before": load,
    }  # fmt: skip


def run(options: argparse.Namespace) -> None:
    """Measures, prints, writes."""
    require_positive(vars(options), "steps")
    results = []
    with tempfile.TemporaryDirectory() as temporary:
        for preset in options.preset:
            results.append(measure(options, preset, (options.keep or Path(temporary)) / preset))
            print(describe(results[-1]) + "\n")
    write_figures(options.json, {"presets": results})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", nargs="+", default=PRESETS, help=f"of the networks [{' '.join(PRESETS)}]")
    parser.add_argument("--size", type=int, help="pixels a side [the preset's]")
    parser.add_argument("--batch", type=int, help="images a step [the preset's]")
    parser.add_argument("--steps", type=int, default=32, help="in the trace [32]")
    parser.add_argument("--precision", choices=["auto", "float32", "bfloat16"], default="auto", help="[auto]")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where the traces stay [they are removed]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the sums")
    options = parser.parse_args()
    return exit_status_of(lambda: run(options))


if __name__ == "__main__":
    raise SystemExit(main())
