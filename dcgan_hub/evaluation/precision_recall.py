"""Fidelity and diversity: fractions of images of one set that lie in the manifold of the other.

The manifold of a set is the union of balls around its images, whose radius is the distance to the k-th nearest neighbor
within the set. N images, D features.
"""

from dataclasses import dataclass

import numpy as np

from dcgan_hub.evaluation.neighbors import distance_blocks, nearest_neighbors

PRECISION_NEIGHBORS = 3  # k of precision and recall, Kynkäänniemi et al. 2019
DENSITY_NEIGHBORS = 5  # k of density and coverage, Naeem et al. 2020


@dataclass(frozen=True)
class PrecisionAndRecall:
    """Fidelity and diversity; all except the density are fractions, 0 to 1."""

    precision: float  # of generated images inside the real manifold
    recall: float  # of real images inside the generated manifold
    density: float  # mean number of real balls that a generated image lies in, over k; about 1 for equal distributions
    coverage: float  # of real images whose ball contains a generated image


def precision_and_recall(
    real: np.ndarray,
    generated: np.ndarray,
    precision_neighbours: int = PRECISION_NEIGHBORS,
    density_neighbours: int = DENSITY_NEIGHBORS,
) -> PrecisionAndRecall:
    """Improved precision and recall, density and coverage, from one pass over the distances.

    All depend on the numbers of images, since balls shrink as these grow: compare only at equal numbers.

    Args:
        real: (N, D), N greater than both numbers of neighbors.
        generated: (M, D), M likewise.
        precision_neighbours: k of precision and recall.
        density_neighbours: k of density and coverage.
    """
    most = max(precision_neighbours, density_neighbours)
    real_radii, _ = nearest_neighbors(real, real, most, np.arange(len(real)))
    generated_radii, _ = nearest_neighbors(generated, generated, precision_neighbours, np.arange(len(generated)))
    precise = np.zeros(len(generated), bool)
    recalled = np.zeros(len(real), bool)
    covered = np.zeros(len(real), bool)
    balls = 0
    for rows, columns, distances in distance_blocks(real, generated):
        precise[columns] |= (distances <= real_radii[rows, precision_neighbours - 1, None]).any(axis=0)
        recalled[rows] |= (distances <= generated_radii[columns, precision_neighbours - 1]).any(axis=1)
        inside = distances <= real_radii[rows, density_neighbours - 1, None]
        covered[rows] |= inside.any(axis=1)
        balls += int(inside.sum())
    return PrecisionAndRecall(
        precision=float(precise.mean()),
        recall=float(recalled.mean()),
        density=balls / (density_neighbours * len(generated)),
        coverage=float(covered.mean()),
    )
