"""Tables with an image column: parquet files, and data sets of the Hugging Face Hub."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from dcgan_hub.errors import DataError
from dcgan_hub.images.sources.file_names import printable
from dcgan_hub.images.sources.listing import Listing, RejectionCounts, Sample, already_read, file_key
from dcgan_hub.images.sources.readers import EMPTY, MAX_FILE_BYTES, TOO_LARGE, FileReader, RejectedFile, SpanReader

ROWS_AT_A_TIME = 32
IMAGE_COLUMNS = ("image", "images", "img", "picture", "photo", "jpg", "png", "webp")
LABEL_COLUMNS = ("label", "labels", "class", "category", "target", "fine_label")
HUB_NAME = re.compile(r"(?:hf://datasets/)?([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([\w./-]+))?")
EXTRA = '`pip install "dcgan-hub[datasets]"`'


class Spool:
    """Collects encoded images of a table one behind the other in a file of the workspace."""

    def __init__(self, output: IO[bytes]) -> None:
        """Takes a file opened for writing."""
        self._output = output
        self.names: list[str] = []
        self.locators: list[tuple[int, int]] = []
        self.labels: list[Any] = []
        self.refused = RejectionCounts()

    def add(self, name: str, content: bytes | None, label: Any) -> None:
        """Appends an image, or counts it as refused if its cell is empty or far too large."""
        if not content:
            self.refused.add(EMPTY, name)
        elif len(content) > MAX_FILE_BYTES:
            self.refused.add(TOO_LARGE, name)
        else:
            self.names.append(name)
            self.locators.append((self._output.tell(), len(content)))
            self.labels.append(label)
            self._output.write(content)

    def listing(self, path: Path, label_names: Sequence[str] | None) -> Listing:
        """Lists what was collected, in the order of the table."""
        labels, names = _index_labels(self.labels, label_names)
        return Listing(
            reader=SpanReader(str(path)),
            names=self.names,
            locators=self.locators,
            labels=labels,
            label_names=names,
            refused=self.refused,
        )


def _index_labels(values: list[Any], known: Sequence[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Turns labels, numbers or texts or None, into int32 indices and names. `known` names the numbers from 0 on."""
    if known is not None:
        inside = [v if isinstance(v, int) and 0 <= v < len(known) else -1 for v in values]
        return np.array(inside, np.int32), tuple(known)
    distinct = sorted({v for v in values if v is not None}, key=lambda v: (isinstance(v, str), v))
    index = {value: number for number, value in enumerate(distinct)}
    return np.array([index.get(v, -1) for v in values], np.int32), tuple(str(value) for value in distinct)


class ParquetSource:
    """One or more parquet files with a column of encoded images."""

    def __init__(self, paths: Sequence[Path], text: str | None = None) -> None:
        """Takes existing files, in the order in which they are to be read."""
        self.text = text or f"'{printable(str(paths[0]))}'"
        self._paths = list(paths)

    def key(self) -> str:
        """Identifies the files by path, size and time of modification."""
        return "\n".join(file_key(path) for path in self._paths)

    def listing(self, workspace: Path) -> Listing:
        """Lays the images into the workspace, one behind the other. Raises `DataError` without an image column."""
        path, label_names = workspace / "images", None
        with path.open("wb") as output:
            spool = Spool(output)
            for file_path in self._paths:
                with self._opened(file_path) as file:
                    image_column, label_column, label_names = self._columns(file)
                    row = 0
                    for batch in self._batches(file, image_column, label_column):
                        for content, label in batch:
                            spool.add(f"{file_path.name} row {row}", content, label)
                            row += 1
        return spool.listing(path, label_names)

    def samples(self, count: int) -> Iterator[Sample]:
        """Gives readers of about `count` images from up to eight evenly spread places."""
        per_file = -(-count // len(self._paths))
        for file_path in self._paths[: count or 1]:
            with self._opened(file_path) as file:
                image_column, _, _ = self._columns(file)
                groups = sorted({int(g) for g in np.linspace(0, max(0, file.num_row_groups - 1), 8)})
                per_group = -(-per_file // len(groups))
                for group in groups[: file.num_row_groups]:
                    for batch in self._batches(file, image_column, None, row_groups=[group], rows=per_group):
                        for content, _ in batch:
                            yield already_read(content or b"")
                        break

    def _opened(self, path: Path) -> Any:
        try:
            from pyarrow import ArrowException
            from pyarrow.parquet import ParquetFile
        except ImportError:
            raise DataError(
                f"Reading parquet files needs pyarrow, which is not installed. Received: {self.text}. Run {EXTRA}."
            ) from None
        try:
            return ParquetFile(path, pre_buffer=False, buffer_size=2**20)
        except (ArrowException, OSError) as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> DataError:
        what = printable(" ".join(str(error).split()))
        return DataError(f"A parquet file must be whole and sound. Received: {self.text}: {what}. Download it again.")

    def _batches(
        self,
        file: Any,
        image_column: str,
        label_column: str | None,
        row_groups: list[int] | None = None,
        rows: int = ROWS_AT_A_TIME,
    ) -> Iterator[list[tuple[bytes | None, Any]]]:
        """Gives (encoded image, label) of few rows at a time."""
        from pyarrow import ArrowException

        columns = [image_column] + ([label_column] if label_column else [])
        try:
            for batch in file.iter_batches(batch_size=rows, columns=columns, row_groups=row_groups):
                cells = batch.column(batch.schema.get_field_index(image_column)).to_pylist()
                labels = batch.column(batch.schema.get_field_index(label_column)).to_pylist() if label_column else []
                yield [
                    (cell.get("bytes") if isinstance(cell, dict) else cell, labels[row] if labels else None)
                    for row, cell in enumerate(cells)
                ]
        except (ArrowException, OSError) as error:
            raise self._damaged(error) from None

    def _columns(self, file: Any) -> tuple[str, str | None, Sequence[str] | None]:
        """Returns the image column, the label column or None, and the names of the labels where the file says them."""
        import pyarrow

        schema, features = file.schema_arrow, _hub_features(file.schema_arrow.metadata)
        able = []
        for column in schema:
            kind = column.type
            if pyarrow.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
                kind = kind.field("bytes").type
            if pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind):
                able.append(column.name)
        said = [name for name in able if features.get(name, {}).get("_type") == "Image"]
        usual = [name for name in IMAGE_COLUMNS if name in able]
        chosen = (said or usual or (able if len(able) == 1 else []))[:1]
        if not chosen:
            names = ", ".join(f"'{printable(name)}'" for name in schema.names[:12])
            raise DataError(
                f"A parquet file must have a column 'image' of encoded images. Received: {self.text} with the columns "
                f"{names}. Rename the column, or store the bytes of the image files in it."
            )
        simple = [c.name for c in schema if pyarrow.types.is_integer(c.type) or pyarrow.types.is_string(c.type)]
        label = next((name for name in LABEL_COLUMNS if name in simple), None)
        known = features.get(label, {}).get("names") if label else None
        return chosen[0], label, known if isinstance(known, list) else None


def _hub_features(metadata: dict[bytes, bytes] | None) -> dict[str, Any]:
    """Reads what the `datasets` library notes in a parquet file about its columns; {} if there is nothing sensible."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        return {name: feature for name, feature in features.items() if isinstance(feature, dict)}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


class HubSource:
    """A data set of the Hugging Face Hub, through the `datasets` library, which is an extra."""

    def __init__(self, name: str, revision: str | None, given: str) -> None:
        """Takes `user/name`, a revision or None for the newest, and the user's own words."""
        self.text = f"'{printable(given)}'"
        self._name, self._revision, self._given = name, revision, given

    def key(self) -> str:
        """Returns name and revision, without asking the Hub: what was prepared once can be used without connection."""
        return f"{self._name}@{self._revision or ''}"

    def listing(self, workspace: Path) -> Listing:
        """Fetches the data set and lays its images into the workspace. Raises `DataError` if it cannot be had."""
        table, image_column, label_column, label_names = self._table()
        path = workspace / "images"
        with path.open("wb") as output:
            spool = Spool(output)
            for row, record in enumerate(table):
                label = record[label_column] if label_column else None
                try:
                    spool.add(f"row {row}", _cell_content(record[image_column]), label)
                except RejectedFile as refusal:
                    spool.refused.add(refusal.reason, f"row {row}", refusal.detail)
        return spool.listing(path, label_names)

    def samples(self, count: int) -> Iterator[Sample]:
        """Gives readers of `count` evenly spread images."""
        table, image_column, _, _ = self._table()
        for row in np.unique(np.linspace(0, max(0, len(table) - 1), count).astype(int)):
            yield already_read(_cell_content(table[int(row)][image_column]) or b"")

    def _table(self) -> tuple[Any, str, str | None, Sequence[str] | None]:
        try:
            import datasets
        except ImportError:
            raise self._missing(f"and data sets of the Hub need an extra: run {EXTRA}") from None
        try:
            splits = datasets.load_dataset(self._name, revision=self._revision)
        except Exception as error:  # many kinds: no connection, no such data set, needs a login, needs its own code
            what = printable(" ".join(str(error).split()))[:300]
            raise self._missing(f"and the Hub gave no such data set: {what}") from None
        table = splits["train"] if "train" in splits else next(iter(splits.values()))
        return hub_columns(table, self.text)

    def _missing(self, reason: str) -> DataError:
        if self._given.startswith("hf://"):
            received = f"{self.text}, {reason.removeprefix('and ')}"
        else:
            received = f"{self.text}: there is no file or folder of this name, {reason}"
        return DataError(
            "`--data` must be an existing path or a data set of the Hugging Face Hub that can be fetched. "
            f"Received: {received}. Correct the path or the name, or check the connection."
        )


def hub_columns(table: Any, text: str) -> tuple[Any, str, str | None, Sequence[str] | None]:
    """Finds the columns of a `datasets.Dataset`.

    Returns:
        The table with undecoded images, its image column, its label column or None, and the names of the labels.

    Raises:
        DataError: if there is no image column.
    """
    import datasets

    declared = [name for name, feature in table.features.items() if isinstance(feature, datasets.Image)]
    usual = [name for name in IMAGE_COLUMNS if _holds_bytes(table.features.get(name))]
    if not declared and not usual:
        names = ", ".join(f"'{printable(name)}'" for name in list(table.features)[:12])
        raise DataError(
            f"A data set must have a column of images. Received: {text} with the columns {names}. Give another one."
        )
    image = (declared or usual)[0]
    named = [name for name, feature in table.features.items() if isinstance(feature, datasets.ClassLabel)]
    plain = [n for n in LABEL_COLUMNS if getattr(table.features.get(n), "dtype", "") in ("int64", "int32", "string")]
    label = (named or plain or [None])[0]
    known = table.features[label].names if named else None
    table = table.select_columns([image] + ([label] if label else []))
    if declared:
        table = table.cast_column(image, datasets.Image(decode=False))
    return table, image, label, known


def _holds_bytes(feature: Any) -> bool:
    """Tells whether a column of the `datasets` library that is not declared as images can hold encoded ones."""
    if isinstance(feature, dict):
        return "bytes" in feature
    return getattr(feature, "dtype", "") in ("binary", "large_binary")


def _cell_content(cell: Any) -> bytes | None:
    """Returns the bytes of an undecoded image, which are in the cell or in a file that it names."""
    if not isinstance(cell, dict):
        return cell if isinstance(cell, bytes) else None
    if cell.get("bytes") is not None:
        return cell["bytes"]
    path = cell.get("path")
    if not path:
        return None
    location = Path(path)
    return FileReader(str(location.parent)).read(location.name)
