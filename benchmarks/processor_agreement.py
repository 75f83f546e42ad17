"""How far the images of one generator agree between kernels of other processors and other numbers of threads.

usage: python benchmarks/processor_agreement.py [--count 512] [--model RUN ...] [--json FILE]

Each setting draws the same seeds in a process of its own: the processor as it is, oneDNN kept from newer vector units,
TensorFlow's own engine (Eigen), fewer and more threads. Within a setting an image must be the same to the bit alone,
among others, and in another order; between settings bytes may differ by 1 of 255. The models are the embedded one and
networks of the presets with random weights, as lively as trained ones. Prints the largest difference from the images of
the processor as it is and how many bytes of a million differ; ends with status 1 where an image depends on its
neighbors or a byte differs by more than 1.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from reporting.program import exit_status_of, require_positive, write_figures
from reporting.report import markdown_table, say

from dcgan_hub import __version__
from dcgan_hub.errors import RunError
from dcgan_hub.keras_startup import ONEDNN_SWITCH, import_keras_quietly
from dcgan_hub.presets import PRESETS

AS_IT_IS = "as it is"
SETTINGS = {
    AS_IT_IS: {},
    "oneDNN, AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "oneDNN, AVX": {"ONEDNN_MAX_CPU_ISA": "AVX"},
    "oneDNN, SSE 4.1": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "Eigen": {ONEDNN_SWITCH: "0"},
    "one thread": {"TF_NUM_INTRAOP_THREADS": "1"},
    "three threads": {"TF_NUM_INTRAOP_THREADS": "3"},
    "four threads": {"TF_NUM_INTRAOP_THREADS": "4"},
}
EMBEDDED = "avatars"
ALONE = 32  # images that are drawn once more, one by one and in threes


def draw(models: list[str], count: int, path: Path) -> None:
    """Draws the models' images, checks that none depends on its neighbors, and writes all to one file."""
    import_keras_quietly()
    images = {}
    for model in models:
        generator = _lively(model) if model in PRESETS else _load(model)
        together = generator.generate(range(count))
        some = range(min(count, ALONE))
        alone = np.concatenate([generator.generate([seed]) for seed in some])
        threes = np.concatenate([generator.generate(some[start : start + 3]) for start in range(0, len(some), 3)])
        backwards = generator.generate(range(count)[::-1])[::-1]
        independent = all(np.array_equal(part, together[: len(part)]) for part in (alone, threes, backwards))
        images[f"{model} images"], images[f"{model} independent"] = together, np.array(independent)
    np.savez(path, **images)


def _load(model: str) -> Any:
    from dcgan_hub.bundle.generator import Generator

    return Generator.from_pretrained(model)


def _lively(preset: str) -> Any:
    """The preset's generator with random weights whose images use the whole range of tones."""
    from dcgan_hub.bundle.generator import Generator
    from dcgan_hub.networks.generator import build_generator
    from dcgan_hub.presets import make_settings

    network_settings = make_settings(preset, {}).network
    network = build_generator(network_settings, "float32")
    random = np.random.default_rng(0)
    for variable in network.variables:
        if variable.name == "kernel":
            inputs = variable.shape[0] if len(variable.shape) == 2 else variable.shape[0] ** 2 * max(variable.shape[2:])
            variable.assign(random.normal(0.0, 2.5 / np.sqrt(inputs), variable.shape))
    return Generator(network_settings, network)


def draw_elsewhere(setting: str, models: list[str], count: int, path: Path) -> dict[str, np.ndarray]:
    """What `draw` writes in a process with the setting's variables.

    Raises:
        RunError: if the process fails.
    """
    words = [sys.executable, __file__, "--draw-to", str(path), "--count", str(count)]
    words += [word for model in models for word in ("--model", model)]
    result = subprocess.run(words, env=os.environ | SETTINGS[setting], check=False)
    if result.returncode:
        raise RunError(
            f"Every setting must draw. Received: status {result.returncode} with {SETTINGS[setting]}. See above."
        )
    with np.load(path) as images:
        return dict(images)


def measure(models: list[str], count: int, folder: Path) -> dict[str, Any]:
    """Largest difference and differing bytes of a million, by setting and model."""
    results: dict[str, Any] = {}
    expected: dict[str, np.ndarray] = {}
    for number, setting in enumerate(SETTINGS):
        say(f"drawing with {setting} ...")
        drawn = draw_elsewhere(setting, models, count, folder / f"{number}.npz")
        expected = expected or drawn
        results[setting] = {model: _compare(drawn, expected, model) for model in models}
    return {"dcgan_hub": __version__, "count": count, "settings": SETTINGS, "results": results}


def _compare(drawn: dict[str, np.ndarray], expected: dict[str, np.ndarray], model: str) -> dict[str, Any]:
    differences = np.abs(drawn[f"{model} images"].astype(int) - expected[f"{model} images"])
    return {
        "independent": bool(drawn[f"{model} independent"]),
        "largest": int(differences.max()),
        "per_million": 1e6 * float(np.mean(differences > 0)),
    }


def describe(result: dict[str, Any]) -> str:
    """The table: bytes of a million that differ, by setting and model."""
    models = list(result["results"][AS_IT_IS])
    rows = []
    for setting, row in result["results"].items():
        cells = [f"{figures['per_million']:.1f}" for figures in row.values()]
        largest = max(figures["largest"] for figures in row.values())
        alike = "yes" if all(figures["independent"] for figures in row.values()) else "NO"
        rows.append([setting, *cells, str(largest), alike])
    return markdown_table(["kernels", *models, "largest difference", "neighbors never matter"], rows)


def holds(result: dict[str, Any]) -> bool:
    """Whether no image depends on its neighbors and no byte differs by more than 1."""
    figures = [figures for row in result["results"].values() for figures in row.values()]
    return all(item["independent"] and item["largest"] <= 1 for item in figures)


def run(options: argparse.Namespace) -> None:
    """Measures, prints, writes."""
    require_positive(vars(options), "count")
    models = options.model or [EMBEDDED, *PRESETS]
    if options.draw_to:
        draw(models, options.count, options.draw_to)
        return
    with tempfile.TemporaryDirectory() as folder:
        result = measure(models, options.count, Path(folder))
    print(describe(result))
    write_figures(options.json, result)
    if not holds(result):
        raise SystemExit(1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=512, help="images of each model [512]")
    parser.add_argument(
        "--model", action="append", metavar="RUN", help="run, bundle or preset; may be given several times [all]"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures")
    parser.add_argument("--draw-to", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    return exit_status_of(lambda: run(options))


if __name__ == "__main__":
    raise SystemExit(main())
