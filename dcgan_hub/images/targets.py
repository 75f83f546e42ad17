"""Any image a user has, as pixels in the size of a generator's images.

H x W pixels, C channels.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.images.preparation.decoding import decode, fit_image, with_channels, without_pillow_warnings
from dcgan_hub.images.sources.readers import RejectedFile

MAX_FILE_BYTES = 100 * 2**20
MIN_SIDE = 8  # pixels; a smaller image shows nothing


def target_pixels(image: Any, shape: tuple[int, int, int]) -> np.ndarray:
    """Pixels of an image in the size and channels of a generator, uint8 (H, W, C); its middle is cut out.

    Args:
        image: a Pillow image, the path of an image file, or uint8 (any height, any width, 1, 3 or 4).
        shape: (H, W, C).

    Raises:
        SettingsError: if the image cannot be read, or is smaller than 8 pixels.
    """
    height, width, channels = shape
    with without_pillow_warnings():
        try:
            decoded = (
                decode_target(_content_of(image), shape) if isinstance(image, str | os.PathLike) else _plain(image)
            )
        except RejectedFile as refusal:
            raise SettingsError(
                f"The image must be one that can be opened. Received: {shorten(str(image))}: {refusal.reason}. "
                "Give another, or save it as PNG."
            ) from None
    if min(decoded.size) < MIN_SIDE:
        raise SettingsError(
            f"The image must have at least {MIN_SIDE} x {MIN_SIDE} pixels. Received: {decoded.width} x "
            f"{decoded.height}. Give a larger one."
        )
    fitted = with_channels(fit_image(decoded, (height, width), "crop"), channels)
    return np.asarray(fitted, np.uint8).reshape(shape)


def decode_target(content: bytes, shape: tuple[int, int, int]) -> Image.Image:
    """Decodes an image file, upright and in sRGB; raises RejectedFile, also for what is larger than 100 megapixels."""
    return decode(content, shape[:2]).image


def _content_of(path: Any) -> bytes:
    try:
        size = Path(path).stat().st_size
        if size > MAX_FILE_BYTES:
            raise SettingsError(
                f"The image may have at most {MAX_FILE_BYTES / 2**20:.0f} MB. Received: {path} with "
                f"{size / 2**20:,.0f}. Save it smaller."
            )
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError(f"The image must be a file. Received: {shorten(str(path))}: {reason}. Check it.") from error


def _plain(image: Any) -> Image.Image:
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] not in (1, 3, 4) or image.size == 0:
            raise SettingsError(
                f"An image must be uint8 (H, W, C) with C 1, 3 or 4. Received: {image.dtype} {image.shape}. "
                "Convert it, or give a path."
            )
        image = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    if not isinstance(image, Image.Image):
        raise SettingsError(
            f"An image must be a path, a Pillow image or a uint8 array. Received: {shorten(repr(image))}. Give one."
        )
    if image.mode in ("L", "LA", "RGB", "RGBA"):
        return image
    return image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
