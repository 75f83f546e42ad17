"""The sets that benchmarks/quality.py compares on, and how one is split into training images and held-out ones."""

import argparse
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from reporting.program import require_positive

from dcgan_hub.errors import DataError, SettingsError
from dcgan_hub.images.preparation.prepare import prepare_images
from dcgan_hub.images.preparation.prepared import PreparedImages

MIN_TRAINING_IMAGES = 128  # one batch of the peer
WRITTEN_AT_ONCE = 1024  # images


@dataclass(frozen=True, kw_only=True)
class Task:
    """One set and how it is measured; a row of `SETS` once its data are known."""

    name: str = ""
    data: str = ""
    size: int | None = None  # pixels a side; None: as the images are
    minutes: float = 10.0
    steps: int | None = None  # of ours, in place of `minutes`
    limit: int | None = None  # training images, of those that are not held out
    held_out: int = 5000
    count: int = 5000  # generated images

    @property
    def length(self) -> tuple[str, str]:
        """How long ours trains: the unit, as train.py names it, and how many."""
        return ("steps", str(self.steps)) if self.steps else ("minutes", f"{self.minutes:g}")


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
    given = {name: getattr(options, name) for name in ("minutes", "steps", "size", "limit", "held_out", "count")}
    given = {name: value for name, value in given.items() if value is not None}
    if options.steps and options.only != "ours":
        raise SettingsError(
            "--steps is for --only ours: a comparison gives both the same time. Received: --steps without it. "
            "Add --only ours, or give --minutes."
        )
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
