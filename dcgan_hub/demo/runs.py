"""Reads run directories for the app. What is in them is text and pixels to be shown, never trusted.

The layout is described in docs/run-directory.md.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from dcgan_hub.bundle.format import FACTS_FILE
from dcgan_hub.errors import RunError
from dcgan_hub.training.run_directory import RunDirectory

SAMPLE_NAME = re.compile(r"step-(\d{1,12})\.png")
MAXIMUM_RECORD_BYTES = 1_000_000
METRICS_TAIL_BYTES = 65_536  # the last line is all that is shown
MAXIMUM_PICTURE_PIXELS = 16_000_000


@dataclass(frozen=True)
class Run:
    """One run directory as it is at this moment.

    Attributes:
        name: of the folder.
        record: the content of run.json; empty where it cannot be read.
        metrics: the newest line of metrics.jsonl; empty where there is none.
        samples: sample sheets by step, in the order of steps.
        plots: plots, by name.
    """

    name: str
    record: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    samples: dict[int, Path] = field(default_factory=dict)
    plots: list[Path] = field(default_factory=list)


class RunShelf:
    """The folder that holds the runs, `runs` unless the user says otherwise."""

    def __init__(self, folder: Path) -> None:
        """Takes a folder that may not exist yet."""
        self.folder = folder

    def names(self) -> list[str]:
        """Names of the runs, the one that changed last first."""
        try:
            folders = [path for path in self.folder.iterdir() if RunDirectory(path).exists]
        except OSError:
            return []
        here = self.folder.resolve()
        inside = [path for path in folders if path.resolve().parent == here]  # a link must not lead elsewhere
        return [path.name for path in sorted(inside, key=_changed_at, reverse=True)]

    def generator_folder(self, name: str) -> Path | None:
        """The bundle of a run, or None where it has not saved one yet."""
        bundle = self._find(name).generator
        return bundle if (bundle / FACTS_FILE).is_file() and _is_within(bundle, self.folder) else None

    def open(self, name: str) -> Run:
        """Reads a run.

        Raises:
            RunError: if there is no run of that name.
        """
        run = self._find(name)
        pictures = [path for path in _files(run.samples) if _is_within(path, run.path)]
        steps = {int(match[1]): path for path in pictures if (match := SAMPLE_NAME.fullmatch(path.name))}
        return Run(
            name=name,
            record=_read_object(run.record_file),
            metrics=_read_last_line(run.metrics_file),
            samples=dict(sorted(steps.items())),
            plots=[path for path in _files(run.plots) if path.suffix == ".png" and _is_within(path, run.path)],
        )

    def _find(self, name: str) -> RunDirectory:
        known = self.names()
        if name not in known:
            listed = ", ".join(known) or "none; start one with `python train.py`"
            raise RunError(f"The run must be one of those on this machine. Received: {name!r}. There are: {listed}.")
        return RunDirectory(self.folder / name)


def read_picture(path: Path) -> Image.Image:
    """Opens a picture of a run and decodes it, so that the app serves pixels that it has made itself.

    Raises:
        RunError: if it is no PNG, or too large.
    """
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            if picture.width * picture.height <= MAXIMUM_PICTURE_PIXELS:
                return picture.convert("RGB")
    except (OSError, ValueError, SyntaxError) as error:  # Pillow raises each of them for a damaged PNG
        raise RunError(f"Pictures of a run must be PNG files. Received: {path.name}, which is damaged.") from error
    raise RunError(
        f"Pictures of a run may have {MAXIMUM_PICTURE_PIXELS:,} pixels. "
        f"Received: {path.name} with {picture.width} x {picture.height}."
    )


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError:
        return []


def _is_within(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _changed_at(folder: Path) -> float:
    try:
        return max(path.stat().st_mtime for path in (RunDirectory(folder).record_file, folder))
    except OSError:
        return 0.0


def _read_object(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAXIMUM_RECORD_BYTES:
            return {}
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _read_last_line(path: Path) -> dict[str, Any]:
    """The newest whole line; the last one may be half written while the run goes on."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - METRICS_TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return {}
    for line in reversed(lines):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    return {}
