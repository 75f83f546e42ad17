"""From the bytes of an image file to pixels of the wanted size. Everything here may be given hostile bytes.

H x W pixels, C channels. Pillow sizes are (width, height); sizes in our own names are (height, width).
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import numpy as np
from PIL import Image

from dcgan_hub.images.preparation.color import to_srgb
from dcgan_hub.images.preparation.formats import (
    DAMAGED,
    MAX_PIXELS,
    check_pixel_count,
    decoder_refusal,
    open_content,
)
from dcgan_hub.images.preparation.metadata import large_profile, without_metadata
from dcgan_hub.images.preparation.value_range import stretch_image, stretch_values
from dcgan_hub.images.sources.exclusions import SHEET, is_sheet
from dcgan_hub.images.sources.readers import RejectedFile

MAX_JPEG_PIXELS = 250 * 10**6  # as `MAX_PIXELS`; a JPEG can be decoded at an eighth of its size, and phones make 200
MAX_TILE_PIXELS = 2**24  # of a TIFF; a tile is decoded as a whole, however small the image
Result = TypeVar("Result")
FITS = ("crop", "pad", "stretch")

NO_MEMORY = "too large for the memory of this machine"
DEEP_PIXELS = "with values that are not 0 to 65535, for which `--value-range LOW:HIGH` must say what is black and white"
COLOR_MODEL = "in a color model without conversion to RGB"
ORIENTATION_TAG, TILE_WIDTH_TAG, TILE_HEIGHT_TAG = 0x0112, 0x0142, 0x0143
JPEG_END = b"\xff\xd9"
TURNS = {  # what brings an image upright, by its orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@contextmanager
def without_pillow_warnings() -> Iterator[None]:
    """Silences what Pillow warns of: odd metadata, which does not matter, and bombs, for which we have our own limit.

    Meant for many images at a time: changing the filters for each takes as long as decoding a thumbnail.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def open_image(content: bytes) -> Image.Image:
    """Reads the header of an image file.

    Raises RejectedFile if it is of no known format, its header is damaged, it has too many pixels, or it is a sheet of
    this package.
    """
    return _opened(content, lambda image: image)


def _opened(content: bytes, use: Callable[[Image.Image], Result]) -> Result:
    """Calls `use` with the opened image; if that fails, again without metadata, which may be the cause."""
    try:
        return use(_checked(open_content(content)))
    except RejectedFile as refusal:
        if refusal.reason != DAMAGED:
            raise
        for bare in without_metadata(content):
            try:
                image = _checked(open_content(bare))
                if profile := large_profile(content):
                    image.info["icc_profile"] = profile
                return use(image)
            except RejectedFile as second:
                if second.reason != DAMAGED:
                    raise
        raise


def _checked(image: Image.Image) -> Image.Image:
    if image.format == "PNG" and is_sheet(image.info):
        raise RejectedFile(SHEET)
    width, height = image.size
    if width < 1 or height < 1:
        raise RejectedFile(DAMAGED, "no sound header")
    check_pixel_count(width, height, MAX_JPEG_PIXELS if image.format in ("JPEG", "MPO") else MAX_PIXELS)
    if image.format == "TIFF":
        _check_tiles(image)
    return image


def _check_tiles(image: Any) -> None:
    width, height = (image.tag_v2.get(tag, 0) for tag in (TILE_WIDTH_TAG, TILE_HEIGHT_TAG))
    if not isinstance(width, int) or not isinstance(height, int):
        raise RejectedFile(DAMAGED, "no sound header")
    check_pixel_count(width, height, max(MAX_TILE_PIXELS, image.width * image.height))


class Decoded(NamedTuple):
    """A decoded image, and what it was in its file."""

    image: Image.Image  # upright, sRGB, mode L, LA, RGB or RGBA; may be smaller than stored
    stored_size: tuple[int, int]  # (height, width), upright
    stored_mode: str  # Pillow's
    stored_format: str  # Pillow's, or `array`
    stored_values: np.ndarray | None = None  # (H, W) or (H, W, C), as stored, if `image` has other values


def decode(
    content: bytes, draft_size: tuple[int, int] | None = None, value_range: tuple[float, float] | None = None
) -> Decoded:
    """Decodes an image file.

    Args:
        content: of the file.
        draft_size: (height, width) that the image will be shrunk to. A JPEG of at least four times this size is then
            decoded at a half, a quarter or an eighth of its size, which is several times as fast.
        value_range: stored values that become black and white; None for the full range of the file's type.

    Raises:
        RejectedFile: if the file cannot be used.
    """
    try:
        return _opened(content, lambda image: _decode(image, draft_size, value_range))
    except RejectedFile as refusal:
        if refusal.reason != DAMAGED or not content.startswith(b"\xff\xd8") or content.endswith(JPEG_END):
            raise
        # If only the end marker is missing, the picture is complete: other bytes in its place change no pixel.
        ends = (JPEG_END, b"\x55\xaa\x77\x33" * 64 + JPEG_END)
        tries = [_opened(content + end, lambda image: _decode(image, draft_size, value_range)) for end in ends]
        if tries[0].image.tobytes() != tries[1].image.tobytes():
            raise
        return tries[0]


def _decode(image: Image.Image, draft_size: tuple[int, int] | None, value_range: tuple[float, float] | None) -> Decoded:
    width, height = image.size
    mode, image_format = image.mode, image.format or ""
    too_large = width * height > MAX_PIXELS
    if draft_size is not None and (image_format == "JPEG" or too_large):
        # At least twice the wanted size, for the resizing filter; the longer side on both axes, as it may be turned.
        enough = 2 * max(draft_size)
        if min(width, height) >= 2 * enough:
            image.draft(None, (enough, enough))
    check_pixel_count(image.width, image.height)
    decoded_size = image.size
    loaded, stored_values = _load_pixels(image, value_range)
    if decoded_size[0] != decoded_size[1] and loaded.size == decoded_size[::-1]:  # it was turned by a right angle
        width, height = height, width
    return Decoded(loaded, (height, width), mode, image_format, stored_values)


def _load_pixels(image: Image.Image, value_range: tuple[float, float] | None) -> tuple[Image.Image, np.ndarray | None]:
    """Decodes an opened image, turns it upright, and brings it to sRGB in one of the modes L, LA, RGB and RGBA.

    Only depth beyond 8 bits and later frames of an animation are lost, and an alpha channel that is opaque everywhere.

    Returns:
        The image; and its stored values, if they differ.

    Raises:
        RejectedFile: if the file is truncated or damaged, or its pixels cannot be converted to 8 bits.
    """
    try:
        image.load()
        if image.format not in ("JPEG", "BMP", "GIF") or "exif" in image.info or "xmp" in image.info:
            image = _upright(image)
        profile = image.info.get("icc_profile")
        if image.mode in ("I", "F") or image.mode.startswith("I;16"):
            stored_values = np.asarray(image)
            plain: Image.Image = _eight_bits(stored_values, value_range)
        else:
            plain, stored_values = _in_plain_mode(image), None
            if value_range is not None:
                stored_values, plain = np.asarray(plain), stretch_image(plain, value_range)
        return to_srgb(plain, profile) if profile else plain, stored_values
    except RejectedFile:
        raise
    except MemoryError:
        raise RejectedFile(NO_MEMORY) from None
    except Exception as error:  # damaged files make Pillow raise nearly anything
        raise decoder_refusal(error) from None


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Returns (height, width) of an opened image after it is turned upright."""
    turned = _orientation(image) >= 5  # these exchange width and height
    return (image.width, image.height) if turned else (image.height, image.width)


def _orientation(image: Image.Image) -> int:
    """Returns the EXIF orientation that must still be applied, 1 (upright) to 8."""
    if image.format == "TIFF" or (image.format == "JXL" and not getattr(image, "jpeg", False)):
        return 1  # their decoders apply it
    try:
        orientation = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # damaged metadata of a sound image is no reason to lose the image
        return 1
    return orientation if orientation in range(2, 9) else 1


def _upright(image: Image.Image) -> Image.Image:
    """Turns an image. Pillow's own `exif_transpose` fails where it cannot write the EXIF that it has read."""
    orientation = _orientation(image)
    return image if orientation == 1 else image.transpose(TURNS[orientation])


def _in_plain_mode(image: Image.Image) -> Image.Image:
    """Converts any mode of Pillow of 8 bits a channel to L, LA, RGB or RGBA."""
    mode = image.mode
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
            plain = to_srgb(image, image.info.get("icc_profile")) if mode in ("CMYK", "LAB") else image
            plain = plain if plain.mode == "RGB" else plain.convert("RGB")
        except ValueError:
            raise RejectedFile(COLOR_MODEL, mode) from None
    if plain.mode in ("LA", "RGBA") and plain.getextrema()[-1] == (255, 255):
        plain = plain.convert(plain.mode[:-1])
    return plain


def _eight_bits(values: np.ndarray, value_range: tuple[float, float] | None) -> Image.Image:
    """Scales deep gray to 8 bits by what the file could have, 0 to 65535, not by the extremes of this image."""
    if value_range is not None:
        return Image.fromarray(stretch_values(values, value_range))
    if values.size == 0 or values.dtype.kind == "f" or values.min() < 0 or values.max() > 65535:
        found = f"{np.nanmin(values):g} to {np.nanmax(values):g}" if values.size else "no pixels"
        raise RejectedFile(DEEP_PIXELS, found)
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))


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
    color: Any = {"L": 255, "LA": (255, 0), "RGB": (255, 255, 255), "RGBA": (255, 255, 255, 0)}[image.mode]
    padded = Image.new(image.mode, (width, height), color)
    padded.paste(image, ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return padded


def with_channels(image: Image.Image, channels: int) -> Image.Image:
    """Converts mode L, LA, RGB or RGBA to 1 (gray), 3 (RGB) or 4 (RGBA) channels; composited on white for 1 and 3."""
    if channels == 4:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    if image.mode in ("LA", "RGBA"):
        plain = image.mode[:-1]
        white = Image.new(plain, image.size, "white")
        white.paste(image.convert(plain), mask=image.getchannel("A"))
        image = white
    wanted = "L" if channels == 1 else "RGB"
    return image if image.mode == wanted else image.convert(wanted)
