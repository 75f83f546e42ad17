"""A latent space without a generator."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass
class Space:
    """`latent_dim` dimensions, of which the last two are the directions."""

    latent_dim: int
    class_names: Sequence[str] = ()

    def directions(self, count: int) -> np.ndarray:
        return np.eye(self.latent_dim, dtype=np.float32)[-2:][:count]
