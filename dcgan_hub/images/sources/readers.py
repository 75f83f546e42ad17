"""Reading one item of a source, wherever it lies: a file, a span of a file, a member of a zip, a row of an array.

Readers are small and can be pickled, so that worker processes open the source themselves and no image crosses the
process boundary. A locator is what a listing hands out for an item and its reader takes back.
"""

import os
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

MAX_FILE_BYTES = 256 * 2**20  # of one encoded image; anything larger is an attack or a mistake
MAX_RATIO = 200  # of unpacked to packed size; JPEG and PNG hardly compress further, BMP drawings up to this
RATIO_MATTERS_FROM = 2**20  # bytes; a small BMP of one color may exceed the ratio, and is harmless

CANNOT_OPEN = "cannot be opened"
TOO_LARGE = "larger than 256 MiB"
EMPTY = "empty"
DAMAGED_MEMBER = "damaged inside its archive"
NOT_REGULAR = "not a regular file"


class RejectedFile(Exception):
    """An item cannot be used. `reason` is one of few fixed texts, to be counted; `detail` belongs to this item."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class Reader(Protocol):
    """Gives the content of an item: encoded bytes, or for an array its pixels, uint8 (H, W) or (H, W, C)."""

    def read(self, locator: Any, limit: int | None = None) -> bytes | np.ndarray:
        """Reads an item, or at least its first `limit` bytes. Raises `RejectedFile`."""
        ...


@contextmanager
def opened(path: str | Path) -> Iterator[int]:
    """Opens a regular file and gives its descriptor; refuses whatever else has a name, such as a pipe."""
    # Without O_NONBLOCK the open itself would wait for ever for somebody to write into a named pipe.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise RejectedFile(CANNOT_OPEN, getattr(error, "strerror", None) or str(error)) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise RejectedFile(NOT_REGULAR)
        yield descriptor
    finally:
        os.close(descriptor)


def read_span(descriptor: int, offset: int, size: int) -> bytes:
    """Reads `size` bytes from `offset`, fewer only at the end of the file. `RejectedFile` if the device fails."""
    parts = []
    try:
        os.lseek(descriptor, offset, os.SEEK_SET)
        while size > 0 and (part := os.read(descriptor, size)):
            parts.append(part)
            size -= len(part)
    except OSError as error:
        raise RejectedFile(CANNOT_OPEN, error.strerror or str(error)) from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


@dataclass(frozen=True)
class FileReader:
    """Files below a folder; the locator is the path relative to it."""

    folder: str

    def read(self, locator: str, limit: int | None = None) -> bytes:
        """Reads a file, following links. Raises `RejectedFile`."""
        with opened(f"{self.folder}/{locator}") as descriptor:
            size = os.fstat(descriptor).st_size
            if size > MAX_FILE_BYTES:
                raise RejectedFile(TOO_LARGE)
            content = read_span(descriptor, 0, min(size, limit or size))
        if not content:
            raise RejectedFile(EMPTY)
        return content


@dataclass(frozen=True)
class _OneFileReader:
    """Keeps the one file of the source open, in each process on its own."""

    path: str
    _state: dict[str, int] = field(default_factory=dict, compare=False, repr=False)

    def __reduce__(self) -> tuple:
        return type(self), (self.path,)  # an open descriptor means nothing to another process

    def _descriptor(self) -> int:
        if "descriptor" not in self._state:
            try:
                self._state["descriptor"] = os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            except OSError as error:
                raise RejectedFile(CANNOT_OPEN, error.strerror or str(error)) from None
        return self._state["descriptor"]

    def close(self) -> None:
        """Closes the file; the next `read` opens it again."""
        if "descriptor" in self._state:
            os.close(self._state.pop("descriptor"))

    def __del__(self) -> None:
        self.close()


@dataclass(frozen=True)
class SpanReader(_OneFileReader):
    """Stretches of one file, as in a tar; the locator is (offset, size) in bytes."""

    def read(self, locator: tuple[int, int], limit: int | None = None) -> bytes:
        """Reads a stretch. Raises `RejectedFile`."""
        offset, size = locator
        if size == 0:
            raise RejectedFile(EMPTY)
        if size > MAX_FILE_BYTES:
            raise RejectedFile(TOO_LARGE)
        wanted = min(size, limit or size)
        content = read_span(self._descriptor(), offset, wanted)
        if len(content) < wanted:
            raise RejectedFile(DAMAGED_MEMBER, "archive ends early")
        return content


@dataclass(frozen=True)
class ZipReader(_OneFileReader):
    """Members of a zip archive; the locator is (header offset, packed size, size, method 0 or 8, CRC-32).

    It reads members by itself because `zipfile` needs the whole directory in each process, which for 50,000 members
    takes longer than decoding 3,000 of them, and because reading may not go on past the declared size.
    """

    def read(self, locator: tuple[int, int, int, int, int], limit: int | None = None) -> bytes:
        """Reads and unpacks a member, and never more than it declares. Raises `RejectedFile`."""
        header_offset, packed_size, size, method, checksum = locator
        if size == 0:
            raise RejectedFile(EMPTY)
        # Name and extra field come before the data and may be as long as 2 × 65,535 bytes; mostly they are short.
        span = read_span(self._descriptor(), header_offset, 30 + 512 + packed_size)
        if len(span) < 30 or span[:4] != b"PK\x03\x04":
            raise RejectedFile(DAMAGED_MEMBER, "no header")
        name_size, extra_size = struct.unpack_from("<HH", span, 26)
        start = 30 + name_size + extra_size
        packed = span[start : start + packed_size]
        if start > 30 + 512:
            packed = read_span(self._descriptor(), header_offset + start, packed_size)
        if len(packed) < packed_size:
            raise RejectedFile(DAMAGED_MEMBER, "archive ends early")
        if method == 0:
            content = packed
        else:
            try:
                content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, min(size + 1, limit or size + 1))
            except zlib.error as error:
                raise RejectedFile(DAMAGED_MEMBER, str(error)) from None
            if limit is not None:
                return content
        if len(content) != size:
            raise RejectedFile(DAMAGED_MEMBER, "other size than declared")
        if zlib.crc32(content) != checksum:
            raise RejectedFile(DAMAGED_MEMBER, "wrong checksum")
        return content


@dataclass(frozen=True)
class PixelReader(_OneFileReader):
    """Rows of an uint8 array stored plainly in a file; the locator is the row."""

    offset: int = 0  # bytes before the first row
    row_shape: tuple[int, ...] = ()  # (H, W) or (H, W, C)

    def __reduce__(self) -> tuple:
        return _pixel_reader, (self.path, self.offset, self.row_shape)

    def read(self, locator: int, limit: int | None = None) -> np.ndarray:
        """Reads a row, uint8 (H, W) or (H, W, C). Raises `RejectedFile` if the file has become shorter."""
        size = int(np.prod(self.row_shape))
        content = read_span(self._descriptor(), self.offset + locator * size, size)
        if len(content) < size:
            raise RejectedFile(DAMAGED_MEMBER, "file ends early")
        return np.frombuffer(content, np.uint8).reshape(self.row_shape)


def _pixel_reader(path: str, offset: int, row_shape: tuple[int, ...]) -> PixelReader:
    return PixelReader(path, offset=offset, row_shape=row_shape)
