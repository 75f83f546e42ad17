"""The run directory: the only module that defines its file names. See docs/run-directory.md."""

import json
import math
import os
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from dcgan_hub.atomic_files import TEMPORARY_PREFIX, remove_unfinished, whole_file, write_json
from dcgan_hub.errors import RunError

RECORD_FILE, METRICS_FILE = "run.json", "metrics.jsonl"
PUBLISHED_FOLDER = "run"  # of a model repository: the published files of a run, under the same names
STATES = ("running", "stopped", "finished", "failed")


class RunDirectory:
    """Paths and records of the run in one folder, e.g. runs/anime."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path = Path(path)
        self.record_file = path / RECORD_FILE  # settings, data, versions, machine, state
        self.metrics_file = path / METRICS_FILE  # one object per report
        self.samples = path / "samples"
        self.plots = path / "plots"
        self.losses_plot = self.plots / "losses.png"  # of both networks
        self.accuracy_plot = self.plots / "accuracy.png"  # of the discriminator
        self.quality_plot = self.plots / "quality.png"  # distances to the real images, if measured
        self.timelapse_file = path / "timelapse.webp"
        self.checkpoints = path / "checkpoints"
        self.generator = path / "generator"  # the bundle: of the best step if quality is measured, else of the newest
        self.last_generator = path / "generator-last"  # of the newest step, if `generator` is that of the best one
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
        """Locks the run for writing; the operating system releases the lock when the process ends in any way.

        Raises RunError if another process has the lock, or the folder is not writable.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / ".lock")
            lock.acquire(timeout=0)
        except Timeout:
            raise RunError(
                f"Only one process may train a run. Received: '{self.path}', which another process is training. Wait "
                "for it, stop it, or give a new directory with --run."
            ) from None
        except OSError as error:
            raise RunError(
                f"The run directory must be a writable folder. Received: '{self.path}' ({error.strerror}). "
                "Give another one with --run."
            ) from error
        for folder in (self.path, self.samples, self.plots, self.checkpoints, self.generator, self.last_generator):
            remove_unfinished(folder)
        return lock

    def refuse_foreign_content(self) -> None:
        """Raises RunError if the folder has content but no run, to protect the user's files."""
        try:
            if self.path.exists() and not self.path.is_dir():
                raise NotADirectoryError("it is a file")
            found = sorted(entry.name for entry in self.path.iterdir()) if self.path.exists() else []
        except OSError as error:
            raise RunError(
                f"The run directory must be a readable folder. Received: '{self.path}' "
                f"({error.strerror or error}). Give another one with --run."
            ) from error
        # A run that was killed right after its start leaves a lock and temporary files.
        found = [name for name in found if name != ".lock" and not name.startswith(TEMPORARY_PREFIX)]
        if found and not self.exists:
            raise RunError(
                f"A new run needs a new or empty folder. Received: '{self.path}', which contains "
                f"{', '.join(found[:3])} and no run.json. Give another one with --run."
            )

    def read_record(self) -> dict[str, Any]:
        """The content of `run.json`; raises RunError if it is missing or damaged."""
        return read_record(self.path)

    def write_record(self, record: dict[str, Any]) -> None:
        """Replaces `run.json` atomically."""
        write_json(self.record_file, record)

    def append_metrics(self, row: dict[str, float | int]) -> None:
        """Appends one line to `metrics.jsonl`, even if a full disk has left the last line incomplete."""
        line = (json.dumps(rounded_row(row)) + "\n").encode()
        with self.metrics_file.open("a+b") as file:
            file.write(line if _ends_with_a_line(file) else b"\n" + line)

    def read_metrics(self) -> list[dict[str, Any]]:
        """All rows of `metrics.jsonl`, without lines that are incomplete after a kill."""
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
        """Removes metrics and sample sheets of steps after `step`, which a run resumed from there writes again.

        If `step` is between two reports, its own line of metrics is removed, too: it was written because the run ended,
        and the means of the next regular line include its steps.
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

    def _repr_png_(self) -> bytes | None:
        """The newest sample sheet, as notebooks show it; None before the first."""
        sheets = self.sample_files()
        return sheets[-1].read_bytes() if sheets else None


def step_name(step: int) -> str:
    """500 as "step-00000500", which sorts by name as by number."""
    return f"step-{step:08d}"


def sheet_name(step: int) -> str:
    """The file of a sample sheet, e.g. "step-00000500.png"."""
    return f"{step_name(step)}.png"


def step_number(path: Path) -> int:
    """The step of a sample sheet or checkpoint; -1 for any other name."""
    digits = path.stem.removeprefix("step-")
    return int(digits) if digits.isdecimal() else -1


def checkpoint_folders(checkpoints: Path) -> list[Path]:
    """The checkpoints of a run, newest first."""
    folders = [entry for entry in checkpoints.glob("step-*") if entry.is_dir() and step_number(entry) >= 0]
    return sorted(folders, key=step_number, reverse=True)


def _ends_with_a_line(file: IO[bytes]) -> bool:
    """Whether a file is empty or ends with a line break."""
    if file.seek(0, os.SEEK_END) == 0:
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def rounded_row(row: dict[str, float | int]) -> dict[str, float | int | None]:
    """A row of metrics as it is written: rounded to six digits, and None for non-finite values."""
    return {key: _rounded(value) for key, value in row.items()}


def read_record(path: Path) -> dict[str, Any]:
    """Reads the `run.json` of the run in `path`; raises RunError if it is missing or damaged."""
    try:
        record = json.loads((path / RECORD_FILE).read_text(encoding="utf-8"))
        _check_record(record)
    except FileNotFoundError:
        raise RunError(f"A run must have a run.json. Received: '{path}' without one. Give a run directory.") from None
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
