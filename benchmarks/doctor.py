"""Makes runs fail in known ways, shows what the doctor says and when, and how --heal ends beside a healthy run.

usage: python benchmarks/doctor.py [--only TEXT ...] [--clothes DATA] [--steps 1000] [--seed 0] [--healthy-seeds 1 2]
                                   [--keep DIR]

Trains at 32 x 32 with 16 filters on the embedded drawings, each failure without and with --heal; with --clothes, the
images of Fashion-MNIST, also failures that need them. Prints a table in Markdown and ends with status 1 if a failure
was not found as the kinds that it is, or a healthy run raised an alarm. Takes half a minute to a minute for 1,000 steps
of two runs on two cores. What the findings mean: docs/doctor.md.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

TRAIN = Path(__file__).resolve().parent.parent / "train.py"
# Close reports and sheets, so that a short run has as many of them as one of usual length.
COMMON = (
    "--preset avatars-32 --filters 16 --precision float32 --report-every 25 --sample-every 100 --checkpoint-every 100 "
    "--evaluate-images 500"
)


@dataclass(frozen=True)
class Failure:
    """A run made to fail.

    Args:
        name: in the table.
        options: of train.py.
        findings: groups of names; of each group one must be found.
        length: steps, as a multiple of --steps.
        data: "drawings", "clothes", or either with a number of images, as in "16 drawings".
    """

    name: str
    options: str
    findings: tuple[frozenset[str], ...]
    length: float = 1.0
    data: str = "drawings"


def any_of(*names: str) -> frozenset[str]:
    return frozenset(names)


FAILURES = (
    Failure("learning rate 100 times too high", "--learning-rate 0.2", (any_of("exploding", "not-finite"),)),
    Failure("learning rate 1, overflow", "--learning-rate 1", (any_of("not-finite", "exploding"),)),
    Failure(
        "discriminator that learns nothing",
        "--discriminator-learning-rate 1e-7",
        (any_of("discriminator-gave-up"),),
    ),
    Failure(
        "discriminator far too strong",
        "--discriminator-learning-rate 4e-3 --generator-learning-rate 2e-5 --r1-gamma 0",
        (any_of("discriminator-wins"),),
    ),
    Failure(
        "generator rate far too high",
        "--generator-learning-rate 0.2",
        (any_of("generator-dead", "generator-saturated", "collapse"),),
    ),
    Failure(
        "generator rate far too high, no normalization",
        "--generator-learning-rate 0.2 --generator-normalization none",
        (any_of("generator-dead"),),
    ),
    Failure(
        "generator far faster than discriminator",
        "--generator-learning-rate 2e-2 --discriminator-learning-rate 2e-4 --r1-gamma 0",
        (any_of("discriminator-gave-up", "collapse"),),
    ),
    Failure(
        "16 images",
        "--augmentation none --batch-size 16",
        (any_of("memorisation"),),
        length=2.0,
        data="16 drawings",
    ),
    Failure(
        "200 images, weak augmentation, no R1",
        "--augmentation fixed --augmentation-strength 0.2 --augmentation-color yes --r1-gamma 0 --learning-rate 4e-3",
        (any_of("augmentation-leak"),),
        length=2.0,
        data="200 clothes",
    ),
    Failure(
        "200 images, nothing against learning by heart",
        "--augmentation none --r1-gamma 0 --learning-rate 4e-3",
        (any_of("discriminator-wins"), any_of("memorisation"), any_of("coverage-falls")),
        length=5.0,
        data="200 clothes",
    ),
)


def train(run: Path, words: list[str]) -> dict[str, Any]:
    """Trains and returns run.json and the lines of metrics; a run that fails is what is wanted."""
    command = [sys.executable, str(TRAIN), "--quiet", "--run", str(run), *COMMON.split(), *words]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode not in (0, 2) or not (run / "metrics.jsonl").exists():
        raise SystemExit(result.stdout + result.stderr)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return json.loads((run / "run.json").read_text(encoding="utf-8")) | {"rows": rows}


def train_at_once(tasks: list[tuple[Path, list[str]]]) -> list[dict[str, Any]]:
    """Trains two runs at a time; small networks leave half of two cores idle."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(lambda task: train(*task), tasks))


def quality(run: dict[str, Any]) -> dict[str, float] | None:
    """The last line of figures that were measured, if the run got to its end."""
    measured = [row for row in run["rows"] if "near_copies" in row or "kid" in row]
    return measured[-1] if measured and run["state"] == "finished" else None


def shown_quality(measured: dict[str, float] | None, healthy_fid: float | None = None) -> str:
    """KID and FID, with the FID beside a healthy run's; the share of near copies where there are any."""
    if measured is None:
        return "failed"
    shown = []
    if "kid" in measured:
        shown += [f"{measured['kid']:.2f}, {measured['fid']:.0f}"]
    if healthy_fid:
        shown[-1] += f" ({measured['fid'] / healthy_fid:.2f} x)"
    if measured.get("near_copies", 0.0) > measured.get("near_copies_of_real", 0.0):
        shown += [f"{measured['near_copies']:.0%} near copies"]
    return "; ".join(shown) or "no near copies"


def shown_findings(findings: list[dict[str, Any]]) -> str:
    return ", ".join(f"{finding['name']} at {finding['step']:,}" for finding in findings) or "quiet"


def shown_healings(run: dict[str, Any]) -> str:
    told = []
    for rollback in run["healings"]:
        changes = ", ".join(f"{name} {old} to {new}" for name, (old, new) in rollback["changes"].items())
        told.append(f"{rollback['finding']} at {rollback['at_step']:,}, back to {rollback['back_to']:,}: {changes}")
    return "; ".join(told) or "none"


def words_of(options: argparse.Namespace, length: float, seed: int, data: str, folder: Path) -> list[str]:
    """What train.py is told beside COMMON; the images are written to the folder where only some are wanted."""
    *count, kind = data.split()
    source = options.clothes if kind == "clothes" else "avatars"
    if count:
        source = str(write_some(source, int(count[0]), folder / f"{data.replace(' ', '-')}.npy"))
    steps = round(options.steps * length)
    return ["--data", source, "--steps", str(steps), "--evaluate-every", str(options.steps // 2), "--seed", str(seed)]


def write_some(source: str, count: int, file: Path) -> Path:
    from dcgan_hub.images.preparation.prepare import prepare_images

    images = prepare_images(source, image_size=(32, 32), channels=None, show_progress=False).images
    np.save(file, images[np.sort(np.random.RandomState(0).permutation(len(images))[:count])])
    return file


def report_healthy(folder: Path, options: argparse.Namespace) -> tuple[dict[str, list[dict[str, Any]]], bool]:
    """Trains healthy runs; returns them by their data, and whether all stayed quiet."""
    longest = {"drawings": 1.0} | ({"200 clothes": 5.0} if options.clothes else {})
    runs: dict[str, list[dict[str, Any]]] = {}
    for data, length in longest.items():
        tasks = [
            (folder / f"healthy-{seed}-{data.replace(' ', '-')}", words_of(options, length, seed, data, folder))
            for seed in options.healthy_seeds
        ]
        runs[data] = train_at_once(tasks)
        for seed, run in zip(options.healthy_seeds, runs[data], strict=True):
            label = f"healthy, {data}, seed {seed}"
            print(f"| {label} | {shown_findings(run['health'])} | {shown_quality(quality(run))} | | |", flush=True)
    return runs, not any(run["health"] for same_data in runs.values() for run in same_data)


def report_failure(
    failure: Failure, folder: Path, options: argparse.Namespace, healthy: dict[str, list[dict[str, Any]]]
) -> bool:
    """Trains one failure without and with --heal and prints its row; whether it was found."""
    words = [*words_of(options, failure.length, options.seed, failure.data, folder), *failure.options.split()]
    name = "-".join(failure.name.replace(",", "").split())
    ill, healed = train_at_once([(folder / name, words), (folder / f"{name}-healed", [*words, "--heal"])])
    found = {finding["name"] for finding in ill["health"]}
    beside = healthy_fid(healthy.get(failure.data, []), round(options.steps * failure.length))
    print(
        f"| {failure.name} | {shown_findings(ill['health'])} | {shown_quality(quality(ill), beside)} | "
        f"{shown_quality(quality(healed), beside)} | {shown_healings(healed)} |",
        flush=True,
    )
    return all(found & wanted for wanted in failure.findings)


def healthy_fid(runs: list[dict[str, Any]], step: int) -> float | None:
    """The median of healthy runs after as many steps."""
    distances = [row["fid"] for run in runs for row in run["rows"] if row["step"] == step and "fid" in row]
    return statistics.median(distances) if distances else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="+", metavar="TEXT", default=[""], help="failures with these texts in their names"
    )
    parser.add_argument(
        "--clothes", metavar="DATA", help="images of Fashion-MNIST, as train.py reads them; fashion-mnist fetches them"
    )
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the failing runs")
    parser.add_argument("--healthy-seeds", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the runs here")
    options = parser.parse_args()
    print("| run | found | KID, FID | with --heal (FID beside healthy) | healings |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        healthy, good = report_healthy(folder, options)
        for failure in FAILURES:
            if failure.data.endswith("clothes") and not options.clothes:
                continue
            if any(text in failure.name for text in options.only):
                good &= report_failure(failure, folder, options, healthy)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
