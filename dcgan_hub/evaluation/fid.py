"""Fréchet distance between two sets of features, both assumed to be Gaussian (FID, Heusel et al. 2017).

N images, D features.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Gaussian:
    """Mean and covariance of features, with a square root of the covariance that is computed lazily."""

    mean: np.ndarray  # float64 (D,)
    covariance: np.ndarray  # float64 (D, D), of the sample (divided by N - 1)
    # For N up to D: float64 (N, D), the centered features divided by sqrt(N - 1). This is a root of the covariance,
    # whose rank is at most N - 1. None for more images.
    deviations: np.ndarray | None

    @classmethod
    def of(cls, features: np.ndarray) -> "Gaussian":
        """Fits features (N, D) of any dtype, N at least 2, in float64."""
        count, dimensions = features.shape
        mean = features.mean(axis=0, dtype=np.float64)
        if count <= dimensions:
            deviations = (features - mean) / np.sqrt(count - 1)
            return cls(mean, deviations.T @ deviations, deviations)
        covariance = np.zeros((dimensions, dimensions))
        for start in range(0, count, 4096):  # a copy of 50,000 features in float64 would take half a gigabyte
            centered = features[start : start + 4096] - mean
            covariance += centered.T @ centered
        return cls(mean, covariance / (count - 1), None)

    @cached_property
    def root(self) -> np.ndarray:
        """R (r, D) where R^T R is the covariance. For a covariance of full rank it takes seconds."""
        if self.deviations is not None:
            return self.deviations
        variances, directions = np.linalg.eigh(self.covariance)
        return np.sqrt(np.clip(variances, 0.0, None))[:, None] * directions.T


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """The squared distance of the means, plus the trace of A + B - 2 (AB)^(1/2) for the covariances A and B.

    AB is not symmetric, and general matrix square roots fail on singular covariances. With A = R^T R it has the same
    nonzero eigenvalues as R B R^T, which is symmetric and, up to rounding, positive semidefinite.

    Returns:
        0 for equal Gaussians, no upper bound; in squared units of the features.
    """
    if second.deviations is not None:
        first, second = second, first  # the distance is symmetric, and this root is already computed
    eigenvalues = np.linalg.eigvalsh(first.root @ second.covariance @ first.root.T)
    cross = np.sqrt(np.clip(eigenvalues, 0.0, None)).sum()
    means = np.square(first.mean - second.mean).sum()
    return float(means + np.trace(first.covariance) + np.trace(second.covariance) - 2.0 * cross)
