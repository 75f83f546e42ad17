"""Real images as users give them to `DCGAN`: which part of a batch they are, and what their numbers mean.

B images, H x W pixels, C channels.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcgan_hub.errors import DataError, SettingsError, shorten
from dcgan_hub.images.pixels import to_signed_unit
from dcgan_hub.training.distributed.replicas import is_multi_worker

# Lowest and highest pixel of integers; wider ones than these come from libraries that make all integers so wide.
TYPE_RANGES = {tf.bool: (0, 1), tf.int8: (-128, 127), tf.uint16: (0, 65_535)}
PIXEL_RANGE = (0, 255)
NEVER_WRONG = (tf.uint8, tf.int8, tf.bool)
ROUNDING = 1e-3  # of floats, beyond -1 and 1
SEEN_RANGE = 1 / 16  # of that of uint16 and wider integers, which the first batch must exceed
OVERSHOOT = 1 / 8  # of a range, by which bicubic and Lanczos filters leave it
WELL_KNOWN_MAXIMA = (1, 255, 4095, 65_535)  # of pixels from 0 on


def _raises_refusals(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of `RealImageModel` that raises its own DataError, where TensorFlow made an error of it."""

    @functools.wraps(method)
    def call(model: Any, *words: Any, **named: Any) -> Any:
        model._refusal = None
        try:
            return method(model, *words, **named)
        except tf.errors.OpError:
            if model._refusal is None:
                raise
        raise model._refusal

    return call


class RealImageModel(keras.Model):
    """A model that is trained on real images, and refuses what can be no such images, or would be misread.

    What only the values show is checked in the graph of a step, outside what XLA compiles, which has no way to fail.
    A subclass sets `image_shape`, (H, W, C), and makes a step in `train_on_images`.
    """

    image_shape: tuple[int, int, int]
    jit_compile: bool
    _refusal: DataError | None = None  # of which TensorFlow passes on the text only

    def train_on_images(self, real_images: Any) -> dict[str, Any]:
        """One step on images as they were given, (B, H, W, C); returns what is reported, by name."""
        raise NotImplementedError

    def compile(self, *words: Any, **options: Any) -> None:
        """As Keras has it."""
        super().compile(*words, **options)
        self._step_by_xla = tf.function(self.train_on_images, autograph=False, reduce_retracing=True, jit_compile=True)

    def make_train_function(self, force: bool = False) -> Any:
        """As Keras has it, without XLA, since it is a part of `train_step` only that is compiled by it."""
        by_xla, self.jit_compile = self.jit_compile, False
        try:
            return super().make_train_function(force)
        finally:
            self.jit_compile = by_xla

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step on a batch.

        Args:
            data: real images (B, H, W, C), integers (scaled by their range) or floats in [-1, 1]; of a tuple they are
                the first part.

        Raises:
            DataError: for others. A graph raises an error of TensorFlow for what the values show, `fit` does not.
        """
        images = _dense_tensor(data[0] if isinstance(data, tuple | list) and data else data)
        _check_shape(images, self.image_shape)
        step = self._step_by_xla if self.jit_compile and not self.run_eagerly else self.train_on_images
        if images.dtype in NEVER_WRONG:
            return step(images)
        with tf.control_dependencies([self._check_values(images)]):
            return step(tf.identity(images))

    def test_step(self, data: Any) -> dict[str, Any]:
        """Refuses, since no loss of a GAN says how good it is."""
        raise SettingsError(
            "A GAN is trained without validation images: its losses on them say nothing of its quality. Received: "
            "validation_data, validation_split or evaluate(). Leave it out; `dcgan-hub evaluate` measures quality."
        )

    fit = _raises_refusals(keras.Model.fit)
    train_on_batch = _raises_refusals(keras.Model.train_on_batch)

    def _check_values(self, images: Any) -> Any:
        """An operation that fails if a batch is out of range, or if the first of all has a much too small range."""
        floats = tf.cast(images, tf.float32)
        lowest, highest = tf.reduce_min(floats), tf.reduce_max(floats)
        # Workers get floats that were bytes, and few of them each.
        is_first = False if is_multi_worker() else tf.equal(tf.convert_to_tensor(self.step), 0)

        def refuse(lowest: np.ndarray, highest: np.ndarray) -> None:
            self._refusal = DataError(_describe(images.dtype, float(lowest), float(highest)))
            raise self._refusal

        def refuse_in_graph() -> Any:
            with tf.control_dependencies([tf.numpy_function(refuse, [lowest, highest], [])]):
                return tf.constant(False)

        return tf.cond(_is_fine(images.dtype, lowest, highest, is_first), lambda: tf.constant(True), refuse_in_graph)


def as_floats(images: Any) -> Any:
    """Real images (B, H, W, C) as float32 in [-1, 1]: integers are scaled by their range, floats are so already."""
    floats = tf.cast(images, tf.float32)
    if tf.as_dtype(images.dtype).is_floating:
        return floats
    lowest, highest = _range_of(images.dtype)
    return to_signed_unit(
        (floats - lowest) * (255.0 / (highest - lowest)) if (lowest, highest) != PIXEL_RANGE else floats
    )


def _dense_tensor(images: Any) -> Any:
    if isinstance(images, np.ndarray):
        images = tf.convert_to_tensor(images)
    is_number = isinstance(images, tf.Tensor) and (
        images.dtype.is_floating or images.dtype.is_integer or images.dtype.is_bool
    )
    if is_number:
        return images
    if isinstance(images, dict):
        received = f"a dictionary of {shorten(', '.join(map(str, images)))}"
        advice = "Name its images: dataset.map(lambda batch: batch['image'])."
    elif isinstance(images, tf.RaggedTensor):
        received, advice = "a ragged tensor", "Bring all images to one size, as with tf.image.resize."
    else:
        received = f"a tensor of {images.dtype.name}" if isinstance(images, tf.Tensor) else type(images).__name__
        advice = "Give an array, or batches of images, alone or as (images, labels)."
    raise DataError(f"Real images must be a dense tensor of numbers. Received: {received}. {advice}")


def _check_shape(images: Any, image_shape: tuple[int, int, int]) -> None:
    if tf.TensorShape((None, *image_shape)).is_compatible_with(images.shape):
        return
    height, width, channels = image_shape
    advice = {
        image_shape: "It is one image: make batches, as with dataset.batch(32).",
        (None, height, width): f"Give them channels: tf.repeat(images[..., None], {channels}, axis=-1).",
        (None, channels, height, width): "Move the channels to the end: tf.transpose(images, [0, 2, 3, 1]).",
    }
    fitting = (text for shape, text in advice.items() if tf.TensorShape(shape).is_compatible_with(images.shape))
    raise DataError(
        f"Real images must be (B, {height}, {width}, {channels}), as the discriminator takes them. Received: "
        f"{images.dtype.name} {images.shape}. "
        + next(fitting, "Resize them, as with tf.image.resize, or build both networks for images of this size.")
    )


def _range_of(dtype: Any) -> tuple[int, int]:
    return TYPE_RANGES.get(tf.as_dtype(dtype), PIXEL_RANGE)


def _is_fine(dtype: Any, lowest: Any, highest: Any, is_first: Any) -> Any:
    if dtype.is_floating:
        within = tf.logical_and(lowest >= -1.0 - ROUNDING, highest <= 1.0 + ROUNDING)
        wide = lowest < 0.0  # else they are from 0 to 1
    else:
        minimum, maximum = _range_of(dtype)
        within = tf.logical_and(lowest >= minimum, highest <= maximum)
        wide = highest >= minimum + SEEN_RANGE * (maximum - minimum)
    return tf.logical_and(within, tf.logical_or(wide, tf.logical_not(is_first)))


def _describe(dtype: Any, lowest: float, highest: float) -> str:
    """What must hold, what was received, and what to do, by the range of a batch."""
    if dtype.is_floating:
        rule = "Real images must be floats from -1 to 1, or uint8"
    else:
        minimum, maximum = _range_of(dtype)
        rule = f"Real images of {dtype.name} are pixels from {minimum} to {maximum}, and must make use of them"
    return f"{rule}. Received: {dtype.name} from {lowest:g} to {highest:g}. {_advice(dtype, lowest, highest)}"


def _advice(dtype: Any, lowest: float, highest: float) -> str:
    if not math.isfinite(lowest + highest):
        return "Leave out the images with NaN or infinity, or look for what made them."
    images = "images" if dtype.is_floating else "tf.cast(images, 'float32')"
    for maximum in WELL_KNOWN_MAXIMA:
        if maximum / 8 < highest <= maximum * (1 + OVERSHOOT) and lowest >= -2 * OVERSHOOT * maximum:
            code = f"{images} * 2 - 1" if maximum == 1 else f"{images} / {maximum / 2:g} - 1"
            return _give(f"from 0 to {maximum}", code, lowest >= 0 and highest <= maximum)
    if -1 - 2 * OVERSHOOT <= lowest and highest <= 1 + 2 * OVERSHOOT:
        return _give("from -1 to 1", images, -1 <= lowest and highest <= 1)
    return (
        "Give (images - lowest) / (highest - lowest) * 2 - 1 with the lowest and the highest value that a pixel can "
        "have, or the images as uint8."
    )


def _give(meaning: str, code: str, is_within: bool) -> str:
    seen = "" if is_within else ", resized by a filter that overshoots"
    code = code if is_within else f"tf.clip_by_value({code}, -1, 1)"
    return (
        f"They look like pixels {meaning}{seen}: give {code}, of a tf.data.Dataset by "
        f"dataset.map(lambda images: {code}); or the images as uint8."
    )
