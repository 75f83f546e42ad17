"""Makes runs fail in known ways, shows what the doctor says and when, and how --heal ends beside a healthy run.

usage: python benchmarks/doctor.py [--only NAME ...] [--steps 1000] [--seed 0] [--healthy-seeds 1 2] [--keep DIR]

Trains at 32 x 32 with 16 filters on the embedded drawings, each failure without and with --heal. Prints a table in
Markdown and ends with status 1 if a failure was not found as the kind that it is, or a healthy run raised an alarm.
Takes half a minute to a minute a run on two cores. What the findings mean: docs/doctor.md.
"""

import argparse
import json
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
FEW = 100  # images of the small set


@dataclass(frozen=True)
class Failure:
    """A run made to fail.

    Args:
        name: in the table.
        options: of train.py.
        findings: names of which one must be found.
        length: steps, as a multiple of --steps.
        few: whether it learns from 100 images only.
        slow: whether it is left out unless --only names it.
    """

    name: str
    options: str
    findings: tuple[str, ...]
    length: float = 1.0
    few: bool = False
    slow: bool = False


FAILURES = (
    Failure("learning rate 100 times too high", "--learning-rate 0.2", ("exploding", "not-finite")),
    Failure("learning rate 1, overflow", "--learning-rate 1", ("not-finite", "exploding")),
    Failure(
        "discriminator that learns nothing", "--discriminator-learning-rate 1e-7", ("discriminator-gave-up",)
    ),
    Failure(
        "discriminator far too strong",
        "--discriminator-learning-rate 4e-3 --generator-learning-rate 2e-5 --r1-gamma 0",
        ("discriminator-wins",),
    ),
    Failure(
        "generator rate far too high",
        "--generator-learning-rate 0.2",
        ("generator-dead", "generator-saturated", "collapse"),
    ),
    Failure(
        "generator far faster than discriminator",
        "--generator-learning-rate 2e-2 --discriminator-learning-rate 2e-4 --r1-gamma 0",
        ("discriminator-gave-up", "collapse"),
    ),
    Failure("100 images, no augmentation", "--augmentation none", ("memorisation",), length=8.0, few=True, slow=True),
)  # fmt: skip


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


def quality(run: dict[str, Any]) -> tuple[float, float] | None:
    """KID and FID of the last measurement, if the run got to its end."""
    measured = [row for row in run["rows"] if "kid" in row]
    return (measured[-1]["kid"], measured[-1]["fid"]) if measured and run["state"] == "finished" else None


def shown_quality(measured: tuple[float, float] | None, healthy: tuple[float, float] | None = None) -> str:
    if measured is None:
        return "failed"
    ratio = f" ({measured[1] / healthy[1]:.2f} x)" if healthy else ""
    return f"{measured[0]:.2f}, {measured[1]:.0f}{ratio}"


def shown_finding(finding: dict[str, Any] | None) -> str:
    return f"{finding['name']} at {finding['step']:,}" if finding else "NOTHING FOUND"


def shown_healings(run: dict[str, Any]) -> str:
    told = []
    for healing in run["healings"]:
        changes = ", ".join(f"{name} {old} to {new}" for name, (old, new) in healing["changes"].items())
        told.append(f"{healing['finding']} at {healing['at_step']:,}, back to {healing['back_to']:,}: {changes}")
    return "; ".join(told) or "none"


def small_set(folder: Path) -> Path:
    """100 of the embedded drawings."""
    from dcgan_hub.images.preparation import prepare_images

    images = prepare_images("avatars", image_size=(32, 32), channels=3, show_progress=False).images
    np.save(folder / "few.npy", images[:FEW])
    return folder / "few.npy"


def words_of(options: argparse.Namespace, length: float, seed: int, few: Path | None) -> list[str]:
    data = ["--data", str(few)] if few else []
    steps = round(options.steps * length)
    return [*data, "--steps", str(steps), "--evaluate-every", str(options.steps), "--seed", str(seed)]


def report_healthy(folder: Path, options: argparse.Namespace) -> tuple[list[tuple[float, float]], bool]:
    """Trains healthy runs; returns their quality and whether all stayed quiet."""
    measured, quiet = [], True
    tasks = [(folder / f"healthy-{seed}", words_of(options, 1.0, seed, None)) for seed in options.healthy_seeds]
    for seed, run in zip(options.healthy_seeds, train_at_once(tasks), strict=True):
        measured.append(quality(run) or (float("nan"),) * 2)
        quiet &= not run["health"]
        alarms = ", ".join(shown_finding(finding) for finding in run["health"]) or "quiet"
        print(f"| healthy, seed {seed} | {alarms} | {shown_quality(measured[-1])} | | |", flush=True)
    return measured, quiet


def report_failure(failure: Failure, folder: Path, options: argparse.Namespace, healthy: Any) -> bool:
    """Trains one failure without and with --heal and prints its row; whether it was found."""
    few = small_set(folder) if failure.few else None
    words = [*words_of(options, failure.length, options.seed, few), *failure.options.split()]
    name = failure.name.replace(" ", "-")
    ill, healed = train_at_once([(folder / name, words), (folder / f"{name}-healed", [*words, "--heal"])])
    found = next((finding for finding in ill["health"] if finding["name"] in failure.findings), None)
    first = found or (ill["health"] or [None])[0]
    print(
        f"| {failure.name} | {shown_finding(first)} | {shown_quality(quality(ill), healthy)} | "
        f"{shown_quality(quality(healed), healthy)} | {shown_healings(healed)} |",
        flush=True,
    )
    return found is not None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="+", metavar="TEXT", help="failures with these texts in their names [all but slow ones]"
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
        measured, good = report_healthy(folder, options)
        healthy = sorted(measured)[len(measured) // 2] if measured else None
        for failure in FAILURES:
            if any(text in failure.name for text in options.only) if options.only else not failure.slow:
                good &= report_failure(failure, folder, options, None if failure.few else healthy)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
