"""Kernel inception distance between two sets of features (KID, Bińkowski et al. 2018), unbiased even for few images.

N images, D features.
"""

from dataclasses import dataclass

import numpy as np

SUBSETS = 50
SUBSET_SIZE = 1000
GROUPS = 10  # at least, for the standard error


@dataclass(frozen=True)
class KernelInceptionDistance:
    """The squared maximum mean discrepancy and its standard error; about 0 (even negative) for equal distributions."""

    value: float
    error: float


def kernel_inception_distance(
    real: np.ndarray, generated: np.ndarray, subsets: int = SUBSETS, subset_size: int = SUBSET_SIZE, seed: int = 0
) -> KernelInceptionDistance:
    """Squared maximum mean discrepancy with the kernel (x y / D + 1)^3, averaged over random subsets.

    The standard error comes from disjoint groups of images. Subsets overlap, so their spread underestimates it, and
    would be 0 if a subset is the whole set. Where the distance is near 0 the error is conservative, since groups are
    smaller than the sets.

    Args:
        real: (N, D), N at least 20.
        generated: (M, D), M at least 20.
        subsets: number of subsets drawn from each set.
        subset_size: images per subset; all images of the smaller set if it has fewer.
        seed: of the subsets and groups.
    """
    random = np.random.default_rng(seed)
    subsets, size = subset_plan(len(real), len(generated), subsets, subset_size)
    values = []
    for _ in range(subsets):
        rows, columns = (random.choice(len(side), size, replace=False) for side in (real, generated))
        values.append(squared_discrepancy(real[rows], generated[columns]))
    return KernelInceptionDistance(float(np.mean(values)), _standard_error(real, generated, subset_size, random))


def subset_plan(
    real_count: int, generated_count: int, subsets: int = SUBSETS, subset_size: int = SUBSET_SIZE
) -> tuple[int, int]:
    """The number of subsets and their size: a single one if it covers both sets."""
    size = min(subset_size, real_count, generated_count)
    return (1 if size == real_count == generated_count else subsets), size


def squared_discrepancy(real: np.ndarray, generated: np.ndarray) -> float:
    """The unbiased estimate from all pairs of (N, D) and (M, D), without pairs of an image with itself."""
    within = _mean_of_others(_kernel(real, real)) + _mean_of_others(_kernel(generated, generated))
    return float(within - 2.0 * _kernel(real, generated).mean())


def _kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    # The distance is a small difference of large means. Products in float32 change it by 3e-9 where the standard error
    # is 1e-3 (measured), since rounding averages out over a million pairs; the rest is in float64.
    products = first.astype(np.float32) @ second.astype(np.float32).T
    return (products.astype(np.float64) / first.shape[1] + 1.0) ** 3


def _mean_of_others(kernel: np.ndarray) -> float:
    count = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))


def _standard_error(real: np.ndarray, generated: np.ndarray, largest: int, random: np.random.Generator) -> float:
    groups = max(GROUPS, min(len(real), len(generated)) // largest)
    sides = [np.array_split(random.permutation(len(side)), groups) for side in (real, generated)]
    values = [
        squared_discrepancy(real[rows[:largest]], generated[columns[:largest]])
        for rows, columns in zip(*sides, strict=True)
    ]
    return float(np.std(values, ddof=1) / np.sqrt(groups))
