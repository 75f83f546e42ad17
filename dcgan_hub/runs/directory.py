"""The run directory: the one place that spells its file names. See docs/run-directory.md."""

import json
import math
import os
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from dcgan_hub.atomic_files import TEMPORARY_PREFIX, remove_unfinished, whole_file, write_json
from dcgan_hub.errors import RunError

RECORD_FILE, METRICS_FILE = "run.json", "metrics.jsonl"
PUBLISHED_FOLDER = "run"  # of a model repository: what is published of a run, under the same names
STATES = ("running", "stopped", "finished", "failed")


class RunDirectory:
    """Paths and records of the run in one folder, e.g. runs/anime."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path = Path(path)
        self.record_file = path / RECORD_FILE  # settings, data, versions, machine, state
        self.metrics_file = path / METRICS_FILE  # one object a report
        self.samples = path / "samples"
        self.plots = path / "plots"
        self.losses_plot = self.plots / "losses.png"  # of both networks
        self.accuracy_plot = self.plots / "accuracy.png"  # how often the discriminator is right
        self.quality_plot = self.plots / "quality.png"  # distances to the real images, where they were measured
        self.timelapse_file = path / "timelapse.webp"
        self.checkpoints = path / "checkpoints"
        self.generator = path / "generator"  # the bundle: of the best step where that was measured, else of the newest
        self.last_generator = path / "generator-last"  # of the newest step, where `generator` is that of the best one
        self.tensorboard = path / "tensorboard"

    def sample_file(self, step: int) -> Path:
        """The sample sheet of a step, e.g. samples/step-00000500.png."""
        return self.samples / sheet_name(step)

    def checkpoint(self, step: int) -> Path:
        """The checkpoint of a step, e.g. checkpoints/step-00000500/."""
        return self.checkpoints / step_name(step)

    @property
    def exists(self) -> bool:
        """Whether a run was started here."""
        return self.record_file.exists()

    def lock(self) -> FileLock:
        """Takes the right to write here; the system gives it back when the process ends, however it ends.

        Raises RunError if another trainer has it, or the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / ".lock")
            lock.acquire(timeout=0)
        except Timeout:
            raise RunError(
                f"Only one trainer may write to a run. Received: '{self.path}', in which another one is at work. "
                "Wait for it, stop it, or name a new directory with --run."
            ) from None
        except OSError as error:
            raise RunError(
                f"The run directory must be a folder that can be written. Received: '{self.path}' ({error.strerror}). "
                "Name another one with --run."
            ) from error
        for folder in (self.path, self.samples, self.plots, self.checkpoints, self.generator, self.last_generator):
            remove_unfinished(folder)
        return lock

    def refuse_foreign_content(self) -> None:
        """Raises RunError if the folder holds something, but no run: nothing of it may be touched."""
        try:
            if self.path.exists() and not self.path.is_dir():
                raise NotADirectoryError("it is a file")
            found = sorted(entry.name for entry in self.path.iterdir()) if self.path.exists() else []
        except OSError as error:
            raise RunError(
                f"The run directory must be a folder that can be read. Received: '{self.path}' "
                f"({error.strerror or error}). Name another one with --run."
            ) from error
        # What a run that was killed in its first moment leaves is not foreign.
        found = [name for name in found if name != ".lock" and not name.startswith(TEMPORARY_PREFIX)]
        if found and not self.exists:
            raise RunError(
                f"A new run needs an empty or a new folder. Received: '{self.path}', which holds "
                f"{', '.join(found[:3])} and no run.json. Name another one with --run."
            )

    def read_record(self) -> dict[str, Any]:
        """The content of `run.json`; raises RunError if it is missing or damaged."""
        return read_record(self.path)

    def write_record(self, record: dict[str, Any]) -> None:
        """Replaces `run.json` in one step."""
        write_json(self.record_file, record)

    def append_metrics(self, row: dict[str, float | int]) -> None:
        """Adds one line to `metrics.jsonl`, also after half a line that a full disk has left."""
        line = (json.dumps(rounded_row(row)) + "\n").encode()
        with self.metrics_file.open("a+b") as file:
            file.write(line if _ends_with_a_line(file) else b"\n" + line)

    def read_metrics(self) -> list[dict[str, Any]]:
        """All rows of `metrics.jsonl`; a line that a kill left half written is left out."""
        if not self.metrics_file.exists():
            return []
        rows = []
        for line in self.metrics_file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(row, dict) and type(row.get("step")) is int:
                rows.append({name: value for name, value in row.items() if type(value) in (int, float)})
        return rows

    def forget_after(self, step: int, report_every: int = 1) -> None:
        """Drops what a run that goes on from `step` will make again: metrics and sample sheets of later steps.

        Where `step` lies between two reports, its line of metrics is dropped, too: it is there because the run ended,
        and its means are a part of those of the next line.
        """
        is_end = step % report_every != 0
        rows = [row for row in self.read_metrics() if row["step"] <= step]
        kept = [row for row in rows if row["step"] < step or not (is_end and "g_loss" in row)]
        with whole_file(self.metrics_file) as temporary:
            temporary.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        for sheet in self.samples.glob("step-*.png"):
            if step_number(sheet) > step:
                sheet.unlink()

    def sample_files(self) -> list[Path]:
        """The sample sheets, oldest first."""
        return sorted(self.samples.glob("step-*.png"), key=step_number)


def step_name(step: int) -> str:
    """500 as "step-00000500", which sorts by name as by number."""
    return f"step-{step:08d}"


def sheet_name(step: int) -> str:
    """The file of a sample sheet, e.g. "step-00000500.png"."""
    return f"{step_name(step)}.png"


def step_number(path: Path) -> int:
    """The step that a sheet or a checkpoint is of; -1 for another name."""
    digits = path.stem.removeprefix("step-")
    return int(digits) if digits.isdecimal() else -1


def checkpoint_folders(checkpoints: Path) -> list[Path]:
    """The checkpoints of a run, newest first."""
    folders = [entry for entry in checkpoints.glob("step-*") if entry.is_dir() and step_number(entry) >= 0]
    return sorted(folders, key=step_number, reverse=True)


def _ends_with_a_line(file: IO[bytes]) -> bool:
    """Whether a file is empty, or its last line is whole."""
    if file.seek(0, os.SEEK_END) == 0:
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def rounded_row(row: dict[str, float | int]) -> dict[str, float | int | None]:
    """A line of metrics as it is written: six digits, and None for what is not finite."""
    return {key: _rounded(value) for key, value in row.items()}


def read_record(path: Path) -> dict[str, Any]:
    """Reads the `run.json` of the run in `path`; raises RunError if it is missing or damaged."""
    try:
        record = json.loads((path / RECORD_FILE).read_text(encoding="utf-8"))
        _check_record(record)
    except FileNotFoundError:
        raise RunError(f"A run has a run.json. Received: '{path}' without one. Name the folder of a run.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(
            f"The run.json of a run must be readable. Received: '{path / RECORD_FILE}': {error}. "
            "Restore it from a copy, or start a new run with --run."
        ) from error
    return record


def _check_record(record: Any) -> None:
    for name in ("settings", "dataset", "progress"):
        if not isinstance(record, dict) or not isinstance(record.get(name), dict):
            raise ValueError(f"it has no `{name}`")
    step = record["progress"].get("step")
    if type(step) is not int or step < 0:
        raise ValueError(f"its `progress.step` is {step!r}, not a whole number")


def _rounded(value: float | int) -> float | int | None:
    if isinstance(value, int):
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else None
