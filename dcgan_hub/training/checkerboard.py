"""A constraint that keeps transposed convolutions from drawing checkerboards.

A transposed convolution of stride S computes each of S x S neighboring pixels with other taps of its kernel. Where the
sums of these taps differ, a flat map becomes a pattern that repeats every S pixels (Odena et al. 2016, "Deconvolution
and Checkerboard Artifacts"). Equal sums keep a flat map flat (Sugawara et al. 2018, "Super-Resolution Using
Convolutional Neural Networks Without Any Checkerboard Artifacts").
"""

from typing import Any

import keras
import numpy as np
from keras import ops


class CheckerboardConstraint(keras.constraints.Constraint):
    """Projects a kernel (K, K, D, C) onto those whose taps have the same sum for each of the S x S pixels.

    The nearest such kernel: all taps of one pixel change by the same number, for each pair of channels by itself.

    Args:
        stride: S, at most K.
    """

    def __init__(self, stride: int) -> None:
        self.stride = stride

    def __call__(self, kernel: Any) -> Any:
        """Returns the projected kernel, of the same shape and dtype."""
        taps = np.arange(kernel.shape[0])[:, None] % self.stride == np.arange(self.stride)  # (K, S)
        pixels = ops.convert_to_tensor(taps.astype("float32"))
        counts = np.outer(taps.sum(axis=0), taps.sum(axis=0)).astype("float32")[:, :, None, None]  # taps of each pixel
        sums = ops.einsum("kp,lq,kldc->pqdc", pixels, pixels, ops.convert_to_tensor(kernel))
        common = ops.sum(sums / counts, axis=(0, 1)) / np.sum(1.0 / counts)
        return kernel + ops.einsum("kp,lq,pqdc->kldc", pixels, pixels, (common - sums) / counts)

    def get_config(self) -> dict[str, Any]:
        """The stride."""
        return {"stride": self.stride}


def forbid_checkerboards(generator: keras.Model) -> None:
    """Constrains the kernels of all transposed convolutions, from the first update on."""
    for layer in generator.layers:
        if isinstance(layer, keras.layers.Conv2DTranspose):
            layer.kernel.constraint = CheckerboardConstraint(layer.strides[0])
