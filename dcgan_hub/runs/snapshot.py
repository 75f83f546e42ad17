"""A snapshot of a run, read from its directory."""

import itertools
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcgan_hub.bundle.format import FACTS_FILE
from dcgan_hub.errors import RunError
from dcgan_hub.runs.directory import RunDirectory
from dcgan_hub.runs.untrusted import MAX_SHEET_BYTES, Metrics, Reader, read_metrics, read_record

SHEET = re.compile(r"step-(\d{8,12})\.png")
CHECKPOINT = re.compile(r"step-(\d{8,12})")
MAX_ENTRIES = 20_000  # of a folder that are read

Signature = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Run:
    """The current state of a run; parts that cannot be read are left out and described in `problems`."""

    name: str  # identifier: that of its folder, or hf://user/name@commit
    title: str  # for display
    record: dict[str, Any] = field(default_factory=dict)  # plain values of run.json; empty if it cannot be read
    metrics: Metrics = field(default_factory=Metrics)
    steps: tuple[int, ...] = ()  # of the sample sheets, ascending
    # Returns the content of the sheet of a step; raises RunError or HubError.
    read_sheet: Callable[[int], bytes] = field(default=lambda step: b"", repr=False, compare=False)
    problems: tuple[str, ...] = ()  # sentences about its unreadable files
    changed_at: float | None = None  # time of the last write, seconds since 1970; None if unknown
    checkpoints: tuple[int, ...] = ()  # steps, ascending
    model: str | None = None  # the app's name for its generator; None if it has none yet


def read_local_run(folder: Path) -> Run:
    """Reads a run directory as far as possible; it may be incomplete, damaged, or be deleted meanwhile."""
    directory, reader = RunDirectory(folder), Reader(folder)
    sheets = dict(sorted(_numbered(reader, directory.samples, SHEET)))
    problems: list[str] = []
    record = _or_problem(lambda: read_record(reader, directory.record_file), {}, problems)
    metrics = _or_problem(lambda: read_metrics(reader, directory.metrics_file), Metrics(), problems)
    if metrics.unreadable:
        problems.append(f"{metrics.unreadable:,} lines of metrics.jsonl are damaged and left out.")
    has_generator = reader.holds(directory.generator / FACTS_FILE)
    return Run(
        name=folder.name,
        title=folder.name,
        record=record,
        metrics=metrics,
        steps=tuple(sheets),
        read_sheet=lambda step: reader.read(directory.samples / sheets[step], MAX_SHEET_BYTES),
        problems=tuple(problems),
        changed_at=changed_at(folder),
        checkpoints=tuple(sorted(step for step, _ in _numbered(reader, directory.checkpoints, CHECKPOINT))),
        model=f"runs/{folder.name}" if has_generator else None,
    )


def signature_of(folder: Path) -> Signature:
    """A value that changes when the run does; takes a few microseconds."""
    run = RunDirectory(folder)
    places = (run.record_file, run.metrics_file, run.samples, run.checkpoints, run.generator)
    return tuple((found.st_mtime_ns, found.st_size) if (found := _look(path)) else (0, 0) for path in places)


def changed_at(folder: Path) -> float:
    """The time of the last write to a run, seconds since 1970; 0 if it was deleted."""
    run = RunDirectory(folder)
    looks = [_look(path) for path in (run.record_file, run.metrics_file, run.samples)]
    return max((look.st_mtime for look in looks if look), default=0.0)


def _numbered(reader: Reader, folder: Path, names: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """Steps and names of the entries of a folder; none if it is missing or a link that leads out of the run."""
    if not reader.holds(folder):
        return
    try:
        with os.scandir(folder) as entries:
            for entry in itertools.islice(entries, MAX_ENTRIES):
                if match := names.fullmatch(entry.name):
                    yield int(match[1]), entry.name
    except OSError:
        return


def _look(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def _or_problem(read: Callable[[], Any], otherwise: Any, problems: list[str]) -> Any:
    try:
        return read()
    except RunError as error:
        problems.append(str(error))
        return otherwise
