"""Trains this package and a peer for the same time, and measures both on held-out images.

usage: python benchmarks/quality.py --set adventurer cifar10 --data FACES CIFAR10 --torch-python PATH [--json FILE]
       python benchmarks/quality.py --data DATA --minutes 10 --only ours --options "--filters 64"
       python benchmarks/quality.py --data DATA --peer keras-ada --judges all --judge-packages FOLDER
       python benchmarks/quality.py            (the embedded drawings, one minute)

A single word behind --options or --peer-options needs the sign =, as in --peer-options=--bfloat16.

Each set is split by a seeded permutation into held-out images and training images. Then `train.py --minutes M` and the
peer (benchmarks/peer/: the DCGAN of PyTorch's tutorial by default) train one after the other, each in a process of its
own with the machine to itself, from the same array; time counts from the first step on. Both generate as many images,
and the held-out images are the measure for both. "real" is the floor: training images measured in the same way. Prints
a Markdown table, and where there are two judges or more whether ours are better by them (benchmarks/judges/verdict.py).
Beside the file of `--json` there is a page of the first 64 images of each. Figures are as good as the machine is quiet:
see `load_before` in the JSON.
"""

import argparse
import contextlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from judges.panel import OWN, Judge, add_judges, chosen_judges, open_networks, require_packages, seat
from judges.verdict import ENOUGH, compared, is_better
from peer.process import PEERS, Peer, add_torch_python, run_peer
from reporting.program import exit_status_of, require_positive, write_figures
from reporting.quality_table import describe
from reporting.report import load_average, save_page, say, sheets_side_by_side

from dcgan_hub import __version__
from dcgan_hub.errors import DataError, RunError, SettingsError
from dcgan_hub.images.grids import save_png
from dcgan_hub.images.preparation.prepare import prepare_images
from dcgan_hub.images.preparation.prepared import PreparedImages
from dcgan_hub.keras_startup import import_keras_quietly

if TYPE_CHECKING:
    from dcgan_hub.bundle.generator import Generator
    from dcgan_hub.evaluation.evaluator import Evaluator
    from dcgan_hub.evaluation.results import Measures

TRAIN = Path(__file__).resolve().parent.parent / "train.py"
MIN_TRAINING_IMAGES = 128  # one batch of the peer
WRITTEN_AT_ONCE = 1024  # images


@dataclass(frozen=True, kw_only=True)
class Task:
    """One set and how it is measured; a row of `SETS` once its data are known."""

    name: str = ""
    data: str = ""
    size: int | None = None  # pixels a side; None: as the images are
    minutes: float = 10.0
    limit: int | None = None  # training images, of those that are not held out
    held_out: int = 5000
    count: int = 5000  # generated images


SETS = {
    "adventurer": Task(size=64, minutes=20),
    "cifar10": Task(size=32, minutes=10),
    "fashion-mnist": Task(size=28, minutes=5),
    "adventurer-500": Task(size=64, minutes=10, limit=500),
    "avatars": Task(size=32, minutes=1, held_out=500, count=1000),
}


@dataclass(frozen=True)
class Split:
    """The two parts of a set, as files and opened."""

    training_file: Path
    training: np.ndarray  # uint8 (N, H, W, C)
    unused: np.ndarray  # the same form: not held out, and beyond the limit
    held_out: PreparedImages


@dataclass(frozen=True)
class Contestant:
    """What was trained, or real images in the place of it."""

    label: str
    recipe: str
    facts: dict[str, Any]  # images_seen, seconds, images_per_second, load_before; empty for real images
    images: np.ndarray  # uint8 (N, H, W, C)

    @property
    def title(self) -> str:
        """For a sheet."""
        return self.recipe.split(":")[0] if self.label == "peer" else self.label


def tasks_of(options: argparse.Namespace) -> list[Task]:
    """What the command line asks for. Raises SettingsError unless sets and data fit together."""
    names = options.set or []
    data = options.data or (["avatars"] if names in ([], ["avatars"]) else [])
    names = names or (["avatars"] if data == ["avatars"] else [None])
    names = names * max(len(data), 1) if len(names) == 1 else names
    if len(names) != len(data):
        raise SettingsError(
            f"Every --set needs its DATA. Received: {len(names) or 1} of --set and {len(data)} of --data. "
            "Give as many, in the same order."
        )
    given = {name: getattr(options, name) for name in ("minutes", "size", "limit", "held_out", "count")}
    given = {name: value for name, value in given.items() if value is not None}
    tasks, seen = [], Counter[str]()
    for name, source in zip(names, data, strict=True):
        row = asdict(SETS[name]) if name else asdict(Task())
        own_name = name or Path(source).stem
        seen[own_name] += 1
        own_name += f"-{seen[own_name]}" if seen[own_name] > 1 else ""  # or one sheet would replace the other
        tasks.append(Task(**row | {"name": own_name, "data": source} | given))
    require_positive(given, *given)
    return tasks


def split_set(task: Task, seed: int, folder: Path) -> Split:
    """Prepares a set and writes both parts as arrays. Raises DataError for too few images or such as are not square."""
    prepared = prepare_images(task.data, image_size=(task.size, task.size) if task.size else None, channels=None)
    images = prepared.images
    if images.shape[1] != images.shape[2]:
        raise DataError(f"Images must be square here. Received: {images.shape[1:3]}. Give --size.")
    if len(images) < task.held_out + MIN_TRAINING_IMAGES:
        raise DataError(
            f"There must be {MIN_TRAINING_IMAGES} images beside the held-out ones. Received: {len(images):,} images "
            f"in {prepared.report.source} with --held-out {task.held_out}. "
            f"Try --held-out {max(len(images) // 4, 100)}, or give more images."
        )
    order = np.random.RandomState(seed).permutation(len(images))
    held_out, rest = order[: task.held_out], order[task.held_out :]
    training, unused = (rest[: task.limit], rest[task.limit :]) if task.limit else (rest, rest[:0])
    parts = {"held-out": held_out, "training": training, "unused": unused[: task.count]}
    files = {name: write_rows(images, rows, folder / f"{name}.npy") for name, rows in parts.items()}
    return Split(
        training_file=files["training"],
        training=np.load(files["training"], mmap_mode="r"),
        unused=np.load(files["unused"], mmap_mode="r") if len(unused) else np.empty((0, *images.shape[1:]), np.uint8),
        held_out=prepare_images(
            files["held-out"], image_size=None, channels=images.shape[3], cache_folder=folder / "cache"
        ),
    )


def write_rows(images: np.ndarray, rows: np.ndarray, path: Path) -> Path:
    """Writes the images of these indices, in this order, as an array that train.py and the peer read; none if empty."""
    if len(rows):
        array = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(len(rows), *images.shape[1:]))
        for start in range(0, len(rows), WRITTEN_AT_ONCE):
            array[start : start + WRITTEN_AT_ONCE] = images[rows[start : start + WRITTEN_AT_ONCE]]
        array.flush()
    return path


def train_ours(task: Task, split: Split, options: argparse.Namespace, folder: Path) -> Contestant:
    """Trains with train.py, as a user would, and loads the bundle that it leaves."""
    run = folder / "run"
    _, side, _, channels = split.training.shape
    words = [*shlex.split(options.options), "--data", str(split.training_file), "--run", str(run)]
    words += ["--image-size", str(side), "--channels", str(channels), "--minutes", f"{task.minutes:g}"]
    load = load_average()
    say(f"{task.name}: dcgan_hub trains for {task.minutes:g} minutes")
    command = [sys.executable, str(TRAIN), "--seed", str(options.seed), *words]
    environment = os.environ | {"DCGAN_HUB_CACHE": str(folder / "cache")}
    status = subprocess.run(command, stdout=sys.stderr, env=environment, check=False).returncode
    if status:
        raise RunError(
            f"Training must come to its end. Received: status {status} of train.py {' '.join(words)}. "
            "See its messages above, and --options."
        )
    import_keras_quietly()  # not sooner, so that a wrong option is answered at once
    from dcgan_hub.bundle.generator import Generator

    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    facts = {name: record["progress"][name] for name in ("images_seen", "seconds")}
    facts |= {"images_per_second": facts["images_seen"] / facts["seconds"], "load_before": load}
    facts |= {"settings": record["settings"], "parameters": record["parameters"], "versions": record["versions"]}
    images = drawn(Generator.from_pretrained(run / "generator"), task.count, folder / "ours.npy")
    return Contestant("dcgan_hub", recipe_of(record["settings"], options.options), facts, images)


def drawn(generator: "Generator", count: int, path: Path) -> np.ndarray:
    """The images of the first `count` seeds, uint8 (count, H, W, C), drawn once for all judges into a file."""
    parts, start = iter(generator.generate_in_chunks(range(count))), 0
    first = next(parts)
    images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, *first.shape[1:]))
    for part in chain([first], parts):
        images[start : start + len(part)] = part
        start += len(part)
    images.flush()
    return images


def recipe_of(settings: dict[str, Any], given: str) -> str:
    """A run's settings in a few words."""
    network, training = settings["network"], settings["training"]
    words = [f"{settings['preset']}: width {network['filters']}", f"batch {training['batch_size']}"]
    return ", ".join([*words, training["precision"], *([given] if given else [])])


def train_peer(task: Task, split: Split, options: argparse.Namespace, folder: Path) -> Contestant:
    """Trains the peer for the same time; it writes its images itself."""
    generated = folder / "peer.npy"
    load = load_average()
    say(f"{task.name}: the peer ({options.peer}) trains for {task.minutes:g} minutes")
    words = ["--seconds", f"{task.minutes * 60:g}", "--out", str(generated), "--count", str(task.count)]
    facts = start_peer(split, words, options) | {"load_before": load, "peer": options.peer}
    recipe = f"{PEERS[options.peer].title}: {facts['recipe']}"
    return Contestant("peer", recipe, facts, np.load(generated, mmap_mode="r"))


def start_peer(split: Split, words: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Runs the peer with these options and those that do not depend on the set."""
    peer = PEERS[options.peer]
    words = [*words, "--seed", str(options.seed), *shlex.split(options.peer_options)]
    return run_peer(str(peer.python(options.torch_python)), split.training_file, words, peer)


def chunks_of(images: np.ndarray, seeds: range) -> Iterator[np.ndarray]:
    """As many images of an array as there are seeds, from the first one on, little by little."""
    for start in range(0, len(seeds), WRITTEN_AT_ONCE):
        yield np.asarray(images[start : min(start + WRITTEN_AT_ONCE, len(seeds))])


def run_task(task: Task, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Splits, trains, measures one set. Returns what goes into the JSON file."""
    folder.mkdir(parents=True)
    split = split_set(task, options.seed, folder)
    if options.only != "ours":  # refuses wrong options before any time is spent
        start_peer(split, ["--seconds", "0"], options)
    contestants = [train_ours(task, split, options, folder)] if options.only != "peer" else []
    contestants += [train_peer(task, split, options, folder)] if options.only != "ours" else []

    import_keras_quietly()
    from dcgan_hub.evaluation.evaluator import Evaluator

    real = max(split.training, split.unused, key=len)  # the training images; of 500 the many that were left out
    floor = Contestant("real", "training images", {}, real[: task.count])
    evaluator = Evaluator(split.held_out, count=task.count)
    judges = judges_for(task, split, options)
    rows = [measured(floor, Evaluator(split.held_out, count=len(floor.images)), judges)]
    rows += [measured(contestant, evaluator, judges) for contestant in contestants]
    fids = {row["label"]: row["measures"]["fid"] for row in rows}
    result = {
        "task": asdict(task),
        "training_images": len(split.training),
        "held_out_images": len(split.held_out.images),
    }
    result |= {"image_shape": list(split.training.shape[1:]), "results": rows}
    result["fid_ratio"] = fids["dcgan_hub"] / fids["peer"] if {"dcgan_hub", "peer"} <= set(fids) else None
    if {"dcgan_hub", "peer"} <= set(fids) and len(judges) >= ENOUGH:
        result |= judged(rows)
    if options.json is not None:
        for contestant in contestants:
            save_page(contestant.images, options.json.with_name(page_name(options.json, task, contestant)))
    if options.sheets is not None:
        shown = [("real images, held out", np.asarray(split.held_out.images))]
        shown += [(f"{c.title}, FID {fids[c.label]:.0f}", c.images) for c in reversed(contestants)]
        minutes = f"{task.minutes:g}"
        save_png(sheets_side_by_side(shown), options.sheets / f"{task.name}.png", {"minutes": minutes})
    return result


def page_name(figures: Path, task: Task, contestant: Contestant) -> str:
    """The file of a contestant's page, beside the figures."""
    return f"{figures.stem}-{task.name}-{contestant.label}.png"


def judges_for(task: Task, split: Split, options: argparse.Namespace) -> list[Judge]:
    """The chosen judges with the held-out images before them; none if only the package's own network is asked."""
    if options.judges == [OWN]:
        return []
    networks = open_networks(options.judges, options.judge_packages, split.training.shape[1])
    return seat(networks, split.held_out, task.count)


def judged(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the judges say of ours compared with the peer, and whether ours count as better."""
    ours, peer = (next(row["judges"] for row in rows if row["label"] == label) for label in ("dcgan_hub", "peer"))
    opinions = compared(ours, peer)
    return {"opinions": {name: said.value for name, said in opinions.items()}, "better": is_better(opinions.values())}


def measured(contestant: Contestant, evaluator: "Evaluator", judges: list[Judge]) -> dict[str, Any]:
    """Facts and figures of one contestant."""
    measures: Measures = evaluator.measure(partial(chunks_of, contestant.images))
    row = {**contestant.facts, "label": contestant.label, "recipe": contestant.recipe}
    row |= {"measures": measures.to_dict(), "notes": measures.notes(), "protocol": measures.protocol.describe()}
    return row | {"judges": {judge.name: judge.distances(contestant.images).to_dict() for judge in judges}}


def run(options: argparse.Namespace) -> None:
    """Runs every set, and writes the JSON file after each, so that an interruption loses one set only."""
    tasks = tasks_of(options)
    options.judges = chosen_judges(options.judges)
    require_packages(options.judges, options.judge_packages)
    peer: Peer = PEERS[options.peer]
    if options.only is None and not peer.python(options.torch_python):
        say("Without --torch-python there is nothing to compare with: --only ours.")
        options.only = "ours"
    if options.only == "peer" and not peer.python(options.torch_python):
        raise SettingsError(
            f"The peer needs --torch-python. Received: none. Give a Python with `pip install {peer.packages}`."
        )
    if options.keep is not None and options.keep.exists():
        raise SettingsError(f"--keep needs a new folder. Received: {options.keep}, which exists. Name another one.")
    results: list[dict[str, Any]] = []
    keeping = contextlib.nullcontext(options.keep) if options.keep else tempfile.TemporaryDirectory()
    with keeping as folder:
        for number, task in enumerate(tasks):
            results.append(run_task(task, options, Path(folder).resolve() / f"{number}-{task.name}"))
            if len(tasks) > 1:
                say(describe(results[-1:]))
            write_figures(options.json, {"dcgan_hub": __version__, "sets": results})
    print(describe(results))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = ", ".join(f"{name} ({row.size} pixels, {row.minutes:g} min)" for name, row in SETS.items())
    parser.add_argument("--data", nargs="+", metavar="DATA", help="sets, each as for --data of train.py [avatars]")
    parser.add_argument("--set", nargs="+", choices=SETS, metavar="NAME", help=f"what DATA are, in order: {known}")
    parser.add_argument("--minutes", type=float, help="of training for each [of the set, or 10]")
    parser.add_argument("--size", type=int, help="pixels a side [of the set, or as the images are]")
    parser.add_argument("--limit", type=int, metavar="N", help="train on N images only [all that are not held out]")
    parser.add_argument("--held-out", type=int, metavar="N", help="images to measure against [5000]")
    parser.add_argument("--count", type=int, metavar="N", help="images to generate [5000]")
    parser.add_argument("--seed", type=int, default=0, help="of the split and of both trainings [0]")
    parser.add_argument("--peer", choices=PEERS, default="tutorial", help="what is trained beside ours [tutorial]")
    add_torch_python(parser)
    add_judges(parser)
    parser.add_argument("--only", choices=["ours", "peer"], help="train one of the two")
    parser.add_argument("--options", default="", metavar="TEXT", help="of train.py for ours, as in '--filters 64'")
    parser.add_argument("--peer-options", default="", metavar="TEXT", help="as in '--channels-last --bfloat16'")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="figures, settings and protocols, and pages of images beside it"
    )
    parser.add_argument("--sheets", type=Path, metavar="FOLDER", help="a picture for each set, sheets side by side")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep arrays and runs in this new folder")
    options = parser.parse_args()
    return exit_status_of(lambda: run(options))


if __name__ == "__main__":
    raise SystemExit(main())
