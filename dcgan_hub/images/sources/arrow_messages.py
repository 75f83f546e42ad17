"""How much memory the record batches of an arrow file declare, read before anything is unpacked.

A packed buffer begins with its unpacked size, which arrow takes memory for. Messages and the footer are flatbuffers
(arrow's `Message.fbs`, `File.fbs`).
"""

import struct
from collections.abc import Iterator

from dcgan_hub.images.sources.readers import MAX_RATIO

MAGIC = b"ARROW1"
CONTINUATION = 0xFFFFFFFF
DICTIONARY_BATCH, RECORD_BATCH = 2, 3  # kinds of messages
RATIO_MATTERS_FROM = 2**26  # bytes of a batch
BLOCK, BUFFER = struct.Struct("<qi4xq"), struct.Struct("<qq")
MAX_BATCHES = 10_000_000


def check_batches(content: memoryview) -> int:
    """Returns the number of rows that the batches of a file or stream declare.

    Raises ValueError if a batch is damaged, or declares that it unpacks to more than can be meant.
    """
    try:
        return sum(_check_batch(content, position) for position in _positions(content))
    except (struct.error, IndexError, OverflowError) as error:
        raise ValueError("a damaged record batch") from error


def _positions(content: memoryview) -> Iterator[int]:
    """Where the messages begin: for a file as its footer says, for a stream one behind the other."""
    if content[:6] == MAGIC:
        (size,) = struct.unpack_from("<i", content, len(content) - 10)
        footer = _Table.root(content, len(content) - 10 - size)
        for field in (2, 3):
            for start in footer.vector(field, BLOCK.size):
                yield BLOCK.unpack_from(content, start)[0]
        return
    position = 0
    for _ in range(MAX_BATCHES):
        start, size = _metadata(content, position)
        if size == 0:
            return
        yield position
        position = start + size + _Table.root(content, start).number(3, "<q")
        if position >= len(content):
            return


def _metadata(content: memoryview, position: int) -> tuple[int, int]:
    """Where the metadata of a message begin, and their size; 0 at the end of a stream."""
    (first,) = struct.unpack_from("<I", content, position)
    if first != CONTINUATION:  # written before arrow 0.15
        return position + 4, first
    return position + 8, struct.unpack_from("<I", content, position + 4)[0]


def _check_batch(content: memoryview, position: int) -> int:
    start, size = _metadata(content, position)
    message = _Table.root(content, start)
    kind = message.number(1, "<B")
    if kind not in (DICTIONARY_BATCH, RECORD_BATCH):
        return 0
    batch = message.table(2)
    if kind == DICTIONARY_BATCH and batch is not None:
        batch = batch.table(1)
    if batch is None:
        return 0
    if batch.table(3) is not None:
        _check_packed(content, batch, start + size, message.number(3, "<q"))
    return batch.number(0, "<q") if kind == RECORD_BATCH else 0


def _check_packed(content: memoryview, batch: "_Table", body: int, body_bytes: int) -> None:
    unpacked = 0
    for place in batch.vector(2, BUFFER.size):
        offset, length = BUFFER.unpack_from(content, place)
        if length:
            (declared,) = struct.unpack_from("<q", content, body + offset)
            unpacked += length if declared == -1 else declared
    if not 0 <= unpacked <= max(RATIO_MATTERS_FROM, MAX_RATIO * min(body_bytes, len(content))):
        raise ValueError(f"a batch of {body_bytes:,} bytes declares {unpacked:,}, more than {MAX_RATIO} to 1")


class _Table:
    """A table of a flatbuffer; missing fields are 0, None, or empty."""

    def __init__(self, content: memoryview, position: int) -> None:
        if not 0 <= position < len(content):
            raise IndexError
        self._content, self._position = content, position

    @classmethod
    def root(cls, content: memoryview, start: int) -> "_Table":
        """The table at the beginning of a flatbuffer."""
        if not 0 <= start < len(content):
            raise IndexError
        return cls(content, start + struct.unpack_from("<I", content, start)[0])

    def number(self, field: int, form: str) -> int:
        place = self._place(field)
        return int(struct.unpack_from(form, self._content, place)[0]) if place else 0

    def table(self, field: int) -> "_Table | None":
        place = self._place(field)
        return _Table(self._content, place + self._offset(place)) if place else None

    def vector(self, field: int, size: int) -> range:
        """Where the structures of a vector begin."""
        place = self._place(field)
        if not place:
            return range(0)
        start = place + self._offset(place)
        end = start + 4 + size * self._offset(start)
        if end > len(self._content):
            raise IndexError
        return range(start + 4, end, size)

    def _place(self, field: int) -> int:
        fields = self._position - struct.unpack_from("<i", self._content, self._position)[0]
        if fields < 0:
            raise IndexError
        (size,) = struct.unpack_from("<H", self._content, fields)
        entry = 4 + 2 * field
        offset = struct.unpack_from("<H", self._content, fields + entry)[0] if entry < size else 0
        return self._position + offset if offset else 0

    def _offset(self, place: int) -> int:
        return int(struct.unpack_from("<I", self._content, place)[0])
