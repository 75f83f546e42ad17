"""What points are called on the page, in galleries and in file names; escaped where it becomes HTML."""

from collections.abc import Sequence

from dcgan_hub.networks.latent_points import Mix, OfClass, Point, Seed, Shifted, Turn, Vector
from dcgan_hub.networks.point_classes import class_shares

MAX_SHORT_SEED = 6  # digits; longer seeds are cut in captions
MAX_CLASSES_NAMED = 2  # of a point between classes


def file_stem(point: Point) -> str:
    """The file name of a point without suffix: seed-42, or point-42~7@0.3."""
    return f"{'seed' if point.text.isdigit() else 'point'}-{point.text[:120]}"


def caption(point: Point, class_names: Sequence[str] = ()) -> str:
    """The caption of a point on the page, with its class by a generator with these: "seed 42 · coat"."""
    return _with_class(_place(point), class_words(point, class_names))


def class_words(point: Point, class_names: Sequence[str]) -> str:
    """The classes of a point, the largest share first: "coat and shirt"; "" without class names."""
    if not class_names:
        return ""
    shares = class_shares(point, len(class_names))
    names = [class_names[number] for number in sorted(shares, key=lambda number: -shares[number])]
    shown = [*names[:MAX_CLASSES_NAMED], *(["others"] if len(names) > MAX_CLASSES_NAMED else [])]
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]


def row_length(points: Sequence[Point]) -> int:
    """The number of points in each class, if a sheet has the same ones in two or more, one after another; else 0."""
    numbers = [point.number for point in points if isinstance(point, OfClass)]
    rows = len(dict.fromkeys(numbers))
    length = len(points) // max(rows, 1)
    if rows < 2 or len(numbers) < len(points) or length * rows < len(points):
        return 0
    inner = [point.inner for point in points if isinstance(point, OfClass)]
    is_in_rows = all(
        numbers[start : start + length] == [numbers[start]] * length and inner[start : start + length] == inner[:length]
        for start in range(0, len(points), length)
    )
    return length if is_in_rows else 0


def _place(point: Point) -> str:
    """The caption without the class."""
    if isinstance(point, OfClass):
        return _place(point.inner)
    if isinstance(point, Mix) and len(point.groups) == 1:  # 1.5 looks like a number
        *others, last = (member.text for member in point.groups[0])
        return f"mean of {', '.join(others)} and {last}"
    if isinstance(point, Vector):
        return f"found {point.text[1:7]}"
    return f"seed {point.text}" if point.text.isdigit() else point.text


def captions(points: Sequence[Point], class_names: Sequence[str] = ()) -> list[str]:
    """Short captions of points that are seen together: what tells them apart comes first.

    Long seeds are cut to the digits in which they differ, and variations of the first point are named by their target.
    A class that all of them have is left out, and so is that of a row of `row_length`.
    """
    digits = _differing_digits([str(place.seed) for place in map(_without_class, points) if isinstance(place, Seed)])
    center = points[0].text if points else ""
    short = [
        f"toward {place.target.text}" if isinstance(place, Turn) and place.start.text == center
        else f"…{place.text[-digits:]}" if isinstance(place, Seed) and digits < len(place.text)
        else _place(place)
        for place in map(_without_class, points)
    ]  # fmt: skip
    words = [class_words(point, class_names) for point in points]
    if len(points) > 1 and (len(set(words)) == 1 or row_length(points)):
        return short
    return [_with_class(name, word) for name, word in zip(short, words, strict=True)]


def explanation(point: Point, class_names: Sequence[str] = ()) -> str:
    """A point in words: "from seed 42 toward seed 7, 0.3 of the way"."""
    return _with_class(_explained(_without_class(point)), class_words(point, class_names))


def _explained(place: Point) -> str:
    if isinstance(place, Turn):
        return f"from {_place(place.start)} toward {_place(place.target)}, {place.part:.3g} of the way"
    if isinstance(place, Shifted):
        steps = " and ".join(f"direction {direction} by {amount:+g}" for direction, amount in place.shifts)
        return f"{_place(place.start)} moved along {steps}"
    return _place(place)


def _without_class(point: Point) -> Point:
    return point.inner if isinstance(point, OfClass) else point


def _with_class(words: str, class_name: str) -> str:
    return f"{words} · {class_name}" if class_name else words


def _differing_digits(seeds: Sequence[str]) -> int:
    """How many last digits tell seeds apart, at least three; all of them for seeds that are short or unequally long."""
    longest = max(map(len, seeds), default=0)
    if longest <= MAX_SHORT_SEED or any(len(seed) != longest for seed in seeds):
        return longest
    different = len(set(seeds))
    return next(digits for digits in range(3, longest + 1) if len({seed[-digits:] for seed in seeds}) == different)
