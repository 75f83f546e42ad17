"""Real images as users pass them to `DCGAN`: their part of a batch, and the meaning of their values.

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

# Lowest and highest value by dtype. Wider integers come from libraries that widen all integers, and hold PIXEL_RANGE.
TYPE_RANGES = {tf.bool: (0, 1), tf.int8: (-128, 127), tf.uint16: (0, 65_535)}
PIXEL_RANGE = (0, 255)
NEVER_WRONG = (tf.uint8, tf.int8, tf.bool)
ROUNDING = 1e-3  # tolerance of floats beyond -1 and 1
SEEN_RANGE = 1 / 16  # fraction of the range of uint16 and wider integers that the first batch must exceed
OVERSHOOT = 1 / 8  # of bicubic and Lanczos filters, as a fraction of the range
WELL_KNOWN_MAXIMA = (1, 255, 4095, 65_535)  # of pixel values that start at 0


def _raises_refusals(method: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a method of `RealImageModel`: raises its DataError, which TensorFlow has wrapped in an error."""

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
    """A model that is trained on real images, and refuses data in the wrong format or range.

    Values are checked in the graph of a step, but outside the part that XLA compiles, where assertions are dropped.
    Subclasses set `image_shape`, (H, W, C), and implement a step in `train_on_images`.
    """

    image_shape: tuple[int, int, int]
    jit_compile: bool
    _refusal: DataError | None = None  # TensorFlow's error has only its text

    def train_on_images(self, real_images: Any) -> dict[str, Any]:
        """One step on images as given, (B, H, W, C), see `as_floats`; returns the metrics by name."""
        raise NotImplementedError

    def compile(self, *words: Any, **options: Any) -> None:
        """Overrides `keras.Model.compile` to compile `train_on_images` by XLA as well."""
        super().compile(*words, **options)
        self._step_by_xla = tf.function(self.train_on_images, autograph=False, reduce_retracing=True, jit_compile=True)

    def make_train_function(self, force: bool = False) -> Any:
        """Overrides Keras: without XLA, which compiles only `train_on_images` within `train_step`."""
        by_xla, self.jit_compile = self.jit_compile, False
        try:
            return super().make_train_function(force)
        finally:
            self.jit_compile = by_xla

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step on a batch.

        Args:
            data: real images (B, H, W, C), integers (scaled by their range) or floats in [-1, 1]; or a tuple
                that begins with them.

        Raises:
            DataError: for anything else. For wrong values a graph raises TensorFlow's own error, but not in `fit`.
        """
        images = _dense_tensor(data[0] if isinstance(data, tuple | list) and data else data)
        _check_shape(images, self.image_shape)
        step = self._step_by_xla if self.jit_compile and not self.run_eagerly else self.train_on_images
        if images.dtype in NEVER_WRONG:
            return step(images)
        with tf.control_dependencies([self._check_values(images)]):
            return step(tf.identity(images))

    def test_step(self, data: Any) -> dict[str, Any]:
        """Not supported: the losses of a GAN do not measure its quality."""
        raise SettingsError(
            "A GAN is trained without validation data, since its losses do not measure its quality. Received: "
            "validation_data, validation_split or evaluate(). Leave it out; `dcgan-hub evaluate` measures quality."
        )

    fit = _raises_refusals(keras.Model.fit)
    train_on_batch = _raises_refusals(keras.Model.train_on_batch)

    def _check_values(self, images: Any) -> Any:
        """Returns an operation that fails if a batch is out of range, or the very first one uses little of it."""
        floats = tf.cast(images, tf.float32)
        lowest, highest = tf.reduce_min(floats), tf.reduce_max(floats)
        # Several workers get floats converted from uint8, and few images each.
        is_first = False if is_multi_worker() else tf.equal(tf.convert_to_tensor(self.step), 0)

        def refuse(lowest: np.ndarray, highest: np.ndarray) -> None:
            self._refusal = DataError(_describe(images.dtype, float(lowest), float(highest)))
            raise self._refusal

        def refuse_in_graph() -> Any:
            with tf.control_dependencies([tf.numpy_function(refuse, [lowest, highest], [])]):
                return tf.constant(False)

        return tf.cond(_is_fine(images.dtype, lowest, highest, is_first), lambda: tf.constant(True), refuse_in_graph)


def as_floats(images: Any) -> Any:
    """Converts real images (B, H, W, C) to float32 in [-1, 1]: integers are scaled by their range, floats are kept."""
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
        advice = "Select the images: dataset.map(lambda batch: batch['image'])."
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
        image_shape: "This is a single image: batch them, e.g. dataset.batch(32).",
        (None, height, width): f"Add channels: tf.repeat(images[..., None], {channels}, axis=-1).",
        (None, channels, height, width): "Move the channels to the end: tf.transpose(images, [0, 2, 3, 1]).",
    }
    fitting = (text for shape, text in advice.items() if tf.TensorShape(shape).is_compatible_with(images.shape))
    raise DataError(
        f"Real images must be (B, {height}, {width}, {channels}), as the discriminator's input. Received: "
        f"{images.dtype.name} {images.shape}. "
        + next(fitting, "Resize them, as with tf.image.resize, or build both networks for images of this size.")
    )


def _range_of(dtype: Any) -> tuple[int, int]:
    return TYPE_RANGES.get(tf.as_dtype(dtype), PIXEL_RANGE)


def _is_fine(dtype: Any, lowest: Any, highest: Any, is_first: Any) -> Any:
    if dtype.is_floating:
        within = tf.logical_and(lowest >= -1.0 - ROUNDING, highest <= 1.0 + ROUNDING)
        wide = lowest < 0.0  # else they are probably 0 to 1
    else:
        minimum, maximum = _range_of(dtype)
        within = tf.logical_and(lowest >= minimum, highest <= maximum)
        wide = highest >= minimum + SEEN_RANGE * (maximum - minimum)
    return tf.logical_and(within, tf.logical_or(wide, tf.logical_not(is_first)))


def _describe(dtype: Any, lowest: float, highest: float) -> str:
    """Returns the requirement, what was received, and advice for the range of a batch."""
    if dtype.is_floating:
        rule = "Real images must be floats from -1 to 1, or uint8"
    else:
        minimum, maximum = _range_of(dtype)
        rule = f"Real images of {dtype.name} must be pixels from {minimum} to {maximum}, and use that range"
    return f"{rule}. Received: {dtype.name} from {lowest:g} to {highest:g}. {_advice(dtype, lowest, highest)}"


def _advice(dtype: Any, lowest: float, highest: float) -> str:
    if not math.isfinite(lowest + highest):
        return "Remove the images with NaN or infinity, or find out where they come from."
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
