"""Differentiable augmentation of the discriminator's images: random translation, cutout and color changes.

Shapes: B images, H x W pixels, C channels, float32 in [-1, 1]. Random numbers are stateless: the same draws give the
same images. A shard of a batch is augmented exactly as within the whole batch.
"""

from dataclasses import dataclass
from typing import Any

from keras import ops

from dcgan_hub.training.backends import adapter

MAX_SHIFT = 1 / 8  # of a side
HOLE = 1 / 2  # side of the cutout, as a fraction of the image's side
FAR_AWAY = -(2**20)  # position of the cutout of an image without one
MAX_STRENGTH = 0.8  # above this probability augmentations leak into the images (Karras et al. 2020 b, section 2.2)
# Purposes of the random numbers of each image; each has its own stream.
RECOLORED, BRIGHTNESS, SATURATION, CONTRAST, MOVED, ROWS, COLUMNS, COVERED, HOLE_ROW, HOLE_COLUMN, FLIPPED = range(11)


@dataclass(frozen=True)
class Augmentation:
    """Augmentation of the discriminator's input images (Zhao et al. 2020, "DiffAugment").

    Each of color, translation and cutout is applied to each image with the same probability, the strength. Real and
    generated images are augmented alike, and gradients flow through, so that the generator learns to generate images
    without augmentation.

    Args:
        color: whether to change brightness, saturation and contrast.
        color_after: number of real images that the discriminator sees before that begins.
        translation: whether to shift by up to an eighth of a side, filling with gray.
        cutout: whether to cover a rectangle of half the height and width with gray.
        seamless: whether what is shifted out of an image comes in at its other side, instead of gray.
    """

    color: bool = True
    color_after: int = 0
    translation: bool = True
    cutout: bool = True
    seamless: bool = False

    def __call__(self, images: Any, draws: Any, strength: Any, seen: Any = 0) -> Any:
        """Augments images (B, H, W, C); colors may leave [-1, 1].

        Args:
            images: the whole batch, or the shard of it that `draws` are for.
            draws: `Draws` of a step, for a purpose.
            strength: probability of each operation, a scalar in [0, 1].
            seen: number of real images that the discriminator has seen before.
        """
        draws = _ImageDraws(draws, ops.shape(images)[0])
        if self.color:
            begun = ops.where(seen < self.color_after, 0.0, strength) if self.color_after else strength
            images = _recolor(images, draws, begun)
        if not (self.translation or self.cutout):
            return images
        moved = draws.chosen(MOVED, strength if self.translation else 0.0)
        covered = draws.chosen(COVERED, strength if self.cutout else 0.0)
        places = _Places(
            shifts=ops.where(moved, _whole_shifts(images, draws), 0),
            holes=ops.where(covered, _first_of_hole(images, draws), FAR_AWAY),
            image_size=(images.shape[1], images.shape[2]),
            seamless=self.seamless,
        )
        pixels = ops.reshape(images, (-1, images.shape[1] * images.shape[2], images.shape[3]))
        pixels = _take_pixels(pixels, places.origins(), places.destinations())
        return ops.reshape(pixels, ops.shape(images))


def flip_some(images: Any, draws: Any) -> Any:
    """Mirrors each of the images (B, H, W, C) horizontally with probability 1/2; arguments as above."""
    flipped = _ImageDraws(draws, ops.shape(images)[0]).chosen(FLIPPED, 0.5)
    return ops.where(flipped[:, :, None, None], ops.flip(images, axis=2), images)


def next_strength(strength: Any, accuracy: Any, target: float, batch_size: Any, images: float) -> Any:
    """The strength after a step of adaptive augmentation (Karras et al. 2020 b, section 3.1).

    It rises if the discriminator classifies more than `target` of the real images as real, and falls if fewer.

    Args:
        strength: the current strength, in [0, MAX_STRENGTH].
        accuracy: fraction of the step's real images that were classified as real.
        target: the target of `accuracy`, in (0, 1).
        batch_size: B.
        images: number of real images within which the strength could rise from 0 to 1.
    """
    step = ops.cast(batch_size, "float32") / images
    return ops.clip(strength + step * ops.sign(accuracy - target), 0.0, MAX_STRENGTH)


@dataclass(frozen=True)
class _ImageDraws:
    """Random numbers of a number of images."""

    draws: Any  # `Draws`
    count: Any  # B

    def uniform(self, purpose: int, low: Any, high: Any, dtype: str = "float32") -> Any:
        """Uniform in [low, high): (B, 1)."""
        return self.draws.of(purpose).uniform(self.count, low, high, dtype)

    def chosen(self, purpose: int, probability: Any) -> Any:
        """True with the given probability: bool (B, 1)."""
        return self.uniform(purpose, 0.0, 1.0) < probability


def _recolor(images: Any, draws: _ImageDraws, strength: Any) -> Any:
    """Changes brightness, saturation and contrast in one operation.

    With a brightness shift b, and factors s of saturation and k of contrast, a pixel c with the mean g over its
    channels, in an image with the mean m, becomes m + b + k (g + s (c - g) - m). Images that are not chosen have b = 0
    and s = k = 1.
    """
    height, width, channels = images.shape[1:]
    colors, rest = images[..., :3], images[..., 3:]  # alpha is unchanged
    count = min(channels, 3)
    chosen = draws.chosen(RECOLORED, strength)
    shift = ops.where(chosen, draws.uniform(BRIGHTNESS, -0.5, 0.5), 0.0)
    saturation = ops.where(chosen, draws.uniform(SATURATION, 0.0, 2.0), 1.0)
    contrast = ops.where(chosen, draws.uniform(CONTRAST, 0.5, 1.5), 1.0)
    # Pixels are flattened, and means over channels are matrix products: much faster than operations on an axis of 3.
    flat = ops.reshape(colors, (-1, height * width * count))
    mean = ops.mean(flat, axis=1, keepdims=True)
    offset = mean + shift - contrast * mean
    if count == 3:
        thirds = ops.ones((3, 3)) / 3.0  # not `ops.full`, for which Python waits for a GPU on PyTorch
        grey = ops.reshape(ops.matmul(ops.reshape(flat, (-1, 3)), thirds), ops.shape(flat))
        changed = contrast * saturation * flat + (contrast * (1.0 - saturation) * grey + offset)
    else:
        changed = contrast * flat + offset
    changed = ops.reshape(changed, ops.shape(colors))
    return ops.concatenate([changed, rest], axis=-1) if channels == 4 else changed


@dataclass(frozen=True)
class _Places:
    """Index tables of translation and cutout."""

    shifts: Any  # of each image, in rows and columns, int32 (B, 2)
    holes: Any  # first row and column of the cutout in each augmented image, int32 (B, 2)
    image_size: tuple[int, int]  # (H, W)
    seamless: bool  # whether shifts go around

    def origins(self) -> Any:
        """For each pixel of the augmented images the index of its source pixel, or H W for gray: int32 (B, H W)."""
        return self._numbers(-1)

    def destinations(self) -> Any:
        """The inverse: for each source pixel the index of its target, or H W if it is dropped."""
        return self._numbers(1)

    def _numbers(self, direction: int) -> Any:
        lines = [self._lines(axis, direction) for axis in (0, 1)]
        (rows, inside_rows, covered_rows), (columns, inside_columns, covered_columns) = lines
        covered = ops.logical_and(covered_rows[:, :, None], covered_columns[:, None])
        seen = ops.logical_and(ops.logical_and(inside_rows[:, :, None], inside_columns[:, None]), ~covered)
        height, width = self.image_size
        numbers = ops.where(seen, rows[:, :, None] * width + columns[:, None], height * width)
        return ops.reshape(numbers, (-1, height * width))

    def _lines(self, axis: int, direction: int) -> tuple[Any, Any, Any]:
        """For each row (axis 0) or column: its partner, whether that is in the image, whether the cutout covers it."""
        side = self.image_size[axis]
        here = ops.arange(side)[None]
        there = here + direction * self.shifts[:, axis, None]
        if self.seamless:
            there = ops.mod(there, side)
        depth = (there if direction > 0 else here) - self.holes[:, axis, None]  # the cutout is in the augmented image
        covered = ops.logical_and(depth >= 0, depth < _side_of_hole(side))
        return there, ops.logical_and(there >= 0, there < side), covered


def _whole_shifts(images: Any, draws: _ImageDraws) -> Any:
    """Rows and columns by which each image is shifted: int32 (B, 2)."""
    shifts = []
    for side, purpose in zip(images.shape[1:3], (ROWS, COLUMNS), strict=True):
        largest = max(round(side * MAX_SHIFT), 1)
        shifts.append(draws.uniform(purpose, -largest, largest + 1, "int32"))
    return ops.concatenate(shifts, axis=1)


def _first_of_hole(images: Any, draws: _ImageDraws) -> Any:
    """First row and column of the cutout of each image: int32 (B, 2).

    Its center can be anywhere in the image, so part of it can be outside.
    """
    firsts = []
    for side, purpose in zip(images.shape[1:3], (HOLE_ROW, HOLE_COLUMN), strict=True):
        firsts.append(draws.uniform(purpose, 0, side, "int32") - _side_of_hole(side) // 2)
    return ops.concatenate(firsts, axis=1)


def _side_of_hole(side: int) -> int:
    return round(side * HOLE)


@ops.custom_gradient  # a backend's own is a slow scatter-add, not needed since each pixel has at most one target
def _take_pixels(pixels: Any, origins: Any, destinations: Any) -> Any:
    """Rearranges pixels (B, P, C), with gray where the origin is P; both tables are int32 (B, P)."""
    grey = ops.zeros_like(pixels[:, :1])
    moved = adapter.gather(ops.concatenate([pixels, grey], axis=1), origins)

    def gradient(*arguments: Any, upstream: Any = None) -> tuple[Any, None, None]:
        upstream = arguments[0] if upstream is None else upstream  # Keras names it on PyTorch
        return _take_pixels(upstream, destinations, origins), None, None

    return moved, gradient
