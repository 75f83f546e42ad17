"""The one place that converts pixels between uint8 (0 to 255) and the networks' floats (-1 to 1).

Both functions use arithmetic only, so they take NumPy arrays and TensorFlow tensors alike.
"""

from typing import Any

import numpy as np


def to_signed_unit(images: Any) -> Any:
    """Pixels 0 to 255 as float32 (any shape, array or tensor) to floats in [-1, 1], same shape."""
    return images / 127.5 - 1.0


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Floats in [-1, 1], any shape, to uint8 0 to 255, rounded to the nearest and clipped."""
    return np.clip(np.rint((images.astype(np.float32) + 1.0) * 127.5), 0, 255).astype(np.uint8)
