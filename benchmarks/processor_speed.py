"""How fast training and drawing are with the kernels of other processors: steps of all presets, drawing, start, memory.

usage: python benchmarks/processor_speed.py [--preset avatars-32 ...] [--rounds 2] [--seconds 5] [--json FILE]

The settings take turns in every round, each in a process of its own: the processor as it is, oneDNN kept from newer
vector units, and TensorFlow's own engine (Eigen), as TensorFlow chooses by itself on a processor without VNNI, BF16
or AMX units. All is float32. Prints medians: images a second of bare training steps on one batch that stays in memory,
images a second of the preset's generator, seconds to import Keras and make two steps, the first of which is compiled,
and the most memory that the process held. A setting that this processor does not have computes as the one below it.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from layer_speed import compiled_step, variants
from processor_agreement import AS_IT_IS, SETTINGS
from reporting.program import exit_status_of, require_positive, write_figures
from reporting.report import load_average, markdown_table, say

from dcgan_hub import __version__
from dcgan_hub.errors import RunError
from dcgan_hub.keras_startup import import_keras_quietly
from dcgan_hub.presets import PRESETS

ENGINES = [AS_IT_IS, "oneDNN, AVX2", "oneDNN, SSE 4.1", "Eigen"]
FIGURES = {
    "training": "training, images/s", "drawing": "drawing, images/s", "start": "import and first steps, s",
    "memory": "memory, MB",
}  # fmt: skip
DRAWN_AT_ONCE = 64


def images_per_second(make: Any, images: int, seconds: float) -> float:
    """Of repeated calls that make so many images each."""
    made, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        made += images
        make()
    return made / passed


def measure_here(preset: str, seconds: float) -> dict[str, float]:
    """One preset in this process."""
    from dcgan_hub.bundle.generator import Generator
    from dcgan_hub.networks.generator import build_generator
    from dcgan_hub.presets import make_settings

    started = time.time()
    import_keras_quietly()
    step, batch_size = compiled_step(preset, "float32", list(variants().values())[-1], warm_up_steps=1)
    float(step()["g_loss"])
    ready = time.time() - started
    network_settings = make_settings(preset, {}).network
    generator = Generator(network_settings, build_generator(network_settings, "float32"))
    generator.generate(range(DRAWN_AT_ONCE))
    return {
        "training": images_per_second(lambda: np.asarray(step()["g_loss"]), batch_size, seconds),
        "drawing": images_per_second(lambda: generator.generate(range(DRAWN_AT_ONCE)), DRAWN_AT_ONCE, seconds),
        "start": ready,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }


def measure_with(engine: str, preset: str, seconds: float) -> dict[str, float]:
    """One preset in a process with the engine's variables.

    Raises:
        RunError: if the process fails.
    """
    words = [sys.executable, __file__, "--here", "--preset", preset, "--seconds", str(seconds)]
    result = subprocess.run(words, env=os.environ | SETTINGS[engine], stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        raise RunError(f"Every engine must train. Received: status {result.returncode} with {engine}. See above.")
    return json.loads(result.stdout.splitlines()[-1])


def describe(measured: dict[str, Any]) -> str:
    """The table, a line for each preset and engine; ratios are to the processor as it is."""
    rows = []
    for preset, engines in measured.items():
        first = engines[AS_IT_IS]["training"]
        for engine, figures in engines.items():
            cells = [f"{figures[name]:,.3g}" if figures[name] < 100 else f"{figures[name]:,.0f}" for name in FIGURES]
            rows.append([preset, engine, *cells, f"{figures['training'] / first:.2f}"])
    return markdown_table(["preset", "kernels", *FIGURES.values(), "training / as it is"], rows)


def run(options: argparse.Namespace) -> None:
    """Measures, prints, writes."""
    require_positive(vars(options), "rounds", "seconds")
    if options.here:
        print(json.dumps(measure_here(options.preset[0], options.seconds)))
        return
    load = load_average()
    rounds: dict[str, dict[str, list[dict[str, float]]]] = {}
    for number in range(options.rounds):
        for preset in options.preset:
            for engine in ENGINES:
                say(f"round {number + 1} of {options.rounds}: {preset}, {engine}")
                figures = measure_with(engine, preset, options.seconds)
                rounds.setdefault(preset, {}).setdefault(engine, []).append(figures)
    measured = {
        preset: {
            engine: {name: statistics.median(figures[name] for figures in some) for name in FIGURES}
            for engine, some in engines.items()
        }
        for preset, engines in rounds.items()
    }
    print(describe(measured))
    write_figures(options.json, {"dcgan_hub": __version__, "load_before": load, "rounds": rounds, "medians": measured})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", nargs="+", choices=list(PRESETS), default=list(PRESETS), help="[all]")
    parser.add_argument("--rounds", type=int, default=2, help="of each setting [2]")
    parser.add_argument("--seconds", type=float, default=5.0, help="of training, and of drawing, each time [5]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    return exit_status_of(lambda: run(options))


if __name__ == "__main__":
    raise SystemExit(main())
