"""Real images as users pass them to `DCGAN`: their part of a batch, their classes, and the meaning of their values.

B images, H x W pixels, C channels.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from dcgan_hub.errors import DataError, SettingsError, shorten
from dcgan_hub.images.pixels import to_signed_unit
from dcgan_hub.training.backends import adapter

# Lowest and highest value by dtype. Wider integers come from libraries that widen all integers, and hold PIXEL_RANGE.
TYPE_RANGES = {"bool": (0, 1), "int8": (-128, 127), "uint16": (0, 65_535)}
PIXEL_RANGE = (0, 255)
NEVER_WRONG = ("uint8", "int8", "bool")
ROUNDING = 1e-3  # tolerance of floats beyond -1 and 1
SEEN_RANGE = 1 / 16  # fraction of the range of uint16 and wider integers that the first batch must exceed
OVERSHOOT = 1 / 8  # of bicubic and Lanczos filters, as a fraction of the range
WELL_KNOWN_MAXIMA = (1, 255, 4095, 65_535)  # of pixel values that start at 0


def _raises_refusals(method: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a method of `RealImageModel`: raises its DataError, which TensorFlow wraps in an error of its own."""

    @functools.wraps(method)
    def call(model: Any, *words: Any, **named: Any) -> Any:
        model._refusal = None
        try:
            return method(model, *words, **named)
        except adapter.GRAPH_ERRORS:
            if model._refusal is None:
                raise
        raise model._refusal

    return call


class RealImageModel(keras.Model):
    """A model that is trained on real images, and refuses data in the wrong format or range.

    Values are checked in the graph of a step, but outside the part that is compiled, where assertions are dropped.
    Subclasses set `image_shape`, (H, W, C), and `class_count`, 0 without classes, and implement a step in
    `train_on_images`.
    """

    image_shape: tuple[int, int, int]
    class_count: int
    jit_compile: bool
    _refusal: DataError | None = None  # TensorFlow's error has only its text
    _compiled_step: Callable[..., dict[str, Any]] | None = None

    def train_on_images(self, real_images: Any, classes: Any = None) -> dict[str, Any]:
        """One step on images as given, (B, H, W, C), see `as_floats`; returns the metrics by name.

        With classes, these are given as int32 (B,).
        """
        raise NotImplementedError

    def compile(self, *words: Any, **options: Any) -> None:
        """Overrides `keras.Model.compile`: of a step only `train_on_images` is compiled."""
        super().compile(*words, **options)
        self.compile_step()

    def compile_step(self) -> None:
        """Compiles `train_on_images` anew, if it is to be compiled."""
        self._compiled_step = adapter.compiled(self.train_on_images) if self.jit_compile else None

    def make_train_function(self, force: bool = False) -> Any:
        """Overrides Keras, which would compile the whole of `train_step`."""
        compiles, self.jit_compile = self.jit_compile, False
        try:
            return super().make_train_function(force)
        finally:
            self.jit_compile = compiles

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step on a batch.

        Args:
            data: real images (B, H, W, C), integers (scaled by their range) or floats in [-1, 1]; or a tuple
                that begins with them, and goes on with their classes, integers (B,), if the networks take classes.

        Raises:
            DataError: for anything else. For wrong values a graph raises TensorFlow's own error, but not in `fit`.
        """
        images = _dense_tensor(data[0] if isinstance(data, tuple | list) and data else data)
        _check_shape(images, self.image_shape)
        step = self.train_on_images if self._compiled_step is None or self.run_eagerly else self._compiled_step
        if self.class_count:
            step = functools.partial(self._step_with_classes, step, _class_tensor(data))
        dtype = _name_of(images.dtype)
        if dtype in NEVER_WRONG:
            return step(images)
        # Several workers get floats converted from uint8, and few images each.
        is_first = False if adapter.is_multi_worker() else ops.equal(self.step, 0)

        describe = functools.partial(_describe, dtype)
        return self._call_checked(step, images, functools.partial(_is_fine, dtype, is_first), describe)

    def _step_with_classes(self, step: Callable[..., Any], classes: Any, images: Any) -> Any:
        """`step`, or a refusal of classes out of range."""
        count = self.class_count

        def are_fine(lowest: Any, highest: Any) -> Any:
            return ops.logical_and(lowest >= 0, highest < count)

        def describe(lowest: float, highest: float) -> str:
            return (
                f"Classes of real images must be 0 to {count - 1}, the {count} that the networks were built for. "
                f"Received: {lowest:g} to {highest:g}. Number them from 0, or build both networks for more classes."
            )

        return self._call_checked(functools.partial(step, images), classes, are_fine, describe)

    def _call_checked(
        self, step: Callable[[Any], Any], values: Any, are_fine: Callable[[Any, Any], Any],
        describe: Callable[[float, float], str],
    ) -> Any:  # fmt: skip
        """`step(values)`, or DataError with a description of the lowest and the highest value."""

        def refuse(lowest: Any, highest: Any) -> None:
            self._refusal = DataError(describe(float(lowest), float(highest)))
            raise self._refusal

        return adapter.call_checked(step, values, are_fine, refuse)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Not supported: the losses of a GAN do not measure its quality."""
        raise SettingsError(
            "A GAN is trained without validation data, since its losses do not measure its quality. Received: "
            "validation_data, validation_split or evaluate(). Leave it out; `dcgan-hub evaluate` measures quality."
        )

    fit = _raises_refusals(keras.Model.fit)
    train_on_batch = _raises_refusals(keras.Model.train_on_batch)


def as_floats(images: Any) -> Any:
    """Converts real images (B, H, W, C) to float32 in [-1, 1]: integers are scaled by their range, floats are kept."""
    floats, dtype = ops.cast(images, "float32"), _name_of(images.dtype)
    if _is_floating(dtype):
        return floats
    lowest, highest = _range_of(dtype)
    return to_signed_unit(
        (floats - lowest) * (255.0 / (highest - lowest)) if (lowest, highest) != PIXEL_RANGE else floats
    )


def _name_of(dtype: Any) -> str:
    return keras.backend.standardize_dtype(dtype)


def _is_floating(dtype: str) -> bool:
    return dtype.startswith(("float", "bfloat"))


def _dense_tensor(images: Any) -> Any:
    if isinstance(images, np.ndarray):
        images = ops.convert_to_tensor(images)
    if adapter.is_dense(images) and _name_of(images.dtype).startswith(("float", "bfloat", "int", "uint", "bool")):
        return images
    if isinstance(images, dict):
        received = f"a dictionary of {shorten(', '.join(map(str, images)))}"
        advice = "Select the images: dataset.map(lambda batch: batch['image'])."
    elif type(images).__name__ == "RaggedTensor":
        received, advice = "a ragged tensor", "Bring all images to one size, as with keras.ops.image.resize."
    else:
        received = f"a tensor of {_name_of(images.dtype)}" if adapter.is_dense(images) else type(images).__name__
        advice = "Give an array, or batches of images, alone or as (images, labels)."
    raise DataError(f"Real images must be a dense tensor of numbers. Received: {received}. {advice}")


def _class_tensor(data: Any) -> Any:
    """The classes of a batch as int32 (B,); raises DataError if there are none."""
    classes: Any = data[1] if isinstance(data, tuple | list) and len(data) > 1 else None
    if isinstance(classes, np.ndarray):
        classes = ops.convert_to_tensor(classes)
    if adapter.is_dense(classes) and _name_of(classes.dtype).startswith(("int", "uint")) and _is_vector(classes):
        return ops.cast(classes, "int32")
    if classes is not None and adapter.is_dense(classes):
        received = f"{_name_of(classes.dtype)} {tuple(classes.shape)}"
    else:
        received = "none" if classes is None else type(classes).__name__
    raise DataError(
        "Networks with classes learn from batches of (images, classes), the classes as integers (B,). Received: "
        f"classes: {received}. Give a number from 0 for each image."
    )


def _is_vector(tensor: Any) -> bool:
    return _has_unknown_shape(tensor) or len(tensor.shape) == 1


def _has_unknown_shape(tensor: Any) -> bool:
    """Whether this is a graph's tensor whose shape is known only when the graph runs."""
    return getattr(tensor.shape, "rank", 0) is None


def _check_shape(images: Any, image_shape: tuple[int, int, int]) -> None:
    if _has_unknown_shape(images):
        return
    shape = tuple(images.shape)
    if _fits(shape, (None, *image_shape)):
        return
    height, width, channels = image_shape
    advice = {
        image_shape: "This is a single image: batch them, e.g. dataset.batch(32).",
        (None, height, width): f"Add channels: keras.ops.repeat(images[..., None], {channels}, axis=-1).",
        (None, channels, height, width): "Move the channels to the end: keras.ops.transpose(images, (0, 2, 3, 1)).",
    }
    fitting = (text for wanted, text in advice.items() if _fits(shape, wanted))
    raise DataError(
        f"Real images must be (B, {height}, {width}, {channels}), as the discriminator's input. Received: "
        f"{_name_of(images.dtype)} {shape}. "
        + next(fitting, "Resize them, as with keras.ops.image.resize, or build both networks for images of this size.")
    )


def _fits(shape: tuple[int | None, ...], wanted: tuple[int | None, ...]) -> bool:
    """Whether sizes are equal where both are known."""
    return len(shape) == len(wanted) and all(
        None in pair or pair[0] == pair[1] for pair in zip(shape, wanted, strict=True)
    )


def _range_of(dtype: str) -> tuple[int, int]:
    return TYPE_RANGES.get(dtype, PIXEL_RANGE)


def _is_fine(dtype: str, is_first: Any, lowest: Any, highest: Any) -> Any:
    """Whether all values are in range, and those of the very first batch use enough of it."""
    if _is_floating(dtype):
        within = ops.logical_and(lowest >= -1.0 - ROUNDING, highest <= 1.0 + ROUNDING)
        wide = lowest < 0.0  # else they are probably 0 to 1
    else:
        minimum, maximum = _range_of(dtype)
        within = ops.logical_and(lowest >= minimum, highest <= maximum)
        wide = highest >= minimum + SEEN_RANGE * (maximum - minimum)
    return ops.logical_and(within, ops.logical_or(wide, ops.logical_not(is_first)))


def _describe(dtype: str, lowest: float, highest: float) -> str:
    """Returns the requirement, what was received, and advice for the range of a batch."""
    if _is_floating(dtype):
        rule = "Real images must be floats from -1 to 1, or uint8"
    else:
        minimum, maximum = _range_of(dtype)
        rule = f"Real images of {dtype} must be pixels from {minimum} to {maximum}, and use that range"
    return f"{rule}. Received: {dtype} from {lowest:g} to {highest:g}. {_advice(dtype, lowest, highest)}"


def _advice(dtype: str, lowest: float, highest: float) -> str:
    if not math.isfinite(lowest + highest):
        return "Remove the images with NaN or infinity, or find out where they come from."
    images = "images" if _is_floating(dtype) else "keras.ops.cast(images, 'float32')"
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
    code = code if is_within else f"keras.ops.clip({code}, -1, 1)"
    return (
        f"They look like pixels {meaning}{seen}: give {code}, of a tf.data.Dataset by "
        f"dataset.map(lambda images: {code}); or the images as uint8."
    )
