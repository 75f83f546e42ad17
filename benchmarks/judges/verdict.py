"""When images count as better: at least two judges say so, and none says worse.

A judge says better if FID or KID is lower by more than two standard errors of the difference, and neither is higher by
as much; worse the other way round; otherwise it does not know. Errors are those of the images of one run. Runs of one
recipe with other seeds differ by more (docs/quality.md), so recipes are compared by the medians of several seeds.
"""

import math
from collections.abc import Iterable, Mapping
from enum import Enum

from judges.distances import Distances

STANDARD_ERRORS = 2.0
ENOUGH = 2  # judges


class Opinion(Enum):
    """What a judge says of the first of two sets of images, compared with the second."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"


def opinion(first: Distances, second: Distances) -> Opinion:
    """What one judge says of the first set of images."""
    signs = {
        difference_sign(first.fid - second.fid, math.hypot(first.fid_error, second.fid_error)),
        difference_sign(first.kid - second.kid, math.hypot(first.kid_error, second.kid_error)),
    }
    if signs <= {-1, 0} and -1 in signs:
        return Opinion.BETTER
    if signs <= {0, 1} and 1 in signs:
        return Opinion.WORSE
    return Opinion.UNDECIDED


def compared(first: Mapping[str, Mapping[str, float]], second: Mapping[str, Mapping[str, float]]) -> dict[str, Opinion]:
    """What each judge says of the first set of images; distances by judge, as in the JSON of benchmarks/quality.py."""
    return {name: opinion(Distances(**first[name]), Distances(**second[name])) for name in first}


def difference_sign(difference: float, error: float) -> int:
    """-1 or 1 for a difference beyond its error, else 0."""
    return 0 if abs(difference) <= STANDARD_ERRORS * error else int(math.copysign(1, difference))


def is_better(opinions: Iterable[Opinion]) -> bool:
    """Whether the first set counts as better, by all judges' opinions."""
    opinions = list(opinions)
    return opinions.count(Opinion.BETTER) >= ENOUGH and Opinion.WORSE not in opinions
