"""The classes that points are drawn in: one, or shares of several between them. Does not import Keras.

A class that a text names counts (`42c3`). Between several points, those that name no class take the classes of the
others: a variation of `42c3` stays in class 3, and halfway from `42c3` to `7c5` the embeddings of both are averaged. In
A - B + C only the classes of A count. Where no class is named, the point is of the class that its leading seed draws.
"""

from collections.abc import Iterable, Mapping

from dcgan_hub.networks.classes import draw_classes
from dcgan_hub.networks.latent_points import Mix, OfClass, Point, Seed, Shifted, Turn, of_class

Shares = Mapping[int, float]  # of classes, by number; they add up to 1


def class_shares(point: Point, count: int) -> Shares:
    """The shares of the classes of a point, for a generator with `count` of them."""
    return named_shares(point) or {int(draw_classes([leading_seed(point)], count)[0]): 1.0}


def named_shares(point: Point) -> Shares | None:
    """The same of the classes that its text names; None if it names none that counts."""
    match point:
        case OfClass(_, number):
            return {number: 1.0}
        case Turn(start, target, part):
            return _joined([(1.0 - part, start), (part, target)])
        case Mix(groups):
            return _joined((1.0, member) for member in groups[0])
        case Shifted(start, _):
            return named_shares(start)
    return None


def with_class(point: Point, count: int) -> Point:
    """The same image under a name that says its class, if there are `count` classes and it does not say so already.

    Between points with classes an image changes from one class to the other step by step.
    """
    if not count or named_shares(point):
        return point
    return of_class(point, int(draw_classes([leading_seed(point)], count)[0]))


def renumbered(point: Point, numbers: Mapping[int, int]) -> Point:
    """The point with classes of another generator: `numbers` has theirs by the number here; others are left out."""
    match point:
        case OfClass(inner, number):
            place = renumbered(inner, numbers)
            return of_class(place, numbers[number]) if number in numbers else place
        case Turn(start, target, part):
            return Turn(renumbered(start, numbers), renumbered(target, numbers), part)
        case Mix(groups):
            return Mix(tuple(tuple(renumbered(member, numbers) for member in group) for group in groups))
        case Shifted(start, shifts):
            return Shifted(renumbered(start, numbers), shifts)
    return point


def leading_seed(point: Point) -> int:
    """The seed that decides the class of a point: its first one, or past the middle of a turn that of the target.

    0 for a vector in full, which has none.
    """
    match point:
        case Seed(seed):
            return seed
        case OfClass(inner, _):
            return leading_seed(inner)
        case Turn(start, target, part):
            return leading_seed(start if part < 0.5 else target)
        case Mix(groups):
            return leading_seed(groups[0][0])
        case Shifted(start, _):
            return leading_seed(start)
    return 0


def _joined(members: Iterable[tuple[float, Point]]) -> Shares | None:
    """The weighted mean of the shares of those that name a class."""
    named = [(weight, shares) for weight, member in members if (shares := named_shares(member))]
    if not named:
        return None
    total = sum(weight for weight, _ in named)
    joined: dict[int, float] = {}
    for weight, shares in named:
        for number, share in shares.items():
            # All weight of a turn to its very end is on a target that may name no class.
            joined[number] = joined.get(number, 0.0) + (weight / total if total else 1.0) * share
    return {number: share for number, share in joined.items() if share}
