"""What the layers made for training save: whole steps with Keras' own layers, and with ours, in turns.

usage: python benchmarks/layer_speed.py [--preset avatars-32 ...] [--precision float32] [--rounds 7] [--json FILE]

Networks in training normalize by one operation (dcgan_hub/training/layers/normalization.py) and compute some gradients
of convolutions in another way (dcgan_hub/training/layers/convolution.py), with the same weights and, up to rounding,
the same results. In every round each variant makes as many steps on one random batch that stays in memory. Prints
medians, what a step takes of all cores together, which depends less on what else the machine does, and the ratio to
Keras' own layers. `train.py` takes our convolutions on processors only, where they were measured.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from reporting.program import exit_status_of, require_positive, write_figures
from reporting.report import load_average, markdown_table, say

from dcgan_hub import __version__
from dcgan_hub.keras_startup import import_keras_quietly

PRESETS = ["mnist-28", "avatars-32", "dcgan-64-light", "dcgan-64"]
PRECISIONS = ["bfloat16", "float32"]
WARM_UP_STEPS = 9  # with and without a penalty
STEPS_A_ROUND = 8  # at least, and always so many times over: each has one step with a penalty
SECONDS_A_ROUND = 1.0
HEADING = ["preset", "precision", "layers", "ms a step", "core ms a step", "images/s", "times Keras' own", "by cores"]


def variants() -> dict[str, Any]:
    """Layers by what they are called in the table, Keras' own first."""
    from dcgan_hub.networks.layer_types import LayerKinds
    from dcgan_hub.training.layers.convolution import Convolution, TransposedConvolution
    from dcgan_hub.training.layers.normalization import FusedBatchNormalization

    return {
        "Keras' own": LayerKinds(),
        "normalization ours": LayerKinds(normalization=FusedBatchNormalization),
        "and convolutions": LayerKinds(Convolution, TransposedConvolution, FusedBatchNormalization),
    }


def compiled_step(
    preset: str, precision: str, kinds: Any, warm_up_steps: int = WARM_UP_STEPS
) -> tuple[Callable[[], Any], int]:
    """A function that makes one step, warmed up, and its images."""
    import tensorflow as tf

    from dcgan_hub.presets import make_settings
    from dcgan_hub.training.model import build_gan

    settings = make_settings(preset, {"data": "synthetic", "precision": precision})
    shape = (settings.training.batch_size, *settings.network.image_size, settings.network.channels)
    batch = tf.constant(np.random.RandomState(0).randint(0, 256, shape, dtype=np.uint8))
    step = build_gan(settings, kinds).compiled_step()
    for _ in range(warm_up_steps):
        step(batch)
    return lambda: step(batch), shape[0]


def timed(step: Callable[[], Any], count: int) -> tuple[float, float]:
    """Seconds a step, and those of all cores."""
    start, start_cores = time.perf_counter(), time.process_time()
    for _ in range(count):
        logs = step()
    float(logs["g_loss"])  # on a GPU the steps may still be under way
    return (time.perf_counter() - start) / count, (time.process_time() - start_cores) / count


def measure(preset: str, precision: str, rounds: int) -> dict[str, Any]:
    """One preset in one precision. Returns what goes into the JSON file."""
    load = load_average()
    steps = {name: compiled_step(preset, precision, kinds) for name, kinds in variants().items()}
    longest = max(timed(step, STEPS_A_ROUND)[0] for step, _ in steps.values())
    count = STEPS_A_ROUND * max(int(SECONDS_A_ROUND / longest / STEPS_A_ROUND), 1)
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, (step, _) in steps.items():
            figures[name].append(timed(step, count))
    seconds = {name: statistics.median(wall for wall, _ in pairs) for name, pairs in figures.items()}
    cores = {name: statistics.median(core for _, core in pairs) for name, pairs in figures.items()}
    images = next(count for _, count in steps.values())
    return {
        "dcgan_hub": __version__, "preset": preset, "precision": precision, "images": images, "seconds": seconds,
        "core_seconds": cores, "rounds": figures, "load_before": load,
    }  # fmt: skip


def rows_of(result: dict[str, Any]) -> list[list[str]]:
    """The lines of the table."""
    seconds, cores = result["seconds"], result["core_seconds"]
    first = next(iter(seconds))
    return [
        [
            result["preset"], result["precision"], name, f"{1000 * seconds[name]:.1f}", f"{1000 * cores[name]:.1f}",
            f"{result['images'] / seconds[name]:.0f}", f"{seconds[first] / seconds[name]:.2f}",
            f"{cores[first] / cores[name]:.2f}",
        ]
        for name in seconds
    ]  # fmt: skip


def run(options: argparse.Namespace) -> None:
    """Measures, prints, writes."""
    require_positive(vars(options), "rounds")
    import_keras_quietly()
    results = []
    for preset in options.preset:
        for precision in options.precision:
            say(f"{preset}, {precision}")
            results.append(measure(preset, precision, options.rounds))
    print(markdown_table(HEADING, [row for result in results for row in rows_of(result)]))
    write_figures(options.json, {"measured": results})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", nargs="+", default=PRESETS, help=f"of the networks [{' '.join(PRESETS)}]")
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=PRECISIONS, help="[both]")
    parser.add_argument("--rounds", type=int, default=7, help="of each variant [7]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures")
    options = parser.parse_args()
    return exit_status_of(lambda: run(options))


if __name__ == "__main__":
    raise SystemExit(main())
