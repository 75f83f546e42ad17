"""From the bytes of an image file to pixels of the wanted size. Everything here may be given hostile bytes.

H x W pixels, C channels. Pillow sizes are (width, height); sizes in our own names are (height, width).
"""

import functools
import importlib
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from dcgan_hub.images.sources.exclusions import SHEET, is_sheet
from dcgan_hub.images.sources.readers import RejectedFile

MAX_PIXELS = 100 * 10**6  # of one image, judged from its header before any memory is taken for it
FITS = ("crop", "pad", "stretch")

UNREADABLE = "not readable as JPEG, PNG, WebP, BMP, GIF or TIFF"
DAMAGED = "truncated or damaged"
TOO_MANY_PIXELS = "more than 100 megapixels"
NO_MEMORY = "too large for the memory of this machine"
DEEP_PIXELS = "of more than 16 bits a pixel"
COLOR_MODEL = "in a colour model without conversion to RGB"
PLUGINS = {
    "JPEG": "PIL.JpegImagePlugin",
    "PNG": "PIL.PngImagePlugin",
    "WEBP": "PIL.WebPImagePlugin",
    "GIF": "PIL.GifImagePlugin",
    "TIFF": "PIL.TiffImagePlugin",
    "BMP": "PIL.BmpImagePlugin",
}
ORIENTATION_TAG = 0x0112


@functools.cache
def _factory(image_format: str) -> Callable[[io.BytesIO, str], Image.Image]:
    """Returns what opens files of one format in Pillow; only the six formats of ours are ever loaded."""
    importlib.import_module(PLUGINS[image_format])
    return Image.OPEN[image_format][0]


@contextmanager
def without_pillow_warnings() -> Iterator[None]:
    """Silences what Pillow warns of: odd metadata, which does not matter, and bombs, for which we have our own limit.

    Meant for many images at a time: changing the filters for each takes as long as decoding a thumbnail.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def sniff_format(content: bytes) -> str | None:
    """Tells the format by the first bytes, whatever the file is called: Pillow's name for it, or None."""
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "WEBP"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if content.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "TIFF"
    if content.startswith(b"BM"):
        return "BMP"
    return None


def open_image(content: bytes) -> Image.Image:
    """Reads the header of an image file; pixels follow at `load`.

    Raises RejectedFile if it is none of the six formats, its header is damaged, it has more than 100 megapixels, or it
    is a sheet of this package.
    """
    image_format = sniff_format(content)
    if image_format is None:
        raise RejectedFile(UNREADABLE)
    try:
        # What `Image.open` does after asking each of its forty formats in turn, which takes as long as a small image.
        image = _factory(image_format)(io.BytesIO(content), "")
    except Exception:  # hostile headers make Pillow raise nearly anything: struct.error, SyntaxError, …
        raise RejectedFile(DAMAGED, "no sound header") from None
    if image_format == "PNG" and is_sheet(image.info):
        raise RejectedFile(SHEET)
    width, height = image.size
    if width < 1 or height < 1:
        raise RejectedFile(DAMAGED, "no sound header")
    if width * height > MAX_PIXELS:
        raise RejectedFile(TOO_MANY_PIXELS, f"{width:,} x {height:,}")
    return image


def _brief(error: Exception) -> str:
    """One line of at most 80 characters about an error of Pillow."""
    return " ".join(str(error).split())[:80]


def load_pixels(image: Image.Image) -> Image.Image:
    """Decodes an opened image, turns it upright, and brings it to one of the modes L, LA, RGB and RGBA.

    Nothing is lost but depth beyond 8 bits and later frames of an animation; an alpha channel that is opaque
    everywhere is dropped, because then the image is the same with and without.

    Raises:
        RejectedFile: if the file is truncated or damaged, or its pixels have no sensible form of 8 bits.
    """
    try:
        image.load()
        if image.format not in ("JPEG", "BMP", "GIF") or "exif" in image.info or "xmp" in image.info:
            image = _upright(image)
        return _in_plain_mode(image)
    except RejectedFile:
        raise
    except MemoryError:
        raise RejectedFile(NO_MEMORY) from None
    except Exception as error:  # as above
        raise RejectedFile(DAMAGED, _brief(error)) from None


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Returns (height, width) of an opened image as it is after `load_pixels`."""
    turned = _orientation(image) >= 5  # these exchange width and height
    return (image.width, image.height) if turned else (image.height, image.width)


def _orientation(image: Image.Image) -> int:
    """Returns the orientation by EXIF that is still to be applied, 1 (upright) to 8."""
    if image.format == "TIFF":  # Pillow turns these by itself
        return 1
    try:
        orientation = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # damaged metadata of a sound image is no reason to lose the image
        return 1
    return orientation if orientation in range(2, 9) else 1


def _upright(image: Image.Image) -> Image.Image:
    return image if _orientation(image) == 1 else ImageOps.exif_transpose(image)


def _in_plain_mode(image: Image.Image) -> Image.Image:
    """Converts any mode of Pillow to L, LA, RGB or RGBA."""
    mode = image.mode
    if mode in ("I", "F") or mode.startswith("I;16"):
        return _eight_bits(image)
    transparent = "transparency" in image.info
    if mode in ("L", "LA", "RGB", "RGBA") and not transparent:
        plain = image
    elif mode in ("1", "L"):
        plain = image.convert("LA" if transparent else "L")
    elif mode in ("LA", "La"):
        plain = image.convert("LA")
    elif mode in ("RGBA", "RGBa", "PA") or transparent:
        plain = image.convert("RGBA")
    else:
        try:
            plain = image.convert("RGB")
        except ValueError:
            raise RejectedFile(COLOR_MODEL, mode) from None
    if plain.mode in ("LA", "RGBA") and plain.getextrema()[-1] == (255, 255):
        plain = plain.convert(plain.mode[:-1])
    return plain


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scales 16-bit grey to 8 bits by the range of the mode, 65,535, not by the extremes of this image."""
    pixels = np.asarray(image)
    if image.mode == "F" or pixels.size == 0 or pixels.min() < 0 or pixels.max() > 65535:
        raise RejectedFile(DEEP_PIXELS, image.mode)
    return Image.fromarray(((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8))


class Decoded(NamedTuple):
    """A decoded image, and what it was in its file."""

    image: Image.Image  # upright, mode L, LA, RGB or RGBA, maybe smaller than stored
    stored_size: tuple[int, int]  # (height, width), upright
    stored_mode: str  # Pillow's
    stored_format: str  # Pillow's, or `array`


def decode(content: bytes, draft_size: tuple[int, int] | None = None) -> Decoded:
    """Decodes an image file.

    Args:
        content: of the file.
        draft_size: (height, width) that the image will be shrunk to. A JPEG of at least four times this size is then
            decoded at a half, a quarter or an eighth of its size, which is several times as fast.

    Raises:
        RejectedFile: if the file cannot be used.
    """
    image = open_image(content)
    width, height = image.size
    mode, image_format = image.mode, image.format or ""
    if draft_size is not None and image_format == "JPEG":
        # Twice the wanted size is left for the careful filter; its longer side on both axes, as the image may turn.
        enough = 2 * max(draft_size)
        if min(width, height) >= 2 * enough:
            image.draft(None, (enough, enough))
    decoded_size = image.size
    loaded = load_pixels(image)
    if decoded_size[0] != decoded_size[1] and loaded.size == decoded_size[::-1]:  # it was turned by a right angle
        width, height = height, width
    return Decoded(loaded, (height, width), mode, image_format)


def fit_image(image: Image.Image, size: tuple[int, int], fit: str) -> Image.Image:
    """Brings an image to a size.

    Args:
        image: of mode L, LA, RGB or RGBA.
        size: (height, width) wanted.
        fit: `crop` cuts off what is too much on the longer side, evenly; `pad` adds white (and transparent, where the
            image has alpha) on the shorter side; `stretch` changes the proportions.

    Returns:
        An image of the same mode and of `size`.
    """
    height, width = size
    if image.size == (width, height):
        return image
    box = (0.0, 0.0, float(image.width), float(image.height))
    inner = (width, height)
    if fit == "crop":
        scale = min(image.width / width, image.height / height)
        left, top = (image.width - scale * width) / 2, (image.height - scale * height) / 2
        box = (left, top, left + scale * width, top + scale * height)
    elif fit == "pad":
        scale = max(image.width / width, image.height / height)
        inner = (max(1, round(image.width / scale)), max(1, round(image.height / scale)))
    # Lanczos keeps detail when shrinking but rings when enlarging; there bicubic is the calmer choice.
    shrinking = box[2] - box[0] > inner[0] or box[3] - box[1] > inner[1]
    method = Image.Resampling.LANCZOS if shrinking else Image.Resampling.BICUBIC
    if inner != image.size or box != (0.0, 0.0, *map(float, image.size)):
        image = image.resize(inner, method, box=box, reducing_gap=3.0 if shrinking else None)
    if inner == (width, height):
        return image
    colour: Any = {"L": 255, "LA": (255, 0), "RGB": (255, 255, 255), "RGBA": (255, 255, 255, 0)}[image.mode]
    padded = Image.new(image.mode, (width, height), colour)
    padded.paste(image, ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return padded


def with_channels(image: Image.Image, channels: int) -> Image.Image:
    """Converts mode L, LA, RGB or RGBA to 1 (grey), 3 (RGB) or 4 (RGBA) channels; composited on white for 1 and 3."""
    if channels == 4:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    if image.mode in ("LA", "RGBA"):
        plain = image.mode[:-1]
        white = Image.new(plain, image.size, "white")
        white.paste(image.convert(plain), mask=image.getchannel("A"))
        image = white
    wanted = "L" if channels == 1 else "RGB"
    return image if image.mode == wanted else image.convert(wanted)
