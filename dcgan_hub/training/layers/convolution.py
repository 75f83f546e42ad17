"""Convolutions for training on CPUs, with replacements for gradients that TensorFlow computes slowly or inexactly.

B images. A kernel (K, K, C, D) with stride S maps large maps (B, H, W, C) to small maps (B, h, w, D), with zero padding
as Keras' "same", so that h = H / S rounded up, or without any, as "valid". All are float32, bfloat16 or float16.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

MAX_PIXEL_CHANNELS = 4  # of images, possibly with alpha
# Positions of a small map up to which matrix products compute a kernel's gradient faster (decisions/0018).
MAX_POSITIONS = {tf.bfloat16: 8 * 8, tf.float32: 4 * 4}


@dataclass(frozen=True)
class Correspondence:
    """The geometry of a strided convolution: which positions of a large map belong to one position of the small map.

    The three methods are the partial derivatives of one trilinear form in a large map, a small map and a kernel. So the
    gradients of each are the two others, also for the second derivatives that a gradient penalty needs.

    Attributes:
        size: (H, W).
        kernel_size: K, at least S.
        stride: S.
        padding: "SAME", or "VALID" for a size at whose end the last kernel ends.
    """

    size: tuple[int, int]
    kernel_size: int
    stride: int
    padding: str = "SAME"

    @property
    def small_size(self) -> tuple[int, int]:
        """Height and width of the small map."""
        beyond = 0 if self.padding == "SAME" else self.kernel_size - 1  # last positions, where no kernel begins
        height, width = (-(-(side - beyond) // self.stride) for side in self.size)
        return height, width

    @property
    def zeros_before(self) -> tuple[int, int]:
        """Rows and columns of zero padding at the top and left of the large map; none of a valid convolution."""
        places = zip(self.size, self.small_size, strict=True)
        top, left = (max((small - 1) * self.stride + self.kernel_size - large, 0) // 2 for large, small in places)
        return top, left

    def shrink(self, large: Any, kernel: Any) -> Any:
        """The convolution: (B, H, W, C) to (B, h, w, D)."""

        @tf.custom_gradient
        def of(large: Any, kernel: Any) -> Any:
            small = tf.nn.conv2d(large, kernel, self.stride, self.padding)
            return small, _named(lambda upstream: (self.enlarge(upstream, kernel), self.compare(large, upstream)))

        return of(large, kernel)

    def enlarge(self, small: Any, kernel: Any) -> Any:
        """The transposed convolution: (B, h, w, D) to (B, H, W, C)."""

        @tf.custom_gradient
        def of(small: Any, kernel: Any) -> Any:
            to_pixels = kernel.shape[2] <= MAX_PIXEL_CHANNELS
            large = self._pixels(small, kernel) if to_pixels else self._transposed(small, kernel)
            return large, _named(lambda upstream: (self.shrink(upstream, kernel), self.compare(upstream, small)))

        return of(small, kernel)

    def compare(self, large: Any, small: Any) -> Any:
        """The gradient with respect to a kernel: (B, H, W, C) and (B, h, w, D) to (K, K, C, D)."""

        @tf.custom_gradient
        def of(large: Any, small: Any) -> Any:
            slow = math.prod(self.small_size) <= MAX_POSITIONS.get(small.dtype, 0)
            kernel = self._products(large, small) if slow else self._filter_gradient(large, small)
            return kernel, _named(lambda upstream: (self.enlarge(small, upstream), self.shrink(large, upstream)))

        return of(large, small)

    def _transposed(self, small: Any, kernel: Any) -> Any:
        shape = (tf.shape(small)[0], *self.size, kernel.shape[2])
        return tf.nn.conv2d_transpose(small, kernel, shape, self.stride, self.padding)

    def _filter_gradient(self, large: Any, small: Any) -> Any:
        shape = (self.kernel_size, self.kernel_size, large.shape[3], small.shape[3])
        strides = (1, self.stride, self.stride, 1)
        return tf.raw_ops.Conv2DBackpropFilter(
            input=large, filter_sizes=shape, out_backprop=small, strides=strides, padding=self.padding
        )

    def _pixels(self, small: Any, kernel: Any) -> Any:
        """The transposed convolution as a sub-pixel convolution (Shi et al. 2016), for few channels.

        TensorFlow's transposed convolution pads the few channels of images to the vector width of the CPU.
        """
        (rows, above, below), (columns, left, right) = (self._taps(zeros) for zeros in self.zeros_before)
        padded = tf.pad(kernel, [[0, 1], [0, 1], [0, 0], [0, 0]])  # zeros for taps outside the kernel
        taps = tf.gather(tf.gather(padded, rows, axis=0), columns, axis=2)  # (S, rows, S, columns, C, D)
        taps = tf.transpose(taps, (1, 3, 5, 0, 2, 4))
        taps = tf.reshape(taps, (*taps.shape[:3], -1))
        # Of a valid convolution the large map ends beyond the last small position.
        beyond = [-(-side // self.stride) - small for side, small in zip(self.size, self.small_size, strict=True)]
        around = [[0, 0], [above, below + beyond[0]], [left, right + beyond[1]], [0, 0]]
        blocks = tf.nn.conv2d(small, taps, 1, around)
        large = tf.nn.depth_to_space(blocks, self.stride) if self.stride > 1 else blocks
        return large[:, : self.size[0], : self.size[1]]

    def _taps(self, zeros: int) -> tuple[list[list[int]], int, int]:
        """For each of the S pixels of a position, the kernel taps that connect it to the neighboring positions.

        Args:
            zeros: padding before the large map along this axis.

        Returns:
            S lists of tap indices, one for each neighboring position from first to last, K if there is no tap; the
            number of neighboring positions before; and the number after.
        """
        before = (self.kernel_size - 1 - zeros) // self.stride
        behind = (self.stride - 1 + zeros) // self.stride
        places, inside = range(-before, behind + 1), range(self.kernel_size)
        rows = [[pixel + zeros - self.stride * place for place in places] for pixel in range(self.stride)]
        return [[tap if tap in inside else self.kernel_size for tap in row] for row in rows], before, behind

    def _products(self, large: Any, small: Any) -> Any:
        """The kernel's gradient as one matrix product for each kernel row and group of S kernel columns.

        TensorFlow's operation is several times slower for small maps in half precision.
        """
        (height, width), (top, left), stride = self.small_size, self.zeros_before, self.stride
        groups = -(-self.kernel_size // stride)  # of S columns, which are contiguous in memory
        all_rows, all_columns = (height + groups - 1) * stride, (width + groups - 1) * stride
        around = [[0, 0], [top, all_rows - self.size[0] - top], [left, all_columns - self.size[1] - left], [0, 0]]
        channels, filters = large.shape[3], small.shape[3]
        blocks = tf.reshape(
            tf.pad(large, around), (-1, all_rows // stride, stride, all_columns // stride, stride * channels)
        )
        small = tf.reshape(small, (-1, filters))
        products = []
        for row in range(self.kernel_size):
            for column in range(groups):
                first = row // stride
                seen = blocks[:, first : first + height, row % stride, column : column + width]
                products.append(tf.matmul(tf.reshape(seen, (-1, stride * channels)), small, transpose_a=True))
        kernel = tf.reshape(tf.stack(products), (self.kernel_size, groups * stride, channels, filters))
        return kernel[:, : self.kernel_size]


def _named(gradients: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same function, with its operations named like those of a gradient tape, so that profiles are readable."""
    scope = tf.get_current_name_scope()

    def named(upstream: Any) -> Any:
        with tf.name_scope(f"gradient_tape/{scope}/"):
            return gradients(upstream)

    return named


@tf.custom_gradient
def add_bias(maps: Any, bias: Any) -> Any:
    """Adds a bias (C) to maps (B, H, W, C).

    TensorFlow's own gradient, `BiasAddGrad`, accumulates in bfloat16 on CPUs, where small values are lost once a sum is
    large: up to half of a gradient is missing (docs/decisions/0018-convolutions-in-training.md).
    """
    return tf.nn.bias_add(maps, bias), lambda upstream: (upstream, tf.reduce_sum(upstream, axis=(0, 1, 2)))


class Convolution(keras.layers.Conv2D):
    """`keras.layers.Conv2D` with the same weights and, up to rounding, the same results and gradients.

    Only for training; published networks use Keras' own layer, which loads without this code.

    Args:
        **options: of `keras.layers.Conv2D`; must be channels-last, without dilation and groups.
    """

    def call(self, inputs: Any) -> Any:
        """(B, H, W, C) to (B, h, w, D)."""
        size, padding = tuple(inputs.shape[1:3]), self.padding.upper()
        places = Correspondence(size, self.kernel_size[0], self.strides[0], padding)
        outputs = places.shrink(inputs, tf.convert_to_tensor(self.kernel))
        return add_bias(outputs, tf.convert_to_tensor(self.bias)) if self.use_bias else outputs


class TransposedConvolution(keras.layers.Conv2DTranspose):
    """Like `Convolution`, for `keras.layers.Conv2DTranspose` with padding "same"."""

    def call(self, inputs: Any) -> Any:
        """(B, h, w, D) to (B, S h, S w, C)."""
        height, width = inputs.shape[1:3]
        stride = self.strides[0]
        places = Correspondence((stride * height, stride * width), self.kernel_size[0], stride)
        outputs = places.enlarge(inputs, tf.convert_to_tensor(self.kernel))
        return add_bias(outputs, tf.convert_to_tensor(self.bias)) if self.use_bias else outputs
