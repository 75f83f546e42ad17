"""Points of latent space by short names: one language for fields, links, captions, file names and endpoints.

    42                  the vector of seed 42
    42~7@0.3            from seed 42 towards seed 7, 0.3 of the way along the sphere
    1.2.3               the mean of seeds 1, 2 and 3
    1.2.3-4.5+6         the mean of 1, 2, 3, minus the mean of 4, 5, plus 6
    (1-2+3)~7@0.25      what stands in brackets is a point again

A list of points has commas, semicolons or spaces between them, and two abbreviations: `5-9` is 5, 6, 7, 8, 9, and
`42~1-3@0.3` is 42~1@0.3, 42~2@0.3, 42~3@0.3.

    point   = mean | mean "-" mean "+" mean | operand "~" operand "@" part
    mean    = operand { "." operand }
    operand = seed | "(" point ")"
    seed    = 0 ... 4294967295
    part    = 0 ... 1, at most five digits behind the point

Means, also those inside A - B + C as in Radford et al. 2016, are taken of the vectors. The result is then brought to
the typical length sqrt(Z): the mean of n normal vectors is shorter by sqrt(n), A - B + C of single ones longer by
sqrt(3), and a generator was never trained there. With three seeds each, as in that paper, it is nearly right anyway.

Z latent dimensions. Imports no Keras.
"""

import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.networks.latents import draw_latents, interpolate_spherical
from dcgan_hub.settings import MAX_SEED

MAX_CHARACTERS = 400  # of one point
MAX_LIST_CHARACTERS = 8000
MAX_NESTED = 6
MAX_AVERAGED = 16
PART_DIGITS = 5
SEED = re.compile(r"0|[1-9][0-9]{0,9}")
PART = re.compile(rf"(?:0(?:\.[0-9]{{1,{PART_DIGITS}}})?|1(?:\.0{{1,{PART_DIGITS}}})?)(?![0-9])")
SEED_RANGE = re.compile(r"([0-9]{1,10})-([0-9]{1,10})")
FAMILY = re.compile(r"(.+)~([0-9]{1,10})-([0-9]{1,10})@([0-9.]+)")
EXAMPLES = "Try 42, or 42~7@0.3, or 1.2-3.4+5.6."


class Point(Protocol):
    """A named place in latent space; equal points have equal texts."""

    @property
    def text(self) -> str:
        """The canonical name."""

    def latent(self, latent_dim: int) -> np.ndarray:
        """float32 (Z,)."""


@dataclass(frozen=True)
class Seed:
    """The vector of one seed, as it is."""

    seed: int

    @property
    def text(self) -> str:
        """The number."""
        return str(self.seed)

    def latent(self, latent_dim: int) -> np.ndarray:
        """float32 (Z,), the same as everywhere in this package."""
        return draw_latents([self.seed], latent_dim)[0]


@dataclass(frozen=True)
class Turn:
    """From one point towards another along the sphere; `part` 0 is the start and 1 the target."""

    start: Point
    target: Point
    part: float

    @property
    def text(self) -> str:
        """As in 42~7@0.3."""
        return f"{_operand(self.start)}~{_operand(self.target)}@{_part_text(self.part)}"

    def latent(self, latent_dim: int) -> np.ndarray:
        """float32 (Z,); its length is between those of its ends."""
        start, target = self.start.latent(latent_dim), self.target.latent(latent_dim)
        return interpolate_spherical(start, target, np.array([self.part]))[0]


@dataclass(frozen=True)
class Mix:
    """Means added and taken away: one group, or A - B + C."""

    groups: tuple[tuple[Point, ...], ...]

    @property
    def text(self) -> str:
        """As in 1.2.3-4.5+6."""
        means = [".".join(map(_operand, group)) for group in self.groups]
        return means[0] if len(means) == 1 else f"{means[0]}-{means[1]}+{means[2]}"

    def latent(self, latent_dim: int) -> np.ndarray:
        """float32 (Z,) of length sqrt(Z).

        Raises SettingsError if the groups cancel each other, so that no direction is left.
        """
        means = [np.mean([point.latent(latent_dim) for point in group], axis=0, dtype=float) for group in self.groups]
        total = means[0] if len(means) == 1 else means[0] - means[1] + means[2]
        length = float(np.linalg.norm(total))
        if length < 1e-6:
            raise SettingsError(
                f"A mix must leave something over. Received: {shorten(self.text)}, whose parts cancel each other. "
                "Take other seeds."
            )
        return np.asarray(total * (math.sqrt(latent_dim) / length), np.float32)


def parse_point(text: str) -> Point:
    """Reads one point. Raises SettingsError if it is none."""
    if len(text) > MAX_CHARACTERS:
        raise SettingsError(
            f"The name of a point may have {MAX_CHARACTERS} characters. Received: {len(text):,}. Use fewer seeds."
        )
    reader = _Reader(text)
    point = reader.point(0)
    if reader.place < len(text):
        raise reader.complaint()
    return point


def parse_points(text: str, most: int, name: str = "seed") -> list[Point]:
    """Reads a list of points, in the order given, doubles kept.

    Args:
        text: such as "1, 5-9, 42~7@0.3".
        most: points that there may be.
        name: of the field, for messages.

    Raises:
        SettingsError: if there is none, there are more than `most`, or a part is no point.
    """
    if len(text) > MAX_LIST_CHARACTERS:
        raise SettingsError(
            f"`{name}` may have {MAX_LIST_CHARACTERS:,} characters. Received: {len(text):,}. Ask for fewer images."
        )
    points: list[Point] = []
    for part in re.split(r"[\s,;]+", text.strip(" \t\r\n,;")):
        points.extend(_expand(part, most - len(points), name))
    return points


def turn(start: Point, target: Point, part: float) -> Point:
    """The point from `start` towards `target`; at `part` 0 and 1, used with five digits, these themselves."""
    part = round(part, PART_DIGITS)
    return start if part == 0 else target if part == 1 else Turn(start, target, part)


def around(centre: Point, strength: float, number: int, first: int = 1) -> str:
    """A list, as `parse_points` reads it, of a centre and what is around it.

    Args:
        centre: stands first.
        strength: how far the others are on their ways to other seeds, 0 to 1.
        number: of points with the centre, 1 or more.
        first: seed of the first direction; directions that would meet the centre's own seed begin behind it.
    """
    seeds = directions(centre, number, first)
    if not seeds:
        return centre.text
    named = f"{seeds[0]}-{seeds[-1]}" if len(seeds) > 1 else str(seeds[0])
    return f"{centre.text}, {_operand(centre)}~{named}@{_part_text(strength)}"


def directions(centre: Point, number: int, first: int) -> range:
    """The seeds towards which `around` goes: one less than `number`, from `first` on or behind the centre's own."""
    first = min(first, MAX_SEED - 2 * number)
    if isinstance(centre, Seed) and first <= centre.seed < first + number - 1:
        first = centre.seed + 1
    return range(first, first + number - 1)


def center_of(text: str) -> str:
    """The centre of a list that `around` wrote, or "" for another list."""
    centre, comma, others = text.partition(", ")
    try:
        is_around = bool(comma) and others.startswith(f"{_operand(parse_point(centre))}~")
    except SettingsError:
        return ""
    return centre if is_around else ""


def plane(corners: Sequence[Point], side: int) -> list[Point]:
    """Points in `side` rows and columns between four corners, row by row.

    Args:
        corners: top left, top right, bottom left, bottom right.
        side: 2 or more.
    """
    steps = [index / (side - 1) for index in range(side)]
    top_left, top_right, bottom_left, bottom_right = corners
    tops = [turn(top_left, top_right, across) for across in steps]
    bottoms = [turn(bottom_left, bottom_right, across) for across in steps]
    return [turn(top, bottom, down) for down in steps for top, bottom in zip(tops, bottoms, strict=True)]


def latents_of(points: Sequence[Point], latent_dim: int) -> np.ndarray:
    """The latent vectors of points: float32 (N, Z). Raises SettingsError if a mix cancels itself."""
    rows = [point.latent(latent_dim) for point in points]
    return np.asarray(rows, np.float32).reshape(len(rows), latent_dim)


@dataclasses.dataclass
class _Reader:
    """Reads the grammar above from left to right; nothing is read twice."""

    text: str
    place: int = 0

    def point(self, depth: int) -> Point:
        if depth > MAX_NESTED:
            raise SettingsError(
                f"Brackets may be nested {MAX_NESTED} deep. Received: {shorten(self.text)}. Start from a seed again."
            )
        first = self.mean(depth)
        if len(first) == 1 and self.accept("~"):
            target = self.operand(depth)
            self.expect("@")
            return Turn(first[0], target, self.part())
        if not self.accept("-"):
            return first[0] if len(first) == 1 else Mix((first,))
        second = self.mean(depth)
        self.expect("+")
        return Mix((first, second, self.mean(depth)))

    def mean(self, depth: int) -> tuple[Point, ...]:
        points = [self.operand(depth)]
        while self.accept("."):
            points.append(self.operand(depth))
        if len(points) > MAX_AVERAGED:
            raise SettingsError(f"A mean is of at most {MAX_AVERAGED} seeds. Received: {len(points)}. Leave some out.")
        return tuple(points)

    def operand(self, depth: int) -> Point:
        if self.accept("("):
            inner = self.point(depth + 1)
            self.expect(")")
            return inner
        match = SEED.match(self.text, self.place)
        if not match or int(match[0]) > MAX_SEED:
            raise self.complaint()
        self.place = match.end()
        return Seed(int(match[0]))

    def part(self) -> float:
        match = PART.match(self.text, self.place)
        if not match:
            raise self.complaint()
        self.place = match.end()
        return float(match[0])

    def accept(self, sign: str) -> bool:
        found = self.text.startswith(sign, self.place)
        self.place += found
        return found

    def expect(self, sign: str) -> None:
        if not self.accept(sign):
            raise self.complaint()

    def complaint(self) -> SettingsError:
        return SettingsError(
            f"A seed is a whole number from 0 to {MAX_SEED}, and a point is made of seeds. Received: "
            f"{shorten(self.text)!r}, which is not understood from character {self.place + 1} on. {EXAMPLES}"
        )


def _expand(part: str, most: int, name: str) -> list[Point]:
    """One part of a list as its points, at most `most` of them."""
    seeds, family = SEED_RANGE.fullmatch(part), FAMILY.fullmatch(part)
    if seeds:
        return [Seed(seed) for seed in _seeds(seeds[1], seeds[2], most, name)]
    if family:
        directions = _seeds(family[2], family[3], most, name)
        return [parse_point(f"{family[1]}~{seed}@{family[4]}") for seed in directions]
    _check_room(1, most, name)
    return [parse_point(part)]


def _seeds(first: str, last: str, most: int, name: str) -> range:
    if int(first) > int(last) or int(last) > MAX_SEED:
        raise SettingsError(
            f"A range of seeds runs upwards, from 0 to {MAX_SEED} at most. Received: {first}-{last} in `{name}`. "
            "Try 5-9."
        )
    _check_room(int(last) - int(first) + 1, most, name)
    return range(int(first), int(last) + 1)


def _check_room(number: int, most: int, name: str) -> None:
    if number > most:
        raise SettingsError(
            f"`{name}` may name no more images than can be shown. Received: {number - most:,} too many. Leave some out."
        )


def _operand(point: Point) -> str:
    return point.text if isinstance(point, Seed) else f"({point.text})"


def _part_text(part: float) -> str:
    return f"{part:.{PART_DIGITS}f}".rstrip("0").rstrip(".")
