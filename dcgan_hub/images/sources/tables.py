"""Tables with an image column: parquet and arrow files, also as written by the `datasets` library."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from dcgan_hub.errors import DataError
from dcgan_hub.images.sources.file_names import printable
from dcgan_hub.images.sources.listing import Listing, RejectionCounts, Sample, file_key
from dcgan_hub.images.sources.readers import (
    EMPTY,
    MAX_FILE_BYTES,
    MAX_RATIO,
    TOO_LARGE,
    FileReader,
    RejectedFile,
    SpanReader,
)
from dcgan_hub.images.sources.table_columns import find_columns

ROWS_AT_A_TIME = 32
UNPACKED_IN_ANY_CASE = 2**30  # bytes of images; from there on `MAX_RATIO` counts
ELSEWHERE = "named by an address and not stored in the table"
NO_SUCH_FILE = "named by a path where there is no file"


def cell_content(cell: Any, folder: Path) -> bytes:
    """Returns the encoded image of a cell, which holds it or names its file.

    Args:
        cell: bytes, a path, None, or a dictionary of `bytes` and `path`, as the `datasets` library stores images.
        folder: of the table; relative paths are looked up here, then in the working directory, as `datasets` does.

    Raises:
        RejectedFile: if there is no such image.
    """
    stored = _stored(cell)
    if not stored:
        raise RejectedFile(EMPTY)
    if isinstance(stored, str):
        path = named_file(stored, folder)
        if path is None:
            raise RejectedFile(ELSEWHERE if "://" in stored else NO_SUCH_FILE, stored)
        return FileReader(str(path.parent)).read(path.name)
    if len(stored) > MAX_FILE_BYTES:
        raise RejectedFile(TOO_LARGE)
    return bytes(stored)


def cell_sample(cell: Any, folder: Path) -> Sample:
    """Returns a sample of a cell; see `cell_content`."""
    return lambda limit: cell_content(cell, folder)


def _stored(cell: Any) -> Any:
    """Returns the bytes of a cell, or else its path; None or nothing if it has neither."""
    if isinstance(cell, dict):
        return cell["bytes"] if cell.get("bytes") is not None else cell.get("path")
    return cell


def named_file(cell: Any, folder: Path) -> Path | None:
    """Returns the existing file that a cell names; None if it holds its image, or there is no such file."""
    stored = _stored(cell)
    if not stored or not isinstance(stored, str):
        return None
    for path in (folder / stored, Path(stored)):
        try:
            if path.is_file():
                return path
        except (OSError, ValueError):  # too long, or with a null character: not a path
            return None
    return None


def current_files(paths: Sequence[Path]) -> list[Path]:
    """Drops arrow files that are not part of a saved dataset: caches of the `datasets` library, and older states.

    Raises DataError if a file that it saved is missing.
    """
    current = {folder: _saved_files(folder) for folder in {path.parent for path in paths}}
    for folder, names in current.items():
        if missing := sorted(name for name in names or () if folder / name not in paths):
            raise DataError(
                f"All files of a saved dataset must be there. Received: '{printable(str(folder))}' without "
                f"'{printable(missing[0])}', which its state.json names. Copy it again."
            )
    return [
        path
        for path in paths
        if path.suffix != ".arrow"
        or path.name in (current[path.parent] or ())
        or (current[path.parent] is None and not path.name.startswith("cache-"))
    ]


def _saved_files(folder: Path) -> list[str] | None:
    """Returns the names of the arrow files that `save_to_disk` wrote into a folder; None where it wrote nothing."""
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        return [Path(file["filename"]).name for file in state["_data_files"]]
    except (OSError, ValueError, LookupError, TypeError):
        return None


class Spool:
    """Concatenates the encoded images of tables in a file in the workspace."""

    def __init__(self, output: IO[bytes], packed_bytes: int | None = None) -> None:
        """Takes a file opened for writing, and the size of the tables, if they may be far smaller than their images."""
        self._output = output
        self._most = None if packed_bytes is None else max(UNPACKED_IN_ANY_CASE, MAX_RATIO * packed_bytes)
        self.names: list[str] = []
        self.locators: list[tuple[int, int]] = []
        self.labels: list[Any] = []
        self.refused = RejectionCounts()

    def add(self, name: str, cell: Any, label: Any, folder: Path) -> None:
        """Appends the image of a cell, or counts it as rejected; see `cell_content`.

        Raises DataError if the table unpacks to more than can be meant.
        """
        try:
            content = cell_content(cell, folder)
        except RejectedFile as refusal:
            self.refused.add(refusal.reason, name, refusal.detail)
            return
        if self._most is not None and self._output.tell() + len(content) > self._most:
            raise DataError(
                f"A table may unpack to at most {MAX_RATIO} times its size. Received: more than {self._most:,} bytes "
                f"of images, at {printable(name)}. Write the images as files, and give the folder."
            )
        self.names.append(name)
        self.locators.append((self._output.tell(), len(content)))
        self.labels.append(label)
        self._output.write(content)

    def listing(self, path: Path, label_names: Sequence[str] | None, others: Counter[str] | None = None) -> Listing:
        """Lists the collected images, in the order of the table."""
        labels, names = _index_labels(self.labels, label_names)
        return Listing(
            reader=SpanReader(str(path)),
            names=self.names,
            locators=self.locators,
            labels=labels,
            label_names=names,
            refused=self.refused,
            others=others or Counter(),
        )


def _index_labels(values: list[Any], known: Sequence[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Turns labels, numbers or texts or None, into int32 indices and names. `known` names the numbers from 0 on."""
    if known is not None:
        inside = [v if isinstance(v, int) and 0 <= v < len(known) else -1 for v in values]
        return np.array(inside, np.int32), tuple(known)
    distinct = sorted({v for v in values if v is not None}, key=lambda v: (isinstance(v, str), v))
    index = {value: number for number, value in enumerate(distinct)}
    return np.array([index.get(v, -1) for v in values], np.int32), tuple(str(value) for value in distinct)


class TableSource:
    """One or more table files with an image column.

    Attributes:
        label_column: name of the column of labels; None: one of the usual name, or none.
    """

    label_column: str | None = None

    def __init__(self, paths: Sequence[Path], text: str | None = None, others: Counter[str] | None = None) -> None:
        """Takes existing files, in reading order, and counts of the other files beside them."""
        self.text = text or f"'{printable(str(paths[0]))}'"
        self._paths = list(paths)
        self._others = others

    def key(self) -> str:
        """Identifies the files, and the image files that they name, by path, size and time of modification."""
        labels = [] if self.label_column is None else [f"labels\0{self.label_column}"]
        return "\n".join([*map(file_key, self._paths), *self._named_files(), *labels])

    def _named_files(self) -> Iterator[str]:
        from dcgan_hub.images.sources.table_files import opened_table

        for path in self._paths:
            with opened_table(path) as table:
                columns = find_columns(table.schema, table.text)
                for batch in table.batches([columns.image]):
                    named = [found for cell, _ in columns.read(batch) if (found := named_file(cell, path.parent))]
                    if not named:  # a table either contains its images, or names the files of all
                        break
                    yield from map(file_key, named)

    def listing(self, workspace: Path) -> Listing:
        """Writes the images to the workspace. Raises `DataError` if there is no image column."""
        from dcgan_hub.images.sources.table_files import opened_table

        path, label_names = workspace / "images", None
        with path.open("wb") as output:
            spool = Spool(output, packed_bytes=sum(table.stat().st_size for table in self._paths))
            for file_path in self._paths:
                with opened_table(file_path) as table:
                    columns = find_columns(table.schema, table.text, self.label_column)
                    label_names, row = columns.label_names, 0
                    for batch in table.batches(columns.names()):
                        for cell, label in columns.read(batch):
                            spool.add(f"{file_path.name} row {row}", cell, label, file_path.parent)
                            row += 1
        return spool.listing(path, label_names, self._others)

    def samples(self, count: int) -> Iterator[Sample]:
        """Yields about `count` images from up to eight evenly spread positions of each file."""
        from dcgan_hub.images.sources.table_files import opened_table

        per_file = -(-count // len(self._paths))
        for path in self._paths[: count or 1]:
            with opened_table(path) as table:
                columns = find_columns(table.schema, table.text)
                parts = np.unique(np.linspace(0, table.part_count - 1, 8).astype(int)) if table.part_count else ()
                for part in parts:
                    cells = (
                        cell for batch in table.batches([columns.image], {part}) for cell, _ in columns.read(batch)
                    )
                    for cell in islice(cells, -(-per_file // len(parts))):
                        yield cell_sample(cell, path.parent)
