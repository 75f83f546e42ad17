"""Differentiable augmentation: what the discriminator sees, moved, covered and recoloured by chance.

Shapes: B images, H x W pixels, C channels, float32 in [-1, 1]. All draws are stateless: the same seed gives the same
images.
"""

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

LARGEST_SHIFT = 1 / 8  # of a side
HOLE = 1 / 2  # side of the part that is covered, as a share of the image's side
FAR_AWAY = -(2**20)  # where the hole of an image without one begins
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
            images = _recolour(images, _fold(seed, 1), _chosen(images, _fold(seed, 2), strength))
        if not (self.translation or self.cutout):
            return images
        moved = _chosen(images, _fold(seed, 4), strength if self.translation else 0.0)
        covered = _chosen(images, _fold(seed, 6), strength if self.cutout else 0.0)
        places = _Places(
            shifts=tf.where(moved, _whole_shifts(images, _fold(seed, 3)), 0),
            holes=tf.where(covered, _first_of_hole(images, _fold(seed, 5)), FAR_AWAY),
            image_size=(images.shape[1], images.shape[2]),
        )
        pixels = tf.reshape(images, (-1, images.shape[1] * images.shape[2], images.shape[3]))
        pixels = _take_pixels(pixels, places.origins(), places.destinations())
        return tf.reshape(pixels, tf.shape(images))


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


def _some(images: Any, changed: Any, seed: Any, probability: Any) -> Any:
    return tf.where(_chosen(images, seed, probability)[:, :, None, None], changed, images)


def _chosen(images: Any, seed: Any, probability: Any) -> Any:
    """Which of the images are changed: bool (B, 1)."""
    return tf.random.stateless_uniform((tf.shape(images)[0], 1), seed) < probability


def _recolour(images: Any, seed: Any, chosen: Any) -> Any:
    """Brightness, saturation and contrast of the chosen images (bool (B, 1)) at once.

    With a shift b, and factors s of saturation and k of contrast, a pixel c with the mean g over its colours, in an
    image with the mean m, becomes m + b + k (g + s (c - g) - m). An image that is not chosen has b = 0 and s = k = 1.
    """
    height, width, channels = images.shape[1:]
    colours, rest = images[..., :3], images[..., 3:]  # transparency stays as it is
    count = min(channels, 3)
    shift, saturation, contrast = (
        tf.where(chosen, tf.random.stateless_uniform((tf.shape(images)[0], 1), _fold(seed, number), low, high), usual)
        for number, (low, high), usual in ((1, (-0.5, 0.5), 0.0), (2, (0.0, 2.0), 1.0), (3, (0.5, 1.5), 1.0))
    )
    # Rows of pixels are kept in one axis, and means are products: over an axis of three values both are much faster.
    flat = tf.reshape(colours, (-1, height * width * count))
    mean = tf.reduce_mean(flat, axis=1, keepdims=True)
    offset = mean + shift - contrast * mean
    if count == 3:
        grey = tf.reshape(tf.matmul(tf.reshape(flat, (-1, 3)), tf.fill((3, 3), 1 / 3)), tf.shape(flat))
        changed = contrast * saturation * flat + (contrast * (1.0 - saturation) * grey + offset)
    else:
        changed = contrast * flat + offset
    changed = tf.reshape(changed, tf.shape(colours))
    return tf.concat([changed, rest], axis=-1) if channels == 4 else changed


@dataclass(frozen=True)
class _Places:
    """Where pixels go.

    Attributes:
        shifts: of each image, rows and columns, int32 (B, 2).
        holes: first row and column of the part of each changed image that is covered, int32 (B, 2).
        image_size: (H, W).
    """

    shifts: Any
    holes: Any
    image_size: tuple[int, int]

    def origins(self) -> Any:
        """For each pixel of the changed images the number of the pixel that comes there: int32 (B, H W).

        H W stands for none.
        """
        return self._numbers(-1)

    def destinations(self) -> Any:
        """For each pixel of the images where it goes, in the same form."""
        return self._numbers(1)

    def _numbers(self, direction: int) -> Any:
        lines = [self._lines(axis, direction) for axis in (0, 1)]
        (rows, inside_rows, covered_rows), (columns, inside_columns, covered_columns) = lines
        covered = tf.logical_and(covered_rows[:, :, None], covered_columns[:, None])
        seen = tf.logical_and(tf.logical_and(inside_rows[:, :, None], inside_columns[:, None]), ~covered)
        height, width = self.image_size
        numbers = tf.where(seen, rows[:, :, None] * width + columns[:, None], height * width)
        return tf.reshape(numbers, (-1, height * width))

    def _lines(self, axis: int, direction: int) -> tuple[Any, Any, Any]:
        """Of each row (axis 0) or column: its partner, whether that is in the image, whether the hole is there."""
        side = self.image_size[axis]
        here = tf.range(side)[None]
        there = here + direction * self.shifts[:, axis, None]
        depth = (there if direction > 0 else here) - self.holes[:, axis, None]  # the hole is in the changed image
        covered = tf.logical_and(depth >= 0, depth < _side_of_hole(side))
        return there, tf.logical_and(there >= 0, there < side), covered


def _whole_shifts(images: Any, seed: Any) -> Any:
    """Rows and columns by which each image is moved: int32 (B, 2)."""
    return tf.concat([_shifts_along(images, axis, _fold(seed, axis)) for axis in (1, 2)], axis=1)


def _shifts_along(images: Any, axis: int, seed: Any) -> Any:
    largest = max(round(images.shape[axis] * LARGEST_SHIFT), 1)
    return tf.random.stateless_uniform((tf.shape(images)[0], 1), seed, -largest, largest + 1, tf.int32)


def _first_of_hole(images: Any, seed: Any) -> Any:
    """First row and column of the hole of each image: int32 (B, 2).

    Its centre may be anywhere in the image, so part of it may lie outside.
    """
    firsts = []
    for axis in (1, 2):
        side, drawn = images.shape[axis], _fold(seed, axis)
        centre = tf.random.stateless_uniform((tf.shape(images)[0], 1), drawn, 0, side, tf.int32)
        firsts.append(centre - _side_of_hole(side) // 2)
    return tf.concat(firsts, axis=1)


def _side_of_hole(side: int) -> int:
    return round(side * HOLE)


@tf.custom_gradient  # the one that TensorFlow finds adds up pixel by pixel, where each has one place at most
def _take_pixels(pixels: Any, origins: Any, destinations: Any) -> Any:
    """Pixels (B, P, C) in another order, grey where the origin is P; both tables are int32 (B, P)."""
    grey = tf.zeros_like(pixels[:, :1])
    moved = tf.gather(tf.concat([pixels, grey], axis=1), origins, batch_dims=1)

    def gradient(upstream: Any) -> tuple[Any, None, None]:
        return _take_pixels(upstream, destinations, origins), None, None

    return moved, gradient


def _fold(seed: Any, number: int) -> Any:
    return tf.random.experimental.stateless_fold_in(seed, number)
