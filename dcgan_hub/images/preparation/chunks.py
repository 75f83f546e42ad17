"""The work on a chunk of items, done in a worker process or, for few images, in this one."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Self

import numpy as np
from PIL import Image

from dcgan_hub.images.preparation.contrast import Faint, find_faint
from dcgan_hub.images.preparation.decoding import Decoded, decode, fit_image, with_channels, without_pillow_warnings
from dcgan_hub.images.preparation.value_range import stretch_image
from dcgan_hub.images.sources.readers import Reader, RejectedFile

DIGEST_BYTES = 16
OTHER_SIZE = "of another size"
CRASHED = "crashing the decoder"

MAX_ENLARGED = 4  # 64 x 64 may become 256 x 256; what is smaller beside large images is a thumbnail or an icon


@dataclass(frozen=True, kw_only=True)
class ChunkTask:
    """Consecutive items of a listing."""

    reader: Reader
    first: int  # row of the first item
    locators: Sequence[Any]
    value_range: tuple[float, float] | None  # see `decode`

    def halves(self) -> list[Self]:
        """The first and the second half; nothing of a single item."""
        half = len(self.locators) // 2
        parts = [(self.first, self.locators[:half]), (self.first + half, self.locators[half:])]
        return [replace(self, first=first, locators=locators) for first, locators in parts] if half else []


@dataclass(frozen=True, kw_only=True)
class PrepareTask(ChunkTask):
    """Prepares items and writes their rows into the shared file."""

    path: str  # of the file of rows
    offset: int  # bytes before row 0
    shape: tuple[int, int, int]  # (H, W, C) of a row
    fit: str
    exact: bool  # refuse images that do not have the size of a row already
    any_size: bool  # accept images of less than a quarter of the size, too (arrays of small pictures are meant so)


@dataclass(kw_only=True)
class ChunkResult:
    """What the parent needs to know of a chunk; bytes only, as 200,000 small objects would cost more than they say."""

    first: int
    digests: bytearray  # 16 bytes an item: of its decoded pixels, size and mode
    usable: bytearray  # 1 or 0 an item
    gray: bytearray  # 1 or 0 an item
    refused: list[tuple[int, str, str]] = field(default_factory=list)  # row, reason, detail
    faint: list[tuple[int, Faint]] = field(default_factory=list)  # rows of little contrast

    @classmethod
    def of(cls, task: ChunkTask) -> Self:
        """The result before any item was found usable."""
        count = len(task.locators)
        return cls(
            first=task.first, digests=bytearray(count * DIGEST_BYTES), usable=bytearray(count), gray=bytearray(count)
        )

    @classmethod
    def crashed(cls, task: ChunkTask) -> Self:
        """The result in place of an item that kills the process that opens it."""
        result = cls.of(task)
        result.refused.append((task.first, CRASHED, ""))
        return result

    def examine(self, task: ChunkTask, item: Callable[[int, Any], tuple[bytes, bool, Faint | None]]) -> None:
        """Records the result of `item` for each index and locator: digest, gray, faint; or why it was rejected."""
        with without_pillow_warnings():
            for index, locator in enumerate(task.locators):
                try:
                    digest, self.gray[index], faint = item(index, locator)
                except RejectedFile as refusal:
                    self.refused.append((task.first + index, refusal.reason, refusal.detail))
                    continue
                self.digests[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES] = digest
                self.usable[index] = 1
                if faint is not None:
                    self.faint.append((task.first + index, faint))


def prepare_chunk(task: PrepareTask) -> ChunkResult:
    """Decodes and fits the items of a chunk and writes them in one go. Raises `OSError` if the disk is full."""
    row_bytes = int(np.prod(task.shape))
    rows = bytearray(len(task.locators) * row_bytes)

    def prepare(index: int, locator: Any) -> tuple[bytes, bool, Faint | None]:
        rows[index * row_bytes : (index + 1) * row_bytes], digest, is_gray, faint = prepare_item(task, locator)
        return digest, is_gray, faint

    result = ChunkResult.of(task)
    result.examine(task, prepare)
    _write_rows(task, rows)
    return result


def open_item(task: ChunkTask, locator: Any, draft_size: tuple[int, int] | None) -> Decoded:
    """Reads and decodes an item; see `decode`. Raises `RejectedFile`."""
    content = task.reader.read(locator)
    if isinstance(content, bytes):
        return decode(content, draft_size, task.value_range)
    pixels = content[..., 0] if content.shape[2:] == (1,) else content
    image = Image.fromarray(pixels)
    if task.value_range is None:
        return Decoded(image, (image.height, image.width), image.mode, "array")
    stretched = stretch_image(image, task.value_range)
    return Decoded(stretched, (image.height, image.width), image.mode, "array", pixels)


def item_digest(decoded: Decoded, pixels: bytes) -> bytes:
    """Returns 16 bytes that differ between images that differ in any pixel, in size, or in mode."""
    height, width = decoded.stored_size
    digest = blake2b(f"{decoded.image.mode} {height} {width} ".encode(), digest_size=DIGEST_BYTES)
    digest.update(pixels)
    return digest.digest()


def prepare_item(task: PrepareTask, locator: Any) -> tuple[bytes, bytes, bool, Faint | None]:
    """Returns the row of an item (H x W x C bytes), its digest, and whether it is gray or faint.

    Raises RejectedFile if it cannot be used.
    """
    height, width, channels = task.shape
    decoded = open_item(task, locator, None if task.exact else (height, width))
    image, stored = decoded.image, decoded.stored_size
    if task.exact and stored != (height, width):
        raise RejectedFile(OTHER_SIZE, f"{stored[0]} x {stored[1]}")
    if not task.any_size and (MAX_ENLARGED * stored[0] < height or MAX_ENLARGED * stored[1] < width):
        raise RejectedFile(f"smaller than a quarter of {height} x {width}", f"{stored[0]} x {stored[1]}")
    content = image.tobytes()
    fitted = with_channels(fit_image(image, (height, width), task.fit), channels)
    pixels = content if fitted is image else fitted.tobytes()
    is_gray = channels == 1 or is_gray_pixels(pixels, channels)
    return pixels, item_digest(decoded, content), is_gray, find_faint(pixels, channels, decoded)


def is_gray_pixels(pixels: bytes, channels: int) -> bool:
    """Tells whether red, green and blue agree in every pixel of channels-last bytes."""
    if pixels[0] != pixels[1] or pixels[0] != pixels[2]:  # settles most color images at their first pixel
        return False
    return pixels[0::channels] == pixels[1::channels] == pixels[2::channels]


def _write_rows(task: PrepareTask, rows: bytearray) -> None:
    """Writes with plain calls, not through a memory map: a full disk is then an error and not a fatal signal."""
    position = task.offset + task.first * int(np.prod(task.shape))
    with open(task.path, "r+b", buffering=0) as file:  # noqa: PTH123 (a string travels better than a Path)
        file.seek(position, os.SEEK_SET)
        remaining = memoryview(rows)
        while remaining:
            remaining = remaining[file.write(remaining) :]
