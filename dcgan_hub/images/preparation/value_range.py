"""Linear stretch of pixel values, the same for all images of a dataset."""

import numpy as np
from PIL import Image


def stretch_values(values: np.ndarray, value_range: tuple[float, float]) -> np.ndarray:
    """Maps `value_range` linearly to 0 to 255, and clips: numbers of any dtype and shape to uint8."""
    low, high = value_range
    levels = (values.astype(np.float64) - low) * (255 / (high - low))
    return np.clip(np.rint(np.nan_to_num(levels)), 0, 255).astype(np.uint8)


def stretch_image(image: Image.Image, value_range: tuple[float, float]) -> Image.Image:
    """The same for an image of mode L, LA, RGB or RGBA, whose values are 0 to 255; alpha stays."""
    levels = stretch_values(np.arange(256), value_range).tolist()
    colors = len(image.mode.removesuffix("A"))
    return image.point(levels * colors + (list(range(256)) if image.mode.endswith("A") else []))
