"""A constraint that keeps transposed convolutions from drawing checkerboards.

The taps of a transposed convolution of stride S fall into S x S phases (polyphase components): each computes one of
S x S neighboring pixels. Where their sums differ, a flat map becomes a pattern that repeats every S pixels (Odena et
al. 2016, "Deconvolution and Checkerboard Artifacts"). Equal sums keep a flat map flat (Sugawara et al. 2018,
"Super-Resolution Using Convolutional Neural Networks Without Any Checkerboard Artifacts").
"""

from typing import Any

import keras
import numpy as np
from keras import ops


class CheckerboardConstraint(keras.constraints.Constraint):
    """Projects a kernel (K, K, D, C) onto the nearest one whose phases all have the same sum of taps.

    For each pair of channels by itself, all taps of a phase change by the same number.

    Args:
        stride: S, at most K.
    """

    def __init__(self, stride: int) -> None:
        self.stride = stride

    def __call__(self, kernel: Any) -> Any:
        """Returns the projected kernel, of the same shape and dtype."""
        is_in_phase = np.arange(kernel.shape[0])[:, None] % self.stride == np.arange(self.stride)  # (K, S), of one axis
        phases = ops.convert_to_tensor(is_in_phase.astype("float32"))
        taps = is_in_phase.sum(axis=0).astype("float32")
        counts = np.outer(taps, taps)[:, :, None, None]  # taps of each phase
        sums = ops.einsum("kp,lq,kldc->pqdc", phases, phases, ops.convert_to_tensor(kernel))
        common = ops.sum(sums / counts, axis=(0, 1)) / np.sum(1.0 / counts)
        return kernel + ops.einsum("kp,lq,pqdc->kldc", phases, phases, (common - sums) / counts)

    def get_config(self) -> dict[str, Any]:
        """The stride."""
        return {"stride": self.stride}


def forbid_checkerboards(generator: keras.Model) -> None:
    """Constrains the kernels of all transposed convolutions, from the first update on."""
    for layer in generator.layers:
        if isinstance(layer, keras.layers.Conv2DTranspose):
            layer.kernel.constraint = CheckerboardConstraint(layer.strides[0])
