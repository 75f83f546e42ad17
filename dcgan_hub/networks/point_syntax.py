"""Short names of points in latent space: one syntax for fields, links, captions, file names and endpoints.

    42                  the latent vector of seed 42
    42~7@0.3            from seed 42 towards seed 7, 0.3 of the way, by slerp
    1.2.3               the mean of seeds 1, 2 and 3
    1.2.3-4.5+6         the mean of 1, 2, 3, minus the mean of 4, 5, plus 6
    (1-2+3)~7@0.25      a point in parentheses, used as an operand
    zAEBAGBAF...        a latent vector in full, as it is found for an image
    42_1@2.5_3@-1       from seed 42, 2.5 along direction 1 of the generator and -1 along direction 3
    42c3                seed 42 in class 3 of a generator with classes, counted from 0; see `point_classes`

Points in a list are separated by commas, semicolons or spaces. There are two abbreviations: `5-9` is 5, 6, 7, 8, 9, and
`42~1-3@0.3` is 42~1@0.3, 42~2@0.3, 42~3@0.3; `5-9c3` is 5c3, 6c3 and so on.

    point   = mean | mean "-" mean "+" mean | operand "~" operand "@" part | operand shift { shift }
    mean    = operand { "." operand }
    operand = ( seed | vector | "(" point ")" ) [ "c" class ]
    vector  = "z" and Z bytes in base32: each number of the vector in steps of 1/32, plus 128
    seed    = 0 ... 4294967295
    class   = 0 ... 999
    part    = 0 ... 1, at most five decimals
    shift   = "_" direction "@" amount, with ascending directions
    direction = 1 ... 20
    amount  = -9.99 ... 9.99 without 0, at most two decimals

Does not import Keras.
"""

import base64
import binascii
import re
from dataclasses import dataclass

from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.networks.directions import MAX_DIRECTIONS
from dcgan_hub.networks.latent_points import (
    AMOUNT_DIGITS,
    MAX_AVERAGED,
    PART_DIGITS,
    Mix,
    OfClass,
    Point,
    Seed,
    Shifted,
    Turn,
    Vector,
    of_class,
    operand_text,
    part_text,
)
from dcgan_hub.settings import MAX_SEED

MAX_CHARACTERS = 450  # of one point: enough for a turn between two vectors in full of 128 dimensions
MAX_LIST_CHARACTERS = 8000
MAX_NESTED = 6
SEED = re.compile(r"0|[1-9][0-9]{0,9}")
PART = re.compile(rf"(?:0(?:\.[0-9]{{1,{PART_DIGITS}}})?|1(?:\.0{{1,{PART_DIGITS}}})?)(?![0-9])")
SHIFT = re.compile(rf"_([1-9][0-9]?)@(-?[0-9](?:\.[0-9]{{1,{AMOUNT_DIGITS}}})?)(?![0-9])")
VECTOR = re.compile(r"z([A-Z2-7]+)")
CLASS = re.compile(r"c(0|[1-9][0-9]{0,2})(?![0-9])")
SEED_RANGE = re.compile(r"([0-9]{1,10})-([0-9]{1,10})(c[0-9]{1,3})?")
FAMILY = re.compile(r"(.+)~([0-9]{1,10})-([0-9]{1,10})@([0-9.]+)")
EXAMPLES = "Try 42, or 42~7@0.3, or 1.2-3.4+5.6."


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


def around(center: Point, strength: float, number: int, first: int = 1) -> str:
    """A list for `parse_points` of a center and its neighborhood.

    Args:
        center: the first point of the list.
        strength: how far the others are from the center towards other seeds, 0 to 1.
        number: of points including the center, 1 or more.
        first: the first of these seeds; if they would include the center's own, they start after it.
    """
    seeds = target_seeds(center, number, first)
    if not seeds:
        return center.text
    named = f"{seeds[0]}-{seeds[-1]}" if len(seeds) > 1 else str(seeds[0])
    return f"{center.text}, {operand_text(center)}~{named}@{part_text(strength)}"


def target_seeds(center: Point, number: int, first: int) -> range:
    """The `number` - 1 target seeds of `around`, starting at `first` or after the center's own seed."""
    first = min(first, MAX_SEED - 2 * number)
    own = center.inner if isinstance(center, OfClass) else center
    if isinstance(own, Seed) and first <= own.seed < first + number - 1:
        first = own.seed + 1
    return range(first, first + number - 1)


def center_of(text: str) -> str:
    """The center of a list made by `around`, or "" for any other list."""
    center, comma, others = text.partition(", ")
    try:
        is_around = bool(comma) and others.startswith(f"{operand_text(parse_point(center))}~")
    except SettingsError:
        return ""
    return center if is_around else ""


@dataclass
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
        point = self.place_alone(depth)
        if not self.text.startswith("c", self.place):
            return point
        match = CLASS.match(self.text, self.place)
        if not match:
            raise self.complaint()
        self.place = match.end()
        return of_class(point, int(match[1]))

    def place_alone(self, depth: int) -> Point:
        """An operand without its class."""
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
        return [parse_point(f"{seed}{seeds[3] or ''}") for seed in _seeds(seeds[1], seeds[2], room)]
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
