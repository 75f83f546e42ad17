"""Strips metadata that a decoder failed on from image files; the pixels do not depend on it."""

import struct
import zlib
from collections.abc import Iterator

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_PIXELS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
PNG_APPEARANCE = frozenset({b"tRNS", b"eXIf"})
MAX_PROFILE_BYTES = 16 * 2**20
# Segments that affect the appearance of a JPEG, by marker: how they begin, and their minimum length.
JPEG_APPEARANCE = {0xE1: (b"Exif\0\0", 14), 0xE2: (b"ICC_PROFILE\0", 17), 0xEE: (b"Adobe", 12)}


def without_metadata(content: bytes) -> Iterator[bytes]:
    """Yields versions of a PNG or JPEG that failed to decode, with less and less metadata."""
    if content.startswith(PNG_SIGNATURE):
        yield b"".join(_png_parts(content, PNG_PIXELS | PNG_APPEARANCE))
        yield b"".join(_png_parts(content, PNG_PIXELS))
    elif content.startswith(b"\xff\xd8"):
        yield b"".join(_jpeg_parts(content))


def pixels_of_png(content: bytes) -> bytes:
    """A PNG without texts, profiles and frames, which a decoder would unpack before it knows the size of the image."""
    return b"".join(_png_parts(content, PNG_PIXELS | {b"tRNS"}))


def large_profile(content: bytes) -> bytes | None:
    """Returns the ICC profile of a PNG, up to 16 MiB; Pillow's limit is 1 MiB."""
    for kind, start, end in _png_chunks(content):
        if kind == b"IDAT":
            break
        if kind == b"iCCP":
            packed = content[start + 8 : end - 4].partition(b"\0")[2][1:]
            try:
                return zlib.decompressobj().decompress(packed, MAX_PROFILE_BYTES)
            except zlib.error:
                break
    return None


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yields type, start and end of each chunk; the last may be truncated."""
    position = len(PNG_SIGNATURE)
    while len(content) - position >= 8:
        length, kind = struct.unpack_from(">I4s", content, position)
        yield kind, position, position + 12 + length
        position += 12 + length


def _png_parts(content: bytes, kept: frozenset[bytes]) -> Iterator[bytes]:
    yield PNG_SIGNATURE
    for kind, start, end in _png_chunks(content):
        if kind in kept:
            yield content[start:end]


def _jpeg_parts(content: bytes) -> Iterator[bytes]:
    position = 2
    yield content[:2]
    while content[position : position + 1] == b"\xff" and len(content) - position >= 4:
        marker, length = struct.unpack_from(">xBH", content, position)
        if marker in (0xDA, 0xFF):  # scans follow, or padding
            break
        segment = content[position : position + 2 + length]
        if 0xE0 <= marker <= 0xEF or marker == 0xFE:
            start, shortest = JPEG_APPEARANCE.get(marker, (b"-", 0))
            if segment.startswith(start, 4) and length >= shortest:
                yield segment
        else:
            yield segment
        position += 2 + length
    yield content[position:]
