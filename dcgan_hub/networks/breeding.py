"""Breeding: the children of latent points that somebody likes, to choose from again and again.

A child is a mean of at most 16 seeds, such as 3.3.7, in which a seed may occur several times. Its parents pass on their
seeds in different shares, and some children get a new seed in addition. So the text of a descendant is short after any
number of generations; the shares of early ancestors fade, until they are too small to be one of 16.

Seeds have independent normal vectors of nearly the same length, nearly orthogonal to each other. Shares are therefore
scaled to a Euclidean norm of 1, so that parents of one seed and of many have equal influence.
"""

import math
import zlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.latent_points import (
    MAX_AVERAGED,
    Mix,
    OfClass,
    Point,
    Seed,
    Turn,
    of_class,
    operand_text,
)
from dcgan_hub.networks.point_syntax import MAX_CHARACTERS, parse_point

MAX_PARENTS = 8
CHILDREN = 16
NOVELTY = (0.0, 0.3, 0.5, 0.8)  # share of a new seed beside 1 of the parents: of every fourth child, the next, ...
NOVELTY_ALONE = (0.2, 0.35, 0.55, 0.8)  # for a single parent, whose child without a new seed would be itself
NEWCOMERS = 10_000  # seeds below this number can be new; they keep the texts short
NEAR_ENOUGH = 0.995  # cosine similarity of whole-number shares to the exact ones
MAX_TRIES, PATIENCE = 100, 8  # after so many rejected children more is new
Shares = Mapping[str, float]  # by the text of a seed, or of another point in parentheses


def children(parents: Sequence[Point], first: int = 0) -> list[Point]:
    """Sixteen different children of 1 to 8 points; equal arguments give equal children.

    The first child of several parents is their mean. In every row of four, the share of new seeds grows to the right.

    Args:
        parents: different points.
        first: a whole number; another one gives other children, except for the mean.

    Raises:
        SettingsError: if the texts of the parents are too long for a child.
    """
    novelty = NOVELTY if len(parents) > 1 else NOVELTY_ALONE
    inherited = [shares_of(parent) for parent in parents]
    seen = {parent.text for parent in parents}
    names = ", ".join(parent.text for parent in parents)
    random = np.random.RandomState([zlib.crc32(names.encode()), first])  # a frozen stream, see `draw_latents`
    found: list[Point] = []
    influence, rejected = np.ones(len(parents)), 0
    for _ in range(MAX_TRIES):
        newcomer = str(random.randint(NEWCOMERS))
        new_share = novelty[(len(found) + rejected // PATIENCE) % len(novelty)]
        family = _sum(zip(influence, inherited, strict=True))
        child = _rounded(_sum([(1.0, family), (new_share, {newcomer: 1.0})]))
        rejected = rejected + 1 if child.text in seen else 0
        if not rejected:
            seen.add(child.text)
            found.append(child)
        if len(found) == CHILDREN:
            return found
        influence = random.exponential(size=len(parents))
    longest = max(len(parent.text) for parent in parents)
    raise SettingsError(
        f"A child's text may have at most {MAX_CHARACTERS} characters, so parents need short ones. Received: a parent "
        f"of {longest} characters. Start anew from seeds."
    )


def shares_of(point: Point) -> Shares:
    """The shares of the seeds in a point, of norm 1; the parts of A - B + C are not taken apart.

    The seeds of a point in a class are in this class.
    """
    if isinstance(point, Turn):  # by slerp between orthogonal vectors
        angle = point.part * math.pi / 2
        return _sum([(math.cos(angle), shares_of(point.start)), (math.sin(angle), shares_of(point.target))])
    if isinstance(point, Mix) and len(point.groups) == 1:
        return _sum((1.0, shares_of(member)) for member in point.groups[0])
    if isinstance(point, OfClass) and not isinstance(point.inner, Seed):
        inner = shares_of(point.inner).items()
        return _sum((share, {of_class(parse_point(name), point.number).text: 1.0}) for name, share in inner)
    return {operand_text(point): 1.0}


def _sum(parts: Iterable[tuple[float, Shares]]) -> Shares:
    """The weighted sum of shares, scaled to norm 1."""
    total: dict[str, float] = {}
    for weight, shares in parts:
        for name, share in shares.items():
            total[name] = total.get(name, 0.0) + weight * share
    norm = math.hypot(*total.values())
    return {name: share / norm for name, share in total.items()}


def _rounded(shares: Shares) -> Point:
    """The shortest mean whose whole-number shares are near enough to the exact ones, or else the nearest."""
    best, nearest = max(shares, key=lambda name: shares[name]), 0.0
    for size in range(1, MAX_AVERAGED + 1):
        counts = _apportioned(shares, size)
        mean = ".".join(name for name, count in counts.items() for _ in range(count))
        similarity = sum(shares[name] * count for name, count in counts.items()) / math.hypot(*counts.values())
        if similarity > nearest + 1e-9 and len(mean) <= MAX_CHARACTERS:
            best, nearest = mean, similarity
        if nearest >= NEAR_ENOUGH:
            break
    return parse_point(best)  # which limits parentheses within parentheses


def _apportioned(shares: Shares, size: int) -> dict[str, int]:
    """Whole numbers that add up to `size`, in proportion to the shares, by largest remainder; largest first."""
    scale = size / sum(shares.values())
    order = sorted(shares, key=lambda name: -shares[name])
    counts = {name: int(shares[name] * scale) for name in order}
    by_remainder = sorted(order, key=lambda name: counts[name] - shares[name] * scale)
    for name in by_remainder[: size - sum(counts.values())]:
        counts[name] += 1
    return {name: count for name, count in counts.items() if count}
