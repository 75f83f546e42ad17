"""Images as networks that were trained with Caffe expect them."""

import numpy as np


def blue_first(images: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Color images around 0: (N, H, W, 3), RGB, 0 to 255, to float32, BGR, without the means (3,) of these channels."""
    return images[..., ::-1].astype(np.float32) - means
