"""Trains one recipe with several seeds: whether every run gets as far, and whether the doctor stays quiet.

usage: python benchmarks/seeds.py [--seeds 3] [--steps 2000] [--data avatars] [--preset avatars-32] [--json FILE]
       python benchmarks/seeds.py --seeds 10 --steps 10000 --at-once 2       (the table in docs/experiments.md)

Measures each run with as many images as `--count` against the images that it learned from. Prints a Markdown table, the
median and the worst FID. Ends with status 1 if the doctor raised an alarm, or if the worst FID is more than half above
the median. All runs have as many steps, so other work on the machine changes how long it takes, and nothing else.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from reporting.program import exit_status_of, require_positive, write_figures
from reporting.report import PAGE_IMAGES, markdown_table, save_page, say

from dcgan_hub import __version__
from dcgan_hub.errors import RunError
from dcgan_hub.images.preparation.prepare import prepare_images
from dcgan_hub.keras_startup import import_keras_quietly

TRAIN = Path(__file__).resolve().parent.parent / "train.py"
WORST = 1.5  # times the median
HEADING = ["seed", "FID", "KID x 1000", "recall", "alarms"]


def train(run: Path, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Trains as a user would; returns run.json."""
    words = ["--data", options.data, "--preset", options.preset, "--steps", str(options.steps)]
    words += ["--seed", str(seed), "--run", str(run), "--quiet", *shlex.split(options.options)]
    cores = max((os.cpu_count() or 1) // options.at_once, 1)
    environment = os.environ | ({"TF_NUM_INTRAOP_THREADS": str(cores)} if options.at_once > 1 else {})
    command = [sys.executable, str(TRAIN), *words]
    status = subprocess.run(command, stdout=sys.stderr, env=environment, check=False).returncode
    if status:
        raise RunError(
            f"Training must come to its end. Received: status {status} of train.py {' '.join(words)}. "
            "See its messages above."
        )
    say(f"seed {seed}: trained")
    return json.loads((run / "run.json").read_text(encoding="utf-8"))


def measure_runs(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Trains all seeds, then measures them."""
    folders = [folder / f"seed-{seed}" for seed in range(options.seeds)]
    with ThreadPoolExecutor(max_workers=options.at_once) as pool:
        runs = list(pool.map(lambda seed: train(folders[seed], seed, options), range(options.seeds)))
    import_keras_quietly()
    from dcgan_hub.bundle.generator import Generator
    from dcgan_hub.evaluation.evaluator import Evaluator

    network = runs[0]["settings"]["network"]
    prepared = prepare_images(options.data, image_size=tuple(network["image_size"]), channels=network["channels"])
    evaluator = Evaluator(prepared, count=options.count, show_progress=False)
    results = []
    for run, path in zip(runs, folders, strict=True):
        draw = Generator.from_pretrained(path / "generator").generate_in_chunks
        measures = evaluator.measure(draw)
        seed = run["settings"]["training"]["seed"]
        if options.json is not None:
            page = options.json.with_name(f"{options.json.stem}-{seed}.png")
            save_page(np.concatenate(list(draw(range(PAGE_IMAGES)))), page)
        results.append({"seed": seed, "health": run["health"], "measures": measures.to_dict()})
    return results


def describe(results: list[dict[str, Any]]) -> str:
    """The table, and the two figures that count."""
    rows = []
    for result in results:
        measures = result["measures"]
        alarms = ", ".join(f"{finding['name']} at {finding['step']:,}" for finding in result["health"])
        rows.append(
            [
                str(result["seed"]),
                f"{measures['fid']:.4g}",
                f"{1000 * measures['kid']:.0f} ± {1000 * measures['kid_error']:.0f}",
                f"{measures['recall']:.3f}",
                alarms or "none",
            ]
        )
    median, worst = median_and_worst(results)
    return f"{markdown_table(HEADING, rows)}\n\nFID: median {median:.4g}, worst {worst:.4g} ({worst / median:.2f} x)"


def median_and_worst(results: list[dict[str, Any]]) -> tuple[float, float]:
    fids = [result["measures"]["fid"] for result in results]
    return statistics.median(fids), max(fids)


def run(options: argparse.Namespace) -> bool:
    """Measures, prints, writes; returns whether all is well."""
    require_positive(vars(options), "seeds", "steps", "at_once", "count")
    with tempfile.TemporaryDirectory() as folder:
        results = measure_runs(options, Path(folder).resolve())
    print(describe(results))
    write_figures(options.json, {"dcgan_hub": __version__, "steps": options.steps, "runs": results})
    median, worst = median_and_worst(results)
    return worst <= WORST * median and not any(result["health"] for result in results)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="runs, with seeds from 0 on [3]")
    parser.add_argument("--steps", type=int, default=2000, help="of each [2000]")
    parser.add_argument("--at-once", type=int, default=1, metavar="N", help="runs that share the processor [1]")
    parser.add_argument("--data", default="avatars", help="as for train.py [avatars]")
    parser.add_argument("--preset", default="avatars-32", help="as for train.py [avatars-32]")
    parser.add_argument("--options", default="", metavar="TEXT", help="more options of train.py, in one text")
    parser.add_argument("--count", type=int, default=2000, help="images to generate of each run [2000]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="figures of all runs; pages of images beside it")
    options = parser.parse_args()
    well: list[bool] = []
    status = exit_status_of(lambda: well.append(run(options)))
    return status or int(not all(well))


if __name__ == "__main__":
    raise SystemExit(main())
