"""The classes of the images of a run, and how often each class is shown.

N images, K classes, B images a batch.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ClassLabels:
    """The class of each image, and the sampling of classes."""

    labels: np.ndarray  # int32 (N,), 0 to K - 1; each class has an image
    sampling: str = "natural"  # natural: each image once an epoch; balanced: each class equally often

    def epoch_order(self, seed: int, epoch: int) -> np.ndarray | None:
        """The order of the images in one epoch: int64 (N,), rows of images; None for the order without classes.

        Balanced, it has N / K images of each class, rounded: those of a small class are repeated, and some of a large
        one are left out, others in each epoch. RandomState's stream is frozen by NumPy's policy (NEP 19).
        """
        if self.sampling != "balanced":
            return None
        random = np.random.RandomState([seed, epoch])
        counts = np.bincount(self.labels)
        images, classes = len(self.labels), len(counts)
        shares = np.full(classes, images // classes)
        shares[random.permutation(classes)[: images % classes]] += 1
        rows_by_class = np.split(np.argsort(self.labels, kind="stable"), np.cumsum(counts)[:-1])
        drawn = [_draw(rows, share, random) for rows, share in zip(rows_by_class, shares.tolist(), strict=True)]
        return random.permutation(np.concatenate(drawn))


def _draw(rows: np.ndarray, count: int, random: np.random.RandomState) -> np.ndarray:
    """Draws `count` of the rows; none is repeated before all were drawn."""
    rounds = -(-count // len(rows))
    return np.concatenate([random.permutation(rows) for _ in range(rounds)])[:count]
