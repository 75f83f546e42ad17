"""Comments in finished .gif and .webp files, which ffmpeg does not write there as it does in .mp4."""

import struct

from PIL import Image

GIF_HEADER_BYTES = 13  # signature and screen descriptor; the global color table follows, if there is one
GIF_BLOCK_BYTES = 255  # of one sub-block
RIFF_HEADER_BYTES = 12
VP8X_EXIF = 0x08  # the flag of a WebP file that has Exif data
EXIF_MARK = b"Exif\0\0"  # before the data in JPEG, but not in WebP
DESCRIPTION = 0x010E  # Exif's tag ImageDescription


def with_comment(content: bytes, suffix: str, comment: str) -> bytes:
    """The content of a .gif or an animated .webp with an ASCII comment: GIF's comment extension, Exif's description.

    A .webp whose frames were all equal is a still image without room for a comment, and returned as it is.
    """
    return _gif_with_comment(content, comment) if suffix == ".gif" else _webp_with_comment(content, comment)


def _gif_with_comment(content: bytes, comment: str) -> bytes:
    flags = content[10]
    table_bytes = 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
    place = GIF_HEADER_BYTES + table_bytes
    text = comment.encode("ascii")
    parts = [text[start : start + GIF_BLOCK_BYTES] for start in range(0, len(text), GIF_BLOCK_BYTES)]
    blocks = b"".join(bytes([len(part)]) + part for part in parts)
    return content[:place] + b"\x21\xfe" + blocks + b"\0" + content[place:]


def _webp_with_comment(content: bytes, comment: str) -> bytes:
    if content[RIFF_HEADER_BYTES : RIFF_HEADER_BYTES + 4] != b"VP8X":
        return content
    exif = Image.Exif()
    exif[DESCRIPTION] = comment
    data = exif.tobytes().removeprefix(EXIF_MARK)
    chunk = b"EXIF" + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    flags = RIFF_HEADER_BYTES + 8
    body = content[8:flags] + bytes([content[flags] | VP8X_EXIF]) + content[flags + 1 :] + chunk
    return b"RIFF" + struct.pack("<I", len(body)) + body
