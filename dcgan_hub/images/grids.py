"""Sheets of many images in one, and PNG files with text fields.

N images, H x W pixels, C channels.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from dcgan_hub.atomic_files import TEMPORARY_PREFIX, whole_file
from dcgan_hub.errors import DataError, SettingsError

GAP = 2  # pixels around and between images
PAPER = (255, 255, 255)
INK = (60, 60, 60)
CHECKER_TONES = (255, 225)  # of the squares behind transparent images
CHECKER_SIDE = 8
CAPTION_HEIGHT = 13
MAX_CAPTION_LENGTH = 40  # characters
COMFORTABLE_SIDE = 96  # pixels; smaller images are enlarged towards it
MAX_SHEET_PIXELS = 64_000_000  # 192 MB; Pillow warns of larger images when it opens them


def make_sheet(
    images: np.ndarray,
    columns: int | None = None,
    captions: Sequence[str] | None = None,
    scale: int | None = None,
) -> Image.Image:
    """Puts images side by side, row by row, on white paper.

    Images are enlarged by whole numbers without smoothing, so every pixel stays what it is. With captions a cell is as
    wide as its image or the widest caption, whichever is wider; the image is at the cell's left edge.

    Args:
        images: uint8 (N, H, W, C), 0 to 255; C is 1 (gray), 3 (color) or 4 (color and transparency, shown on a light
            checkerboard).
        columns: images in a row; without it the sheet is as square as it can be.
        captions: one short text an image, written below it; what is longer than 40 characters is cut.
        scale: factor of enlargement; without it small images get about 96 pixels on their longer side.

    Returns:
        RGB image.

    Raises:
        SettingsError: for an array of another kind, no image, wrong `columns` or `scale`, not one caption an image, or
            a sheet of more than 64 million pixels.
    """
    _check_images(images)
    count, height, width = images.shape[:3]
    columns = math.ceil(math.sqrt(count)) if columns is None else columns
    scale = max(1, COMFORTABLE_SIDE // max(height, width)) if scale is None else scale
    if columns < 1 or scale < 1:
        raise SettingsError(
            f"`columns` and `scale` must be at least 1. Received: {columns=}, {scale=}. Leave them out."
        )
    if captions is not None and len(captions) != count:
        raise SettingsError(f"A sheet needs one caption an image. Received: {len(captions)} for {count} images.")
    captions = [str(caption)[:MAX_CAPTION_LENGTH] for caption in captions] if captions is not None else None
    columns = min(columns, count)
    cell_width, cell_height = _cell_size(width * scale, height * scale, captions)
    sheet_size = (GAP + columns * (cell_width + GAP), GAP + math.ceil(count / columns) * (cell_height + GAP))
    _check_pixels(sheet_size[0] * sheet_size[1], count)
    sheet = Image.new("RGB", sheet_size, PAPER)
    pen = ImageDraw.Draw(sheet)
    for index in range(count):
        row, column = divmod(index, columns)
        left, top = GAP + column * (cell_width + GAP), GAP + row * (cell_height + GAP)
        sheet.paste(Image.fromarray(opaque(enlarged(images[index], scale))), (left, top))
        if captions is not None:
            pen.text((left, top + height * scale), captions[index], INK, _font())
    return sheet


def check_sheet_size(count: int, image_shape: tuple[int, int, int]) -> None:
    """Raises SettingsError if `count` images of (H, W, C) are too many for a sheet, before they are drawn."""
    _check_pixels(count * image_shape[0] * image_shape[1], count)


def enlarged(image: np.ndarray, scale: int) -> np.ndarray:
    """Repeats every pixel `scale` times in both directions: uint8 (H, W, C) to (scale * H, scale * W, C)."""
    return np.repeat(np.repeat(image, scale, axis=0), scale, axis=1)


def opaque(image: np.ndarray) -> np.ndarray:
    """An image as it is seen: uint8 (H, W, C) to (H, W, 3), transparent pixels mixed with a light checkerboard."""
    if image.shape[-1] < 4:
        return np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))
    rows, columns = np.indices(image.shape[:2]) // CHECKER_SIDE
    board = np.where((rows + columns) % 2 == 0, *CHECKER_TONES)[..., None]
    alpha = image[..., 3:].astype(np.int32)
    return ((image[..., :3] * alpha + board * (255 - alpha) + 127) // 255).astype(np.uint8)


def save_png(
    image: Image.Image | np.ndarray, path: Path, text: Mapping[str, str] | None = None, quick: bool = False
) -> None:
    """Writes a PNG with text fields, whole or not at all; missing folders are made, an existing file is replaced.

    Args:
        image: an image, or uint8 (H, W, C) with C 1, 3 or 4.
        path: where to; its name should end in .png.
        text: fields for the file, e.g. {"seed": "42"}; names of 1 to 79 Latin letters.
        quick: for thousands of files: compressed less, and without waiting for the disk after each, so that a loss of
            power may lose the last ones.

    Raises:
        DataError: if the file cannot be written.
    """
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    fields = PngInfo()
    for name, value in (text or {}).items():
        fields.add_text(name, value.encode("utf-8", "backslashreplace").decode("utf-8"))
    try:
        with _renamed_file(path) if quick else whole_file(path) as temporary:
            image.save(temporary, format="PNG", pnginfo=fields, compress_level=1 if quick else 6)
    except OSError as error:
        raise cannot_write(path, error) from error


@contextmanager
def _renamed_file(path: Path) -> Iterator[Path]:
    """As `whole_file`, without waiting for the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def cannot_write(path: Path, error: OSError) -> DataError:
    """The error for a file that cannot be written, with the system's reason."""
    reason = error.strerror or str(error)
    return DataError(f"Files must be writable. Received: {path}: {reason}. Give another place, or make room there.")


def _check_images(images: np.ndarray) -> None:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3, 4) or images.size == 0:
        raise SettingsError(
            "A sheet is made of uint8 (N, H, W, C) images with N at least 1 and C 1, 3 or 4. "
            f"Received: {images.dtype} {images.shape}. Convert with `to_uint8`."
        )


def _check_pixels(pixels: int, count: int) -> None:
    if pixels > MAX_SHEET_PIXELS:
        raise SettingsError(
            f"A sheet may have {MAX_SHEET_PIXELS:,} pixels. Received: {count:,} images, {pixels:,} pixels in all. "
            "Take fewer images or a smaller scale."
        )


def _cell_size(width: int, height: int, captions: Sequence[str] | None) -> tuple[int, int]:
    if captions is None:
        return width, height
    widest = max(math.ceil(_font().getlength(caption)) for caption in captions)
    return max(width, widest), height + CAPTION_HEIGHT


def _font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default()
