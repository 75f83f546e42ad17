"""Layers for training on PyTorch that leave maps as they lie in memory: channels last, as in Keras.

B images. Keras' own layers copy each map to PyTorch's order of axes, convolutions then back, and again for the
gradients; here the axes of a view are exchanged, which is PyTorch's channels-last form. Weights are those of Keras'
layers, and so are results up to rounding. Only for training; published networks use Keras' own layers, which load
without this code. All are channels-last; maps are float32, bfloat16 or float16.
"""

from typing import Any

import keras
import torch
from keras import ops
from torch.nn import functional


def _channels_first(maps: Any) -> Any:
    """A view: (B, H, W, C) to (B, C, H, W)."""
    return maps.permute(0, 3, 1, 2)


def _channels_last(maps: Any) -> Any:
    """A view: (B, C, H, W) to (B, H, W, C)."""
    return maps.permute(0, 2, 3, 1)


class Convolution(keras.layers.Conv2D):
    """`keras.layers.Conv2D` without copies of the maps."""

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """(B, H, W, C) to (B, h, w, D), without the bias."""
        return _channels_last(
            ops.conv(_channels_first(inputs), kernel, self.strides, self.padding, "channels_first", self.dilation_rate)
        )


class TransposedConvolution(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose` without copies of the maps.

    Args:
        **options: of the Keras layer; padding must be "same", and the kernel at least as large as the stride. No
            dilation, no activation.
    """

    def call(self, inputs: Any) -> Any:
        """(B, h, w, D) to (B, S h, S w, C) for stride S."""
        sizes = [side * stride for side, stride in zip(inputs.shape[1:3], self.strides, strict=True)]
        # As in TensorFlow, what a kernel writes beyond the map is cut off on both sides, the odd one at the end.
        cut = [(size - stride) // 2 for size, stride in zip(self.kernel_size, self.strides, strict=True)]
        kernel = ops.convert_to_tensor(self.kernel).permute(3, 2, 0, 1)  # (K, K, C, D) to (D, C, K, K)
        bias = ops.convert_to_tensor(self.bias) if self.use_bias else None
        outputs = functional.conv_transpose2d(_channels_first(inputs), kernel, bias, self.strides, cut)
        return _channels_last(outputs[:, :, : sizes[0], : sizes[1]])


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` as one operation, and one for the gradients.

    Keras computes mean, variance and output with some ten operations, each of which reads the whole map. Inputs that
    are not 4-dimensional are left to Keras.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalizes maps (B, H, W, C) in the layer's dtype, with statistics in float32."""
        is_plain = self.renorm or mask is not None or inputs.ndim != 4
        if is_plain or not (training and self.trainable):
            return super().call(inputs, training=training, mask=mask)
        mean, variance = (torch.zeros_like(average.value) for average in (self.moving_mean, self.moving_variance))
        scale, offset = (
            ops.cast(weight, "float32") if weight is not None else None for weight in (self.gamma, self.beta)
        )
        # With momentum 1 the averages become the statistics of this batch.
        outputs = functional.batch_norm(
            _channels_first(inputs), mean, variance, scale, offset, True, 1.0, self.epsilon
        )  # fmt: skip
        count = inputs.numel() // inputs.shape[-1]
        # PyTorch's variance is unbiased; Keras uses the biased variance of the batch.
        self._follow(self.moving_mean, mean)
        self._follow(self.moving_variance, variance * ((count - 1) / count))
        return _channels_last(outputs)

    def _follow(self, average: Any, value: Any) -> None:
        average.assign(average.value * self.momentum + value * (1.0 - self.momentum))
