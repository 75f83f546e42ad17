"""Differentiable augmentation: what the discriminator sees, moved, covered and recoloured by chance.

Shapes: B images, H x W pixels, C channels, float32 in [-1, 1]. All draws are stateless: the same seed gives the same
images. Where the images are a part of a batch, they are changed as they would be within the whole.
"""

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from dcgan_hub.training.distributed.replicas import WHOLE, BatchShard

MAX_SHIFT = 1 / 8  # of a side
HOLE = 1 / 2  # side of the part that is covered, as a fraction of the image's side
FAR_AWAY = -(2**20)  # where the hole of an image without one begins
MAX_STRENGTH = 0.8  # above this probability augmentations leak into the images (Karras et al. 2020 b, section 2.2)
# What is drawn for each image; each has numbers of its own.
RECOLORED, BRIGHTNESS, SATURATION, CONTRAST, MOVED, ROWS, COLUMNS, COVERED, HOLE_ROW, HOLE_COLUMN, FLIPPED = range(11)


@dataclass(frozen=True)
class Augmentation:
    """How images are changed before the discriminator judges them (Zhao et al. 2020, "DiffAugment").

    Each of color, translation and cutout is applied to each image with the same probability, the strength.
    Generated and real images are treated alike, and gradients pass through, so that the generator learns to draw
    images without these changes.

    Args:
        color: brightness, saturation and contrast.
        translation: moves by up to an eighth of a side; what comes in is grey.
        cutout: covers a square of half the side with grey.
    """

    color: bool = True
    translation: bool = True
    cutout: bool = True

    def __call__(self, images: Any, seed: Any, strength: Any, shard: BatchShard = WHOLE) -> Any:
        """Changes some of the images (B, H, W, C); colors may leave [-1, 1].

        Args:
            images: of the batch, or of a shard of it.
            seed: integer tensor of shape (2,).
            strength: probability of each change, a scalar in [0, 1].
            shard: of the whole batch that the images are.
        """
        draws = _Draws(seed, tf.shape(images)[0], shard)
        if self.color:
            images = _recolor(images, draws, strength)
        if not (self.translation or self.cutout):
            return images
        moved = draws.chosen(MOVED, strength if self.translation else 0.0)
        covered = draws.chosen(COVERED, strength if self.cutout else 0.0)
        places = _Places(
            shifts=tf.where(moved, _whole_shifts(images, draws), 0),
            holes=tf.where(covered, _first_of_hole(images, draws), FAR_AWAY),
            image_size=(images.shape[1], images.shape[2]),
        )
        pixels = tf.reshape(images, (-1, images.shape[1] * images.shape[2], images.shape[3]))
        pixels = _take_pixels(pixels, places.origins(), places.destinations())
        return tf.reshape(pixels, tf.shape(images))


def flip_some(images: Any, seed: Any, shard: BatchShard = WHOLE) -> Any:
    """Mirrors each of the images (B, H, W, C) left to right with probability one half; arguments as above."""
    flipped = _Draws(seed, tf.shape(images)[0], shard).chosen(FLIPPED, 0.5)
    return tf.where(flipped[:, :, None, None], tf.reverse(images, axis=[2]), images)


def next_strength(strength: Any, accuracy: Any, target: float, batch_size: Any, images: float) -> Any:
    """The strength after a step of adaptive augmentation (Karras et al. 2020 b, section 3.1).

    Rises where the discriminator judges more than `target` of the real images correctly, falls where fewer.

    Args:
        strength: now, in [0, MAX_STRENGTH].
        accuracy: fraction of the step's real images that were judged real.
        target: the fraction aimed at, in (0, 1).
        batch_size: B.
        images: real images in which the strength could rise from 0 to 1.
    """
    step = tf.cast(batch_size, tf.float32) / images
    return tf.clip_by_value(strength + step * tf.sign(accuracy - target), 0.0, MAX_STRENGTH)


@dataclass(frozen=True)
class _Draws:
    """Numbers by chance, one for each image, which its neighbours have no part in."""

    seed: Any  # integer tensor of shape (2,)
    count: Any  # B
    shard: BatchShard

    def uniform(self, purpose: int, low: Any, high: Any, dtype: Any = tf.float32) -> Any:
        """From `low` to below `high`: (B, 1)."""
        seed = tf.random.experimental.stateless_fold_in(self.seed, purpose)
        return self.shard.of(lambda count: tf.random.stateless_uniform((count, 1), seed, low, high, dtype), self.count)

    def chosen(self, purpose: int, probability: Any) -> Any:
        """Bool (B, 1)."""
        return self.uniform(purpose, 0.0, 1.0) < probability


def _recolor(images: Any, draws: _Draws, strength: Any) -> Any:
    """Brightness, saturation and contrast at once.

    With a shift b, and factors s of saturation and k of contrast, a pixel c with the mean g over its colors, in an
    image with the mean m, becomes m + b + k (g + s (c - g) - m). An image that is not chosen has b = 0 and s = k = 1.
    """
    height, width, channels = images.shape[1:]
    colors, rest = images[..., :3], images[..., 3:]  # transparency stays as it is
    count = min(channels, 3)
    chosen = draws.chosen(RECOLORED, strength)
    shift = tf.where(chosen, draws.uniform(BRIGHTNESS, -0.5, 0.5), 0.0)
    saturation = tf.where(chosen, draws.uniform(SATURATION, 0.0, 2.0), 1.0)
    contrast = tf.where(chosen, draws.uniform(CONTRAST, 0.5, 1.5), 1.0)
    # Rows of pixels are kept in one axis, and means are products: over an axis of three values both are much faster.
    flat = tf.reshape(colors, (-1, height * width * count))
    mean = tf.reduce_mean(flat, axis=1, keepdims=True)
    offset = mean + shift - contrast * mean
    if count == 3:
        grey = tf.reshape(tf.matmul(tf.reshape(flat, (-1, 3)), tf.fill((3, 3), 1 / 3)), tf.shape(flat))
        changed = contrast * saturation * flat + (contrast * (1.0 - saturation) * grey + offset)
    else:
        changed = contrast * flat + offset
    changed = tf.reshape(changed, tf.shape(colors))
    return tf.concat([changed, rest], axis=-1) if channels == 4 else changed


@dataclass(frozen=True)
class _Places:
    """Where pixels go."""

    shifts: Any  # of each image, rows and columns, int32 (B, 2)
    holes: Any  # first row and column of the part of each changed image that is covered, int32 (B, 2)
    image_size: tuple[int, int]  # (H, W)

    def origins(self) -> Any:
        """For each pixel of the changed images the number of the one that comes there, H W for none: int32 (B, H W)."""
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


def _whole_shifts(images: Any, draws: _Draws) -> Any:
    """Rows and columns by which each image is moved: int32 (B, 2)."""
    shifts = []
    for side, purpose in zip(images.shape[1:3], (ROWS, COLUMNS), strict=True):
        largest = max(round(side * MAX_SHIFT), 1)
        shifts.append(draws.uniform(purpose, -largest, largest + 1, tf.int32))
    return tf.concat(shifts, axis=1)


def _first_of_hole(images: Any, draws: _Draws) -> Any:
    """First row and column of the hole of each image: int32 (B, 2).

    Its centre may be anywhere in the image, so part of it may lie outside.
    """
    firsts = []
    for side, purpose in zip(images.shape[1:3], (HOLE_ROW, HOLE_COLUMN), strict=True):
        firsts.append(draws.uniform(purpose, 0, side, tf.int32) - _side_of_hole(side) // 2)
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
