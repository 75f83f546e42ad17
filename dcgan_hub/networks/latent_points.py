"""Points in latent space, which have short names (see `point_syntax`) and become vectors.

Means and A - B + C (Radford et al. 2016) are computed from the vectors, and the result is rescaled to the typical norm
sqrt(Z): the mean of n normal vectors is shorter by sqrt(n), A - B + C of single seeds is longer by sqrt(3), and the
generator was never trained there. With three seeds each, as in that paper, the norm is nearly right anyway.

Directions have norm 1 (`networks/directions.py`), so an amount is in standard deviations of the latents.

K directions, Z latent dimensions. Does not import Keras.
"""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.networks.directions import MAX_DIRECTIONS
from dcgan_hub.networks.latents import draw_latents, interpolate_spherical

MAX_AVERAGED = 16
MAX_VECTOR_DIM = 192  # of a vector in full, whose text then has up to 310 characters
VECTOR_STEPS, VECTOR_ZERO = 32, 128  # a number of a vector in full is a byte: from -4 to almost 4 in steps of 1/32
PART_DIGITS, AMOUNT_DIGITS = 5, 2
MAX_AMOUNT = 9.99  # along a direction


class LatentSpace(Protocol):
    """What a point needs of a generator to become a vector; `dcgan_hub.Generator` is one."""

    @property
    def latent_dim(self) -> int:
        """Z."""

    @property
    def class_names(self) -> Sequence[str]:
        """Names of the classes; empty without."""

    def directions(self, count: int) -> np.ndarray:
        """float32 (K, Z), rows of norm 1, K at most `count`."""


class Point(Protocol):
    """A named point in latent space; equal points have equal texts."""

    @property
    def text(self) -> str:
        """The canonical name."""

    def latent(self, space: LatentSpace) -> np.ndarray:
        """float32 (Z,)."""


@dataclass(frozen=True)
class Seed:
    """The latent vector of one seed."""

    seed: int

    @property
    def text(self) -> str:
        """The number."""
        return str(self.seed)

    def latent(self, space: LatentSpace) -> np.ndarray:
        """float32 (Z,), as from `draw_latents`."""
        return draw_latents([self.seed], space.latent_dim)[0]


@dataclass(frozen=True)
class Vector:
    """A latent vector in full, one byte a number."""

    content: bytes

    @property
    def text(self) -> str:
        """As in zAEBAGBAF..."""
        return "z" + base64.b32encode(self.content).decode("ascii").rstrip("=")

    def latent(self, space: LatentSpace) -> np.ndarray:
        """float32 (Z,).

        Raises SettingsError if it was found for a generator with another latent space.
        """
        if len(self.content) != space.latent_dim:
            raise SettingsError(
                f"The latents of this generator have {space.latent_dim} numbers. Received: a point of "
                f"{len(self.content)}, which belongs to another generator. Use a seed."
            )
        steps = np.frombuffer(self.content, np.uint8).astype(np.float32) - VECTOR_ZERO
        return steps / np.float32(VECTOR_STEPS)


@dataclass(frozen=True)
class OfClass:
    """A point drawn in the class with a number, see `of_class`; its latent vector is that of the point."""

    inner: Point
    number: int

    @property
    def text(self) -> str:
        """As in 42c3."""
        return f"{operand_text(self.inner)}c{self.number}"

    def latent(self, space: LatentSpace) -> np.ndarray:
        """float32 (Z,).

        Raises SettingsError if the generator has no classes, or not this one.
        """
        count = len(space.class_names)
        if not count:
            raise SettingsError(
                f"A point with a class is for generators with classes. Received: {shorten(self.text)} for one without. "
                f"Try {shorten(self.inner.text)}."
            )
        if self.number >= count:
            raise SettingsError(
                f"The number of a class must be 0 to {count - 1}. Received: {self.number} in {shorten(self.text)}. "
                f"Try c0, {shorten(space.class_names[0])!r}."
            )
        return self.inner.latent(space)


@dataclass(frozen=True)
class Turn:
    """Slerp from one point towards another; `part` 0 is the start and 1 the target."""

    start: Point
    target: Point
    part: float

    @property
    def text(self) -> str:
        """As in 42~7@0.3."""
        return f"{operand_text(self.start)}~{operand_text(self.target)}@{part_text(self.part)}"

    def latent(self, space: LatentSpace) -> np.ndarray:
        """float32 (Z,); its norm is between those of its endpoints."""
        start, target = self.start.latent(space), self.target.latent(space)
        return interpolate_spherical(start, target, np.array([self.part]))[0]


@dataclass(frozen=True)
class Mix:
    """Latent arithmetic: the mean of one group, or A - B + C of the means of three groups."""

    groups: tuple[tuple[Point, ...], ...]

    @property
    def text(self) -> str:
        """As in 1.2.3-4.5+6."""
        means = [".".join(map(operand_text, group)) for group in self.groups]
        return means[0] if len(means) == 1 else f"{means[0]}-{means[1]}+{means[2]}"

    def latent(self, space: LatentSpace) -> np.ndarray:
        """float32 (Z,) of norm sqrt(Z).

        Raises SettingsError if the groups cancel out, so that the sum has no direction.
        """
        means = [np.mean([point.latent(space) for point in group], axis=0, dtype=float) for group in self.groups]
        total = means[0] if len(means) == 1 else means[0] - means[1] + means[2]
        length = float(np.linalg.norm(total))
        if length < 1e-6:
            raise SettingsError(
                f"The sum of a mix must not be zero. Received: {shorten(self.text)}, whose parts cancel out. Use other "
                "seeds."
            )
        return np.asarray(total * (math.sqrt(space.latent_dim) / length), np.float32)


@dataclass(frozen=True)
class Shifted:
    """A point moved along directions of the generator: pairs of a direction, 1 to 20, and an amount other than 0."""

    start: Point
    shifts: tuple[tuple[int, float], ...]

    @property
    def text(self) -> str:
        """As in 42_1@2.5_3@-1."""
        shifts = "".join(f"_{direction}@{_decimal(amount, AMOUNT_DIGITS)}" for direction, amount in self.shifts)
        return f"{operand_text(self.start)}{shifts}"

    def latent(self, space: LatentSpace) -> np.ndarray:
        """float32 (Z,).

        Raises SettingsError if the generator has fewer directions.
        """
        last, known = self.shifts[-1][0], space.directions(MAX_DIRECTIONS)
        if last > len(known):
            raise SettingsError(
                f"This generator has {len(known)} directions. Received: {shorten(self.text)}. Use 1 to {len(known)}."
            )
        latent = self.start.latent(space).astype(np.float64)
        for direction, amount in self.shifts:
            latent += amount * known[direction - 1]
        return latent.astype(np.float32)


def of_class(point: Point, number: int) -> OfClass:
    """The point in the class with a number, instead of the one that it is in."""
    return OfClass(point.inner if isinstance(point, OfClass) else point, number)


def turn(start: Point, target: Point, part: float) -> Point:
    """The point from `start` towards `target`; `part` is rounded to five decimals, and 0 and 1 give the endpoints."""
    part = round(part, PART_DIGITS)
    return start if part == 0 else target if part == 1 else Turn(start, target, part)


def shift(start: Point, amounts: Mapping[int, float]) -> Point:
    """The point at `amounts`, by direction, from `start`; they are rounded to two decimals."""
    rounded = {direction: round(amount, AMOUNT_DIGITS) for direction, amount in sorted(amounts.items())}
    shifts = tuple((direction, amount) for direction, amount in rounded.items() if amount != 0)
    return Shifted(start, shifts) if shifts else start


def vector(latent: np.ndarray) -> Vector:
    """The point of a latent vector, float (Z,), whose numbers are rounded to steps of 1/32 and limited to -4 to 4."""
    steps = np.clip(np.rint(np.asarray(latent, np.float64) * VECTOR_STEPS) + VECTOR_ZERO, 0, 255)
    return Vector(steps.astype(np.uint8).tobytes())


def plane(corners: Sequence[Point], side: int) -> list[Point]:
    """A grid of `side` rows and columns of points between four corners, row by row.

    Args:
        corners: top left, top right, bottom left, bottom right.
        side: 2 or more.
    """
    steps = [index / (side - 1) for index in range(side)]
    top_left, top_right, bottom_left, bottom_right = corners
    tops = [turn(top_left, top_right, across) for across in steps]
    bottoms = [turn(bottom_left, bottom_right, across) for across in steps]
    return [turn(top, bottom, down) for down in steps for top, bottom in zip(tops, bottoms, strict=True)]


def latents_of(points: Sequence[Point], space: LatentSpace) -> np.ndarray:
    """The latent vectors of points: float32 (N, Z).

    Raises SettingsError if the parts of a mix cancel out, or the generator lacks a direction.
    """
    rows = [point.latent(space) for point in points]
    return np.asarray(rows, np.float32).reshape(len(rows), space.latent_dim)


def operand_text(point: Point) -> str:
    """The name of a point as a part of another name: in parentheses, if it consists of several."""
    return point.text if isinstance(point, Seed | Vector | OfClass) else f"({point.text})"


def part_text(part: float) -> str:
    """The part of a turn as in names."""
    return _decimal(part, PART_DIGITS)


def _decimal(number: float, digits: int) -> str:
    return f"{number:.{digits}f}".rstrip("0").rstrip(".")
