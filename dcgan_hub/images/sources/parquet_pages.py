"""How much memory the pages of a parquet file declare, read from their headers before anything is unpacked.

A page of a few bytes can unpack to two gigabytes, and a cell that is stored once, in the dictionary of its column, can
be repeated in every row. The footer could deny either; what counts is the header of each page, in Thrift's compact
protocol (parquet-format, `PageHeader`).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from dcgan_hub.images.sources.readers import MAX_RATIO
from dcgan_hub.images.sources.tables import ROWS_AT_A_TIME

UNPACKED_AT_A_TIME = 2**28  # bytes of the cells of these rows, unless a single one is larger
RATIO_MATTERS_FROM = 2**26  # bytes of a page; drawings of one color compress well
MAX_REPEATED_BYTES = 2**30  # of cells that dictionaries may repeat within one row
HEADER_BYTES, MAX_HEADER_BYTES = 4096, 2**24  # the latter as arrow
DEEPEST = 8  # of nested structures in a header
DATA, DICTIONARY, DATA_2 = 0, 2, 3  # kinds of pages
DICTIONARY_ENCODINGS = (2, 8)  # of data pages whose values are numbers of cells in the dictionary


class Page(NamedTuple):
    """What the header of a page declares."""

    kind: int
    unpacked_bytes: int
    packed_bytes: int
    values: int
    repeats: bool  # whether its values are in the dictionary


def rows_at_a_time(path: Path, metadata: Any, columns: Sequence[str]) -> int:
    """Returns how many rows to read at a time, so that their cells take bounded memory.

    Args:
        path: of the parquet file.
        metadata: pyarrow's `FileMetaData` of it.
        columns: names of the columns that will be read.

    Raises:
        ValueError: if a header is damaged, or declares more than can be meant.
    """
    largest = 1
    with path.open("rb") as file:
        for group in range(metadata.num_row_groups):
            for number in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(number)
                if any(f"{chunk.path_in_schema}.".startswith(f"{name}.") for name in columns):
                    nested = metadata.schema.column(number).max_repetition_level > 0
                    largest = max(largest, _check_chunk(list(_pages(file, chunk)), nested))
    return max(1, min(ROWS_AT_A_TIME, UNPACKED_AT_A_TIME // largest))


def _check_chunk(pages: list[Page], nested: bool) -> int:
    """Returns the bytes of the largest page, which no cell exceeds."""
    for page in pages:
        if page.unpacked_bytes > max(RATIO_MATTERS_FROM, MAX_RATIO * page.packed_bytes):
            raise ValueError(
                f"a page of {page.packed_bytes:,} bytes declares {page.unpacked_bytes:,}, more than {MAX_RATIO} to 1"
            )
    dictionary = max((page.unpacked_bytes for page in pages if page.kind == DICTIONARY), default=0)
    repeated = dictionary * sum(page.values for page in pages if page.repeats)
    if nested and repeated > MAX_REPEATED_BYTES:  # a single row may hold all of them
        raise ValueError(f"lists of repeated images may take {repeated:,} bytes")
    return max((page.unpacked_bytes for page in pages), default=1)


def _pages(file: IO[bytes], chunk: Any) -> Iterator[Page]:
    """The pages of a column in a row group, in the order in which arrow reads them."""
    position = chunk.data_page_offset
    if chunk.has_dictionary_page and 0 < (chunk.dictionary_page_offset or 0) < position:
        position = chunk.dictionary_page_offset
    end, values = position + chunk.total_compressed_size, 0
    while position < end and values < chunk.num_values:
        header, length = _read_header(file, position)
        page = _as_page(header)
        yield page
        position += length + page.packed_bytes
        values += page.values if page.kind != DICTIONARY else 0


def _as_page(header: dict[int, Any]) -> Page:
    kind, unpacked, packed = (header.get(field, -1) for field in (1, 2, 3))
    about = {DATA: header.get(5), DICTIONARY: header.get(7), DATA_2: header.get(8)}.get(kind) or {}
    values, encoding = about.get(1, 0), about.get(4 if kind == DATA_2 else 2, 0)
    if not all(isinstance(number, int) and number >= 0 for number in (kind, unpacked, packed, values)):
        raise ValueError("a damaged header of a page")
    return Page(kind, unpacked, packed, values, kind != DICTIONARY and encoding in DICTIONARY_ENCODINGS)


def _read_header(file: IO[bytes], position: int) -> tuple[dict[int, Any], int]:
    """The fields of a header by number, and its length in bytes."""
    for size in (HEADER_BYTES, MAX_HEADER_BYTES):
        file.seek(position)
        content = _Compact(file.read(size))
        try:
            return content.structure(), content.position
        except IndexError:  # longer than what was read
            continue
    raise ValueError("a damaged header of a page")


class _Compact:
    """Reads Thrift's compact protocol: whole numbers and structures; everything else is skipped."""

    def __init__(self, content: bytes) -> None:
        self._content, self.position = content, 0

    def structure(self, depth: int = 0) -> dict[int, Any]:
        """The fields of a structure by number. Raises IndexError at the end of the content."""
        if depth > DEEPEST:
            raise ValueError("a damaged header of a page")
        fields: dict[int, Any] = {}
        number = 0
        while (head := self._byte()) & 0x0F:
            number = number + (head >> 4) if head >> 4 else self._signed()
            fields[number] = self._value(head & 0x0F, depth, in_list=False)
        return fields

    def _value(self, kind: int, depth: int, in_list: bool) -> Any:
        if kind in (1, 2):  # a boolean: in a structure its type is its value
            return self._byte() if in_list else kind == 1
        if kind == 3:
            return self._byte()
        if kind in (4, 5, 6):
            return self._signed()
        if kind in (7, 8):
            return self._skip(8 if kind == 7 else self._unsigned())
        if kind in (9, 10):
            return self._skip_list(depth + 1)
        if kind == 12:
            return self.structure(depth + 1)
        raise ValueError("a damaged header of a page")

    def _skip_list(self, depth: int) -> None:
        if depth > DEEPEST:
            raise ValueError("a damaged header of a page")
        head = self._byte()
        for _ in range(head >> 4 if head >> 4 < 15 else self._unsigned()):
            self._value(head & 0x0F, depth, in_list=True)

    def _skip(self, length: int) -> None:
        self.position += length
        if self.position > len(self._content):
            raise IndexError

    def _byte(self) -> int:
        self.position += 1
        return self._content[self.position - 1]

    def _unsigned(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
            if shift > 63:
                raise ValueError("a damaged header of a page")
        return value | byte << shift

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
