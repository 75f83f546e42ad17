"""Distances between two sets of features, with their errors.

N images, D features.
"""

from dataclasses import asdict, dataclass

import numpy as np

from dcgan_hub.evaluation.fid import Gaussian, frechet_distance
from dcgan_hub.evaluation.kid import kernel_inception_distance

GROUPS = 10  # of the jackknife


@dataclass(frozen=True)
class Distances:
    """What one judge says of one set of images."""

    fid: float
    fid_error: float  # its standard error
    kid: float
    kid_error: float

    def cells(self) -> list[str]:
        """FID and KID x 1000 for a table."""
        return [f"{self.fid:.4g} ± {self.fid_error:.2g}", f"{1000 * self.kid:.4g} ± {1000 * self.kid_error:.2g}"]

    def to_dict(self) -> dict[str, float]:
        """Plain values for JSON."""
        return asdict(self)


def distances(real: np.ndarray, generated: np.ndarray, gaussian: Gaussian | None = None) -> Distances:
    """FID and KID of generated features (M, D) against real ones (N, D), float32, N and M at least 20.

    Args:
        real: features of real images.
        generated: features of generated images.
        gaussian: of the real features, if it is known already.
    """
    gaussian = gaussian or Gaussian.of(real)
    kernel = kernel_inception_distance(real, generated)
    fid = frechet_distance(gaussian, Gaussian.of(generated))
    return Distances(fid, fid_error(gaussian, generated), kernel.value, kernel.error)


def fid_error(real: Gaussian, generated: np.ndarray, seed: int = 0) -> float:
    """Standard error of FID over draws of the generated images (M, D), by the jackknife over ten random groups.

    FIDs of the groups themselves would be biased by their size (Chong & Forsyth 2020); those of all images but one
    group are of one size, near to the whole. The real images are the same for all who are compared, so their error is
    left out.
    """
    order = np.random.RandomState(seed).permutation(len(generated))
    groups = np.array_split(order, GROUPS)
    without = [frechet_distance(real, Gaussian.of(np.delete(generated, group, axis=0))) for group in groups]
    return float(np.sqrt((GROUPS - 1) * np.var(without)))
