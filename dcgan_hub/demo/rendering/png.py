"""A PNG encoder for small images, five times as fast as Pillow.

Pillow tries five filters on every row and searches for repeated strings, which generated images hardly contain. Here
every row uses the Up filter, and compression uses only run lengths and Huffman coding. Measured on 2 cores with 16
images of 64 x 64 pixels, per image: Pillow 880 us and 9.0 kB, Pillow at level 1 560 us and 9.6 kB, this encoder 170 us
and 9.3 kB.

H x W pixels, C channels.
"""

import struct
import zlib
from collections.abc import Mapping

import numpy as np
from PIL.PngImagePlugin import PngInfo

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOR_TYPES = {1: 0, 3: 2, 4: 6}  # of PNG, by channels
UP = 2  # PNG's number of the filter that stores differences from the row above
MEMORY_LEVEL = 9  # zlib's maximum, 256 kB, which is the fastest


def encode_small_png(image: np.ndarray, text: Mapping[str, str]) -> bytes:
    """Encodes uint8 (H, W, C), C 1, 3 or 4, as PNG with text fields; lossless."""
    height, width, channels = image.shape
    flat = image.reshape(height, width * channels)
    rows = np.empty((height, 1 + width * channels), np.uint8)
    rows[:, 0] = UP
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])  # modulo 256, as PNG requires
    coder = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, MEMORY_LEVEL, zlib.Z_RLE)
    header = struct.pack(">IIBBBBB", width, height, 8, COLOR_TYPES[channels], 0, 0, 0)
    fields = ((kind, data) for kind, data, *_ in text_fields(text).chunks)
    chunks = [(b"IHDR", header), *fields, (b"IDAT", coder.compress(rows.tobytes()) + coder.flush()), (b"IEND", b"")]
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def text_fields(text: Mapping[str, str]) -> PngInfo:
    """Text fields in Pillow's format; lone surrogates are escaped."""
    fields = PngInfo()
    for name, value in text.items():
        fields.add_text(name, value.encode("utf-8", "backslashreplace").decode("utf-8"))
    return fields


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
