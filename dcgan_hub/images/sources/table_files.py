"""Parquet and arrow files, read a few rows at a time."""

from collections.abc import Container, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import ipc
from pyarrow.parquet import ParquetFile

from dcgan_hub.errors import DataError, shorten
from dcgan_hub.images.sources.arrow_messages import check_batches
from dcgan_hub.images.sources.file_names import printable
from dcgan_hub.images.sources.parquet_pages import rows_at_a_time
from dcgan_hub.images.sources.tables import ROWS_AT_A_TIME

DAMAGE = (pyarrow.ArrowException, OSError, ValueError)  # also of column names that are not UTF-8
ROWS_THAT_NEED_NO_BYTES = 100_000  # of images, none of which is smaller than a byte


class TableFile:
    """An open table, stored in parts: row groups of parquet, record batches of arrow."""

    schema: pyarrow.Schema
    part_count: int
    text: str  # its name in messages

    def batches(self, columns: list[str], parts: Container[int] | None = None) -> Iterator[pyarrow.RecordBatch]:
        """Yields a few rows at a time, of all parts or of those with these numbers. Raises `DataError` if damaged."""
        try:
            yield from self._read(columns, parts)
        except DAMAGE as error:
            raise _damaged(self.text, error) from None

    def _read(self, columns: list[str], parts: Container[int] | None) -> Iterator[pyarrow.RecordBatch]:
        raise NotImplementedError


class _Parquet(TableFile):
    def __init__(self, file: ParquetFile, path: Path) -> None:
        self._file, self._path = file, path
        self.schema, self.part_count = file.schema_arrow, file.num_row_groups
        _check_row_count(file.metadata.num_rows, path.stat().st_size)

    def _read(self, columns: list[str], parts: Container[int] | None) -> Iterator[pyarrow.RecordBatch]:
        groups = None if parts is None else [part for part in range(self.part_count) if part in parts]
        size = rows_at_a_time(self._path, self._file.metadata, columns)
        return self._file.iter_batches(batch_size=size, columns=columns, row_groups=groups)


class _Arrow(TableFile):
    """A memory-mapped file or stream of record batches: columns that are not used are not read from disk."""

    def __init__(self, mapped: pyarrow.MemoryMappedFile) -> None:
        self._mapped = mapped
        _check_row_count(check_batches(memoryview(mapped.read_buffer())), mapped.size())
        mapped.seek(0)
        self._is_stream = mapped.read(6) != b"ARROW1"
        self.schema = self._opened().schema
        self.part_count = sum(1 for _ in self._stored())

    def _opened(self) -> Any:
        self._mapped.seek(0)
        return ipc.open_stream(self._mapped) if self._is_stream else ipc.open_file(self._mapped)

    def _stored(self) -> Iterator[pyarrow.RecordBatch]:
        reader = self._opened()
        yield from reader if self._is_stream else map(reader.get_batch, range(reader.num_record_batches))

    def _read(self, columns: list[str], parts: Container[int] | None) -> Iterator[pyarrow.RecordBatch]:
        for number, stored in enumerate(self._stored()):
            if parts is None or number in parts:
                for start in range(0, stored.num_rows, ROWS_AT_A_TIME):
                    batch = stored.select(columns).slice(start, ROWS_AT_A_TIME)
                    batch.validate(full=True)  # offsets in a hostile file may point outside of it
                    yield batch


def _check_row_count(rows: int, size: int) -> None:
    if rows > max(ROWS_THAT_NEED_NO_BYTES, size):
        raise ValueError(f"{rows:,} rows are declared in {size:,} bytes")


@contextmanager
def opened_table(path: Path) -> Iterator[TableFile]:
    """Opens a parquet or arrow file. Raises `DataError` if it is damaged."""
    text = f"'{printable(str(path))}'"
    with ExitStack() as stack:
        try:
            with path.open("rb") as file:
                is_parquet = file.read(4) == b"PAR1"
            table: TableFile
            if is_parquet:
                table = _Parquet(stack.enter_context(ParquetFile(path, pre_buffer=False, buffer_size=2**20)), path)
            else:
                table = _Arrow(stack.enter_context(pyarrow.memory_map(str(path))))
            table.schema.names  # noqa: B018 (reads them)
            table.text = text
        except DAMAGE as error:
            raise _damaged(text, error) from None
        yield table


def _damaged(text: str, error: Exception) -> DataError:
    what = shorten(" ".join(str(error).split()), 200)
    return DataError(
        f"A parquet or arrow file must be whole and sound. Received: {text}: {what}. Download or write it again."
    )
