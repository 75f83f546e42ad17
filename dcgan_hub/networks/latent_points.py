"""Short names of points in latent space: one syntax for fields, links, captions, file names and endpoints.

    42                  the latent vector of seed 42
    42~7@0.3            from seed 42 towards seed 7, 0.3 of the way, by slerp
    1.2.3               the mean of seeds 1, 2 and 3
    1.2.3-4.5+6         the mean of 1, 2, 3, minus the mean of 4, 5, plus 6
    (1-2+3)~7@0.25      a point in parentheses, used as an operand
    zAEBAGBAF...        a latent vector in full, as it is found for an image
    42_1@2.5_3@-1       from seed 42, 2.5 along direction 1 of the generator and -1 along direction 3

Points in a list are separated by commas, semicolons or spaces. There are two abbreviations: `5-9` is 5, 6, 7, 8, 9, and
`42~1-3@0.3` is 42~1@0.3, 42~2@0.3, 42~3@0.3.

    point   = mean | mean "-" mean "+" mean | operand "~" operand "@" part | operand shift { shift }
    mean    = operand { "." operand }
    operand = seed | vector | "(" point ")"
    vector  = "z" and Z bytes in base32: each number of the vector in steps of 1/32, plus 128
    seed    = 0 ... 4294967295
    part    = 0 ... 1, at most five decimals
    shift   = "_" direction "@" amount, with ascending directions
    direction = 1 ... 20
    amount  = -9.99 ... 9.99 without 0, at most two decimals

Means and A - B + C (Radford et al. 2016) are computed from the vectors, and the result is rescaled to the typical norm
sqrt(Z): the mean of n normal vectors is shorter by sqrt(n), A - B + C of single seeds is longer by sqrt(3), and the
generator was never trained there. With three seeds each, as in that paper, the norm is nearly right anyway.

Directions have norm 1 (`networks/directions.py`), so an amount is in standard deviations of the latents.

K directions, Z latent dimensions. Does not import Keras.
"""

import base64
import binascii
import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.networks.directions import MAX_DIRECTIONS
from dcgan_hub.networks.latents import draw_latents, interpolate_spherical
from dcgan_hub.settings import MAX_SEED

MAX_CHARACTERS = 450  # of one point: enough for a turn between two vectors in full of 128 dimensions
MAX_LIST_CHARACTERS = 8000
MAX_NESTED = 6
MAX_AVERAGED = 16
MAX_VECTOR_DIM = 192  # of a vector in full, whose text then has up to 310 characters
VECTOR_STEPS, VECTOR_ZERO = 32, 128  # a number of a vector in full is a byte: from -4 to almost 4 in steps of 1/32
PART_DIGITS, AMOUNT_DIGITS = 5, 2
MAX_AMOUNT = 9.99  # along a direction
SEED = re.compile(r"0|[1-9][0-9]{0,9}")
PART = re.compile(rf"(?:0(?:\.[0-9]{{1,{PART_DIGITS}}})?|1(?:\.0{{1,{PART_DIGITS}}})?)(?![0-9])")
SHIFT = re.compile(rf"_([1-9][0-9]?)@(-?[0-9](?:\.[0-9]{{1,{AMOUNT_DIGITS}}})?)(?![0-9])")
VECTOR = re.compile(r"z([A-Z2-7]+)")
SEED_RANGE = re.compile(r"([0-9]{1,10})-([0-9]{1,10})")
FAMILY = re.compile(r"(.+)~([0-9]{1,10})-([0-9]{1,10})@([0-9.]+)")
EXAMPLES = "Try 42, or 42~7@0.3, or 1.2-3.4+5.6."


class LatentSpace(Protocol):
    """What a point needs of a generator to become a vector; `dcgan_hub.Generator` is one."""

    @property
    def latent_dim(self) -> int:
        """Z."""

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
class Turn:
    """Slerp from one point towards another; `part` 0 is the start and 1 the target."""

    start: Point
    target: Point
    part: float

    @property
    def text(self) -> str:
        """As in 42~7@0.3."""
        return f"{_operand(self.start)}~{_operand(self.target)}@{_part_text(self.part)}"

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
        means = [".".join(map(_operand, group)) for group in self.groups]
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
        return f"{_operand(self.start)}{shifts}"

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


def parse_point(text: str) -> Point:
    """Parses one point. Raises SettingsError if the text is not a point."""
    if len(text) > MAX_CHARACTERS:
        raise SettingsError(
            f"A point may have at most {MAX_CHARACTERS} characters. Received: {len(text):,}. Use fewer seeds."
        )
    reader = _Reader(text)
    point = reader.point(0)
    if reader.place < len(text):
        raise reader.complaint()
    return point


def parse_points(text: str, most: int, name: str = "seed") -> list[Point]:
    """Parses a list of points, in the given order, keeping duplicates.

    Args:
        text: such as "1, 5-9, 42~7@0.3".
        most: maximum number of points.
        name: of the field, for messages.

    Raises:
        SettingsError: if the list is empty or longer than `most`, or a part is not a point.
    """
    if len(text) > MAX_LIST_CHARACTERS:
        raise SettingsError(
            f"`{name}` may have at most {MAX_LIST_CHARACTERS:,} characters. Received: {len(text):,}. Use fewer seeds."
        )
    text = text.strip(" \t\r\n,;")
    if not text:
        raise SettingsError(f"`{name}` needs at least one seed or point. Received: nothing. {EXAMPLES}")
    points: list[Point] = []
    for part in re.split(r"[\s,;]+", text):
        points.extend(_expand(part, _Room(name, most, len(points))))
    return points


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


def around(centre: Point, strength: float, number: int, first: int = 1) -> str:
    """A list for `parse_points` of a center and its neighborhood.

    Args:
        centre: the first point of the list.
        strength: how far the others are from the center towards other seeds, 0 to 1.
        number: of points including the center, 1 or more.
        first: the first of these seeds; if they would include the center's own, they start after it.
    """
    seeds = target_seeds(centre, number, first)
    if not seeds:
        return centre.text
    named = f"{seeds[0]}-{seeds[-1]}" if len(seeds) > 1 else str(seeds[0])
    return f"{centre.text}, {_operand(centre)}~{named}@{_part_text(strength)}"


def target_seeds(centre: Point, number: int, first: int) -> range:
    """The `number` - 1 target seeds of `around`, starting at `first` or after the center's own seed."""
    first = min(first, MAX_SEED - 2 * number)
    if isinstance(centre, Seed) and first <= centre.seed < first + number - 1:
        first = centre.seed + 1
    return range(first, first + number - 1)


def center_of(text: str) -> str:
    """The center of a list made by `around`, or "" for any other list."""
    centre, comma, others = text.partition(", ")
    try:
        is_around = bool(comma) and others.startswith(f"{_operand(parse_point(centre))}~")
    except SettingsError:
        return ""
    return centre if is_around else ""


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


@dataclasses.dataclass
class _Reader:
    """Recursive-descent parser of the grammar above, without backtracking."""

    text: str
    place: int = 0

    def point(self, depth: int) -> Point:
        if depth > MAX_NESTED:
            raise SettingsError(
                f"Parentheses may be nested {MAX_NESTED} deep. Received: {shorten(self.text)}. Start again from a seed."
            )
        first = self.mean(depth)
        if len(first) == 1 and self.accept("~"):
            target = self.operand(depth)
            self.expect("@")
            return Turn(first[0], target, self.part())
        if len(first) == 1 and self.text.startswith("_", self.place):
            return Shifted(first[0], self.shifts())
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
            raise SettingsError(f"A mean has at most {MAX_AVERAGED} seeds. Received: {len(points)}. Leave some out.")
        return tuple(points)

    def operand(self, depth: int) -> Point:
        if self.accept("("):
            inner = self.point(depth + 1)
            self.expect(")")
            return inner
        if self.text.startswith("z", self.place):
            return self.vector()
        match = SEED.match(self.text, self.place)
        if not match or int(match[0]) > MAX_SEED:
            raise self.complaint()
        self.place = match.end()
        return Seed(int(match[0]))

    def vector(self) -> Vector:
        match = VECTOR.match(self.text, self.place)
        try:
            content = base64.b32decode(match[1] + "=" * (-len(match[1]) % 8)) if match else b""
        except binascii.Error:
            content = b""
        point = Vector(content)
        if not match or not content or point.text != match[0]:  # one vector has one text
            raise self.complaint()
        self.place = match.end()
        return point

    def part(self) -> float:
        match = PART.match(self.text, self.place)
        if not match:
            raise self.complaint()
        self.place = match.end()
        return float(match[0])

    def shifts(self) -> tuple[tuple[int, float], ...]:
        found: list[tuple[int, float]] = []
        while match := SHIFT.match(self.text, self.place):
            direction, amount = int(match[1]), float(match[2])
            if amount == 0 or not (found[-1][0] if found else 0) < direction <= MAX_DIRECTIONS:
                raise self.complaint()
            found.append((direction, amount))
            self.place = match.end()
        if not found:
            raise self.complaint()
        return tuple(found)

    def accept(self, sign: str) -> bool:
        found = self.text.startswith(sign, self.place)
        self.place += found
        return found

    def expect(self, sign: str) -> None:
        if not self.accept(sign):
            raise self.complaint()

    def complaint(self) -> SettingsError:
        return SettingsError(
            f"A seed is a whole number from 0 to {MAX_SEED}, and a point consists of seeds. Received: "
            f"{shorten(self.text)!r}, which is invalid from character {self.place + 1} on. {EXAMPLES}"
        )


@dataclass(frozen=True)
class _Room:
    """What a list may still hold, before anything is added."""

    name: str
    most: int
    held: int

    def check(self, number: int) -> None:
        """Raises SettingsError if there is no room for `number` more."""
        over = self.held + number - self.most
        if over > 0:
            limit = "one seed or point" if self.most == 1 else f"at most {self.most:,} seeds or points"
            raise SettingsError(f"`{self.name}` takes {limit}. Received: {over:,} too many. Leave some out.")


def _expand(part: str, room: _Room) -> list[Point]:
    """The points that one part of a list stands for."""
    seeds, family = SEED_RANGE.fullmatch(part), FAMILY.fullmatch(part)
    if seeds:
        return [Seed(seed) for seed in _seeds(seeds[1], seeds[2], room)]
    if family:
        targets = _seeds(family[2], family[3], room)
        return [parse_point(f"{family[1]}~{seed}@{family[4]}") for seed in targets]
    room.check(1)
    return [parse_point(part)]


def _seeds(first: str, last: str, room: _Room) -> range:
    if int(first) > int(last) or int(last) > MAX_SEED:
        raise SettingsError(
            f"A range of seeds must be ascending and within 0 to {MAX_SEED}. Received: {first}-{last} in "
            f"`{room.name}`. Try 5-9."
        )
    room.check(int(last) - int(first) + 1)
    return range(int(first), int(last) + 1)


def _operand(point: Point) -> str:
    return point.text if isinstance(point, Seed | Vector) else f"({point.text})"


def _part_text(part: float) -> str:
    return _decimal(part, PART_DIGITS)


def _decimal(number: float, digits: int) -> str:
    return f"{number:.{digits}f}".rstrip("0").rstrip(".")
