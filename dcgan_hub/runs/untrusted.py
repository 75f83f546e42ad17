"""Reads the files of a run as untrusted input: bounded, and only plain values.

The layout is described in docs/run-directory.md.
"""

import io
import itertools
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from PIL import Image

from dcgan_hub.bundle.safe_files import open_bounded
from dcgan_hub.errors import BundleError, RunError, shorten
from dcgan_hub.images.grids import GAP
from dcgan_hub.images.preparation.metadata import pixels_of_png
from dcgan_hub.network_settings import MAX_IMAGE_SIDE

MAX_RECORD_BYTES = 1_000_000
MAX_METRICS_BYTES = 64_000_000
MAX_SHEET_BYTES = 16_000_000
MAX_SHEET_SIDE = GAP + 8 * (MAX_IMAGE_SIDE + GAP)  # pixels, of the largest sheet that a run of ours writes
MAX_PICTURE_PIXELS = MAX_SHEET_SIDE**2
MAX_REPORTS = 1_000_000  # of metrics; a report of ours has more than 64 bytes
MAX_LINES = 20_000  # of metrics that are parsed; of more, evenly spaced ones
MAX_ROWS = 1_000  # that are kept; a plot has no more pixels
MAX_BYTES_A_LINE = 10_000
MAX_NUMBERS_A_ROW = 32
MAX_NAMES = 64  # of numbers, in all rows together
MAX_NUMBER = 2**53  # up to which JavaScript represents integers exactly
MAX_NAME_LENGTH, MAX_TEXT_LENGTH = 40, 1_000
MAX_ITEMS, DEEPEST = 200, 6
QUALITY = ("kid", "fid", "precision", "recall", "near_copies")  # measured less often than losses
LOSSES = ("g_loss", "d_loss")
MAX_ODD = 100  # reports without a finite loss that are kept when rows are thinned out
QUALITY_MARKS = tuple(f'"{name}"'.encode() for name in QUALITY)

# The folders of an absolute path, which visitors must not see.
FOLDERS = re.compile(r"(?:(?<![\w:/\\.~])|(?<=')|~|\b[A-Za-z]:)[/\\](?:[^/\\'\":*?<>|,\n]+[/\\])+")

Row = dict[str, float]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Metrics:
    """The content of `metrics.jsonl`, by ascending step."""

    rows: tuple[Row, ...] = ()  # at most 1,000 reports: finite numbers by name, with `step`; the last one is the newest
    measured: tuple[Row, ...] = ()  # at most 1,000 with metrics of quality or copies
    unreadable: int = 0  # number of invalid lines, except an incomplete last one


@dataclass(frozen=True)
class Reader:
    """Reads files inside a folder; with `follow_links`, as in the Hub's cache, links may lead out of it."""

    root: Path
    follow_links: bool = False

    def holds(self, path: Path) -> bool:
        """Whether a file or folder exists and is not a forbidden link."""
        real = Path(os.path.realpath(path))
        return real.exists() and (self.follow_links or real.is_relative_to(os.path.realpath(self.root)))

    def read(self, path: Path, maximum_bytes: int) -> bytes:
        """The content of a regular file; raises RunError if it is too large, outside the folder, or unreadable."""
        with self.opened(path, maximum_bytes) as (stream, size):
            return stream.read(size)

    @contextmanager
    def opened(self, path: Path, maximum_bytes: int) -> Iterator[tuple[BinaryIO, int]]:
        """Opens a regular file, and gives its size, too; raises as `read` does."""
        try:
            if path.exists() and not self.holds(path):
                raise BundleError("a link that leads out")
            with open_bounded(Path(os.path.realpath(path)), maximum_bytes) as (stream, size):
                yield stream, size
        except RunError:
            raise
        except (BundleError, OSError, ValueError) as error:
            raise RunError(
                f"Files of a run must be readable and have at most {maximum_bytes:,} bytes. Received: "
                f"{shorten(path.name)}: {_reason(error)}. Check the run's folder."
            ) from error


def read_record(reader: Reader, path: Path) -> dict[str, Any]:
    """The content of `run.json` as plain values of bounded size.

    Raises RunError if it is missing, too large, or not a JSON object.
    """
    try:
        value = json.loads(reader.read(path, MAX_RECORD_BYTES).decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path.name} must be JSON. Received: {shorten(error, 120)}. Check the run's folder.") from error
    if not isinstance(value, dict):
        raise RunError(f"{path.name} must be a JSON object. Received: {type(value).__name__}. Check the run's folder.")
    return _without_places(plain(value))


def read_metrics(reader: Reader, path: Path) -> Metrics:
    """The reports of a run; no rows if it has written none yet.

    Raises RunError if the file is too large or cannot be read.
    """
    if not path.exists():
        return Metrics()
    with reader.opened(path, MAX_METRICS_BYTES) as (stream, size):
        chosen, quality = _chosen_lines(stream, size, path.name)
    names: dict[str, str] = {}
    parsed = [_parse_row(line, names) for line in chosen if line.strip()]
    rows = by_step(row for row in parsed if row)
    measured = by_step(row for line in quality if (row := _parse_row(line, names)) and set(QUALITY) & set(row))
    odd = evenly([row for row in rows if lost_a_loss(row)], MAX_ODD)
    return Metrics(
        rows=tuple(by_step([*evenly(rows, MAX_ROWS - MAX_ODD), *odd])),
        measured=tuple(measured),
        unreadable=parsed.count(None),
    )


def _chosen_lines(stream: BinaryIO, size: int, name: str) -> tuple[list[bytes], list[bytes]]:
    """Evenly spaced lines, and evenly spaced ones that mention quality, of the first `size` bytes of a file.

    Quality is measured rarely, so thinning could drop all of its reports. Only these lines are in memory.
    """
    count = _count_lines(stream, size)
    if count > MAX_REPORTS:
        raise RunError(
            f"{name} may have at most {MAX_REPORTS:,} lines. Received: {count:,} in {size:,} bytes. They are not shown."
        )
    stream.seek(0)
    wanted = set(evenly(range(count), MAX_LINES))
    chosen, quality, distance, seen = [], [], 1, 0
    for number, line in enumerate(_lines(stream, size)):
        if number in wanted:
            chosen.append(line)
        if any(mark in line for mark in QUALITY_MARKS):
            if seen % distance == 0:
                quality.append(line)
            seen += 1
            if len(quality) > 2 * MAX_ROWS:
                quality, distance = quality[::2], 2 * distance
    return chosen, evenly(quality, MAX_ROWS)


def _count_lines(stream: BinaryIO, size: int) -> int:
    count = 0
    while size > 0 and (content := stream.read(min(size, 2**16))):
        count, size = count + content.count(b"\n"), size - len(content)
    return count


def _lines(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """The complete lines of the first `size` bytes; long ones are cut, and so not valid."""
    while size > 0 and (line := stream.readline(min(size, MAX_BYTES_A_LINE + 1))):
        size -= len(line)
        is_whole, rest = line.endswith(b"\n"), line
        while not rest.endswith(b"\n") and size > 0 and (rest := stream.readline(min(size, MAX_BYTES_A_LINE))):
            size -= len(rest)
        if is_whole or rest.endswith(b"\n"):  # or else it is being written
            yield line


def decode_picture(content: bytes, name: str) -> Image.Image:
    """Decodes an image of a run, so that the app serves only images that it has encoded itself.

    Raises RunError if it is not a PNG, or too large.
    """
    try:
        with Image.open(io.BytesIO(pixels_of_png(content)), formats=["PNG"]) as picture:
            size = picture.size
            if size[0] * size[1] <= MAX_PICTURE_PIXELS:
                pixels = picture.convert("RGB")
                pixels.info = {}  # profiles and texts of the file, which Pillow would copy to the output
                return pixels
    except Exception as error:  # Pillow raises errors of many kinds for a damaged PNG, also struct.error and TypeError
        raise RunError(
            f"Images of a run must be PNG files. Received: {shorten(name)}, which is damaged. If the run is still "
            "training, try again in a moment."
        ) from error
    raise RunError(
        f"Images of a run may have at most {MAX_PICTURE_PIXELS:,} pixels. "
        f"Received: {shorten(name)} with {size[0]} x {size[1]}. It is not shown."
    )


def number(value: Any) -> float | None:
    """The value if it is a finite number within MAX_NUMBER, else None."""
    if type(value) not in (int, float) or abs(value) > MAX_NUMBER or not math.isfinite(value):
        return None
    return float(value) if isinstance(value, float) else int(value)


def count(value: Any) -> int | None:
    """The value if it is a whole number of 0 or more, else None."""
    found = number(value)
    return int(found) if found is not None and found >= 0 and found == int(found) else None


def text(value: Any, length: int = MAX_TEXT_LENGTH) -> str:
    """The value as one printable line if it is a string, else an empty string."""
    return shorten(" ".join(value.split()), length) if isinstance(value, str) else ""


def section(record: dict[str, Any], name: str) -> dict[str, Any]:
    """The dictionary under a key of a dictionary; empty if there is none."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def plain(value: Any, depth: int = 0) -> Any:
    """Reduces a JSON value for the browser: short printable texts, finite numbers, few items and levels."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, dict) and depth < DEEPEST:
        return {text(name, MAX_NAME_LENGTH): plain(item, depth + 1) for name, item in list(value.items())[:MAX_ITEMS]}
    if isinstance(value, list) and depth < DEEPEST:
        return [plain(item, depth + 1) for item in value[:MAX_ITEMS]]
    return text(value) if isinstance(value, str) else number(value)


def by_step(rows: Iterable[Row]) -> list[Row]:
    """Rows by ascending step; several rows of one step are merged."""
    found: dict[float, Row] = {}
    for row in rows:
        found[row["step"]] = found.get(row["step"], {}) | row
    return [found[step] for step in sorted(found)]


def lost_a_loss(row: Row) -> bool:
    """Whether a report lacks a loss, since a non-finite one is written as null."""
    return not set(LOSSES) <= set(row) and not set(QUALITY) & set(row)


def evenly(items: Sequence[Item], most: int) -> list[Item]:
    """At most `most` of the items, evenly spaced, including the first and the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(index * (len(items) - 1) / (most - 1))] for index in range(most)]


def _without_places(record: dict[str, Any]) -> dict[str, Any]:
    """Removes folders of the machine from the texts of a record."""
    if isinstance(record.get("reason"), str):
        record["reason"] = FOLDERS.sub("", record["reason"])
    data, dataset = section(section(record, "settings"), "data"), section(record, "dataset")
    for place, name in ((data, "data"), (dataset, "name")):
        if isinstance(place.get(name), str):
            place[name] = FOLDERS.sub("", place[name]) or place[name]
    if isinstance(dataset.get("report"), list):
        dataset["report"] = [FOLDERS.sub("", text(line)) for line in dataset["report"]]
    return record


def _parse_row(line: bytes, names: dict[str, str]) -> Row | None:
    """The numbers of a report; None if it is invalid. `names` holds those seen so far, so that rows share them."""
    if len(line) > MAX_BYTES_A_LINE:
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or count(value.get("step")) is None:
        return None
    row: Row = {}
    for given, item in itertools.islice(value.items(), MAX_NUMBERS_A_ROW):
        name, found = text(given, MAX_NAME_LENGTH), number(item)
        if found is not None and (name in names or len(names) < MAX_NAMES):
            row[names.setdefault(name, name)] = found
    return row if "step" in row else None


def _reason(error: Exception) -> str:
    if isinstance(error, BundleError) and isinstance(error.__cause__, OSError):
        error = error.__cause__
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "it is larger, not a regular file, or a link that leads out of the run"
