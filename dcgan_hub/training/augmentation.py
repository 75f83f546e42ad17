"""Differentiable augmentation: what the discriminator sees, moved, covered and recoloured by chance.

Shapes: B images, H x W pixels, C channels, float32 in [-1, 1]. All draws are stateless: the same seed gives the same
images.
"""

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

LARGEST_SHIFT = 1 / 8  # of a side
HOLE = 1 / 2  # side of the part that is covered, as a share of the image's side
STRONGEST = 0.8  # above this probability augmentations leak into the images (Karras et al. 2020 b, section 2.2)


@dataclass(frozen=True)
class Augmentation:
    """How images are changed before the discriminator judges them (Zhao et al. 2020, "DiffAugment").

    Each of colour, translation and cutout is applied to each image with the same probability, the strength.
    Generated and real images are treated alike, and gradients pass through, so that the generator learns to draw
    images without these changes.

    Args:
        colour: brightness, saturation and contrast.
        translation: moves by up to an eighth of a side; what comes in is grey.
        cutout: covers a square of half the side with grey.
    """

    colour: bool = True
    translation: bool = True
    cutout: bool = True

    def __call__(self, images: Any, seed: Any, strength: Any) -> Any:
        """Changes some of the images.

        Args:
            images: (B, H, W, C).
            seed: integer tensor of shape (2,).
            strength: probability of each change, a scalar in [0, 1].

        Returns:
            (B, H, W, C); colours may leave [-1, 1].
        """
        if self.colour:
            images = _some(images, _recolour(images, _fold(seed, 1)), _fold(seed, 2), strength)
        if self.translation:
            images = _some(images, _translate(images, _fold(seed, 3)), _fold(seed, 4), strength)
        if self.cutout:
            images = _some(images, _cover(images, _fold(seed, 5)), _fold(seed, 6), strength)
        return images


def flip_some(images: Any, seed: Any) -> Any:
    """Mirrors each of the images (B, H, W, C) left to right with probability one half; `seed` as above."""
    return _some(images, tf.reverse(images, axis=[2]), seed, 0.5)


def next_strength(strength: Any, accuracy: Any, target: float, batch_size: Any, images: float) -> Any:
    """The strength after a step of adaptive augmentation (Karras et al. 2020 b, section 3.1).

    Rises where the discriminator judges more than `target` of the real images correctly, falls where fewer.

    Args:
        strength: now, in [0, STRONGEST].
        accuracy: share of the step's real images that were judged real.
        target: the share aimed at, in (0, 1).
        batch_size: B.
        images: real images in which the strength could rise from 0 to 1.

    Returns:
        float32 scalar in [0, STRONGEST].
    """
    step = tf.cast(batch_size, tf.float32) / images
    return tf.clip_by_value(strength + step * tf.sign(accuracy - target), 0.0, STRONGEST)


def _fold(seed: Any, number: int) -> Any:
    return tf.random.experimental.stateless_fold_in(seed, number)


def _some(images: Any, changed: Any, seed: Any, probability: Any) -> Any:
    chosen = tf.random.stateless_uniform((tf.shape(images)[0], 1, 1, 1), seed) < probability
    return tf.where(chosen, changed, images)


def _uniform(images: Any, seed: Any, low: float, high: float) -> Any:
    return tf.random.stateless_uniform((tf.shape(images)[0], 1, 1, 1), seed, low, high)


def _recolour(images: Any, seed: Any) -> Any:
    colours, rest = images[..., :3], images[..., 3:]  # transparency stays as it is
    colours += _uniform(images, _fold(seed, 1), -0.5, 0.5)
    if colours.shape[-1] == 3:
        grey = tf.reduce_mean(colours, axis=-1, keepdims=True)
        colours = grey + (colours - grey) * _uniform(images, _fold(seed, 2), 0.0, 2.0)
    mean = tf.reduce_mean(colours, axis=[1, 2, 3], keepdims=True)
    colours = mean + (colours - mean) * _uniform(images, _fold(seed, 3), 0.5, 1.5)
    return tf.concat([colours, rest], axis=-1) if images.shape[-1] == 4 else colours


def _translate(images: Any, seed: Any) -> Any:
    rows, columns = (_whole_shifts(images, axis, _fold(seed, axis)) for axis in (1, 2))
    one, zero = tf.ones_like(rows), tf.zeros_like(rows)
    # Rows of the matrix that leads from a pixel of the result to one of the image; all are whole numbers of pixels.
    transforms = tf.concat([one, zero, columns, zero, one, rows, zero, zero], axis=1)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images, transforms=transforms, output_shape=tf.shape(images)[1:3], fill_value=0.0,
        interpolation="NEAREST", fill_mode="CONSTANT",
    )  # fmt: skip


def _whole_shifts(images: Any, axis: int, seed: Any) -> Any:
    largest = max(round(images.shape[axis] * LARGEST_SHIFT), 1)
    shifts = tf.random.stateless_uniform((tf.shape(images)[0], 1), seed, -largest, largest + 1, tf.int32)
    return tf.cast(shifts, tf.float32)


def _cover(images: Any, seed: Any) -> Any:
    rows, columns = (_inside_hole(images, axis, _fold(seed, axis)) for axis in (1, 2))
    hole = tf.logical_and(rows[:, :, None, None], columns[:, None, :, None])
    return tf.where(hole, tf.zeros_like(images), images)


def _inside_hole(images: Any, axis: int, seed: Any) -> Any:
    """Which rows (axis 1) or columns (axis 2) the hole of each image has: bool (B, H) or (B, W).

    Its centre may be anywhere in the image, so part of it may lie outside.
    """
    side = images.shape[axis]
    centre = tf.random.stateless_uniform((tf.shape(images)[0], 1), seed, 0, side, tf.int32)
    first = centre - round(side * HOLE) // 2
    places = tf.range(side)[None]
    return tf.logical_and(places >= first, places < first + round(side * HOLE))
