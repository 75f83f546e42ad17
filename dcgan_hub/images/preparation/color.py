"""Color management: pixels with an ICC profile are converted to sRGB, as in browsers."""

import functools
import io
from collections.abc import Callable

import numpy as np
from PIL import Image

SAME_COLOR = 3  # of 255 levels: many profiles are nearly sRGB, and their pixels are not changed


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Converts an image of mode L, LA, RGB, RGBA, CMYK or LAB to sRGB; the last two become RGB.

    Without a profile, or with one that is damaged or for other modes, the image is returned unchanged.
    """
    if not profile and image.mode != "LAB":
        return image
    color_mode = image.mode.removesuffix("A")
    convert = _conversion(profile or b"", color_mode)
    if convert is None:
        return image
    converted = convert(image.convert(color_mode))
    if image.mode in ("LA", "RGBA"):
        converted.putalpha(image.getchannel("A"))
    return converted


@functools.lru_cache(maxsize=64)
def _conversion(profile: bytes, mode: str) -> Callable[[Image.Image], Image.Image] | None:
    """Returns a conversion for images of a mode with this profile; None if impossible, or if it changes nothing."""
    try:
        from PIL import ImageCms

        source = ImageCms.createProfile("LAB") if mode == "LAB" else ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except Exception:  # damaged or hostile profiles, which browsers ignore, too
        return None

    def convert(image: Image.Image) -> Image.Image:
        converted = transform.apply(image)
        return converted.convert("L") if mode == "L" else converted

    if mode in ("L", "RGB"):
        card = _test_card(mode)
        difference = np.asarray(convert(card), np.int16) - np.asarray(card, np.int16)
        if np.abs(difference).max() <= SAME_COLOR:
            return None
    return convert


def _test_card(mode: str) -> Image.Image:
    """All levels of gray, and for RGB a grid of 729 colors."""
    gray = np.arange(256, dtype=np.uint8)
    if mode == "L":
        return Image.fromarray(gray[None])
    cube = (np.indices((9, 9, 9)).reshape(3, -1).T * 255 // 8).astype(np.uint8)
    return Image.fromarray(np.concatenate([np.stack([gray] * 3, axis=1), cube])[None])
