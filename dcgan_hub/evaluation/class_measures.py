"""Measures of a generator with classes: distances within each class, and how often an image is recognized as its class.

N and M images, D features, K classes.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dcgan_hub.evaluation.fid import Gaussian, frechet_distance
from dcgan_hub.evaluation.kid import SUBSET_SIZE, squared_discrepancy
from dcgan_hub.evaluation.neighbors import nearest_neighbors

NEIGHBORS = 5
MIN_IMAGES = 50  # of a class on each side; with fewer a distance says little
MAX_SHOWN = 20  # classes in a table


@dataclass(frozen=True, kw_only=True)
class OneClass:
    """What was measured of one class."""

    name: str
    real_count: int
    generated_count: int
    accuracy: float | None  # as of `ClassMeasures`; None if no image of it was looked at
    kid: float | None  # None with fewer than 50 real or generated images
    fid: float | None  # likewise, and while training

    def describe(self, width: int) -> str:
        """One line of a table; `width` is that of the name."""
        kid = "-" if self.kid is None else f"{1000 * self.kid:.4g}"
        figures = [kid, *("-" if value is None else f"{value:.4g}" for value in (self.fid, self.accuracy))]
        return f"  {self.name:<{width}} {self.real_count:>7,} {self.generated_count:>9,} " + " ".join(
            f"{figure:>10}" for figure in figures
        )


@dataclass(frozen=True, kw_only=True)
class ClassMeasures:
    """How well a generator keeps classes apart, and how near it is to the real images of each."""

    accuracy: float  # fraction of generated images whose nearest real images are mostly of their class
    real_accuracy: float  # the same of real images, each among the others: what a perfect generator would have
    neighbors: int  # how many nearest images vote; among classes with equal votes that of the nearest image wins
    minimum_images: int  # of a class on each side, for its distances
    classes: tuple[OneClass, ...]

    @property
    def measured(self) -> list[OneClass]:
        """The classes with enough images for distances."""
        return [one for one in self.classes if one.kid is not None]

    def figures(self) -> dict[str, float]:
        """The accuracy, and the mean over classes of the KID within each, if one has enough images."""
        kids = [one.kid for one in self.classes if one.kid is not None]
        return {"class_accuracy": self.accuracy} | ({"class_kid": float(np.mean(kids))} if kids else {})

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"classes": [asdict(one) for one in self.classes]}

    def describe(self) -> str:
        """The accuracy, and a table with a line for each class."""
        shown = self.classes[:MAX_SHOWN]
        width = max(5, *(len(one.name) for one in shown))
        header = f"  {'class':<{width}} {'real':>7} {'generated':>9} {'KID x 1000':>10} {'FID':>10} {'accuracy':>10}"
        more = len(self.classes) - len(shown)
        return "\n".join(
            [
                f"accuracy of classes {self.accuracy:.3f}: generated images whose {self.neighbors} nearest real ones "
                f"are mostly of their class; of real images {self.real_accuracy:.3f}",
                f"distances within {len(self.measured):,} of {len(self.classes):,} classes, those with "
                f"{self.minimum_images} or more images on each side",
                header,
                *(one.describe(width) for one in shown),
                *([f"  and {more:,} more classes, in --json"] if more else []),
            ]
        )


def measure_classes(
    real: np.ndarray,
    real_labels: np.ndarray,
    generated: np.ndarray,
    generated_labels: np.ndarray,
    names: tuple[str, ...],
    most: int,
    with_fid: bool,
) -> ClassMeasures:
    """Compares generated with real images of the same class.

    Args:
        real: features (N, D), N greater than 5.
        real_labels: their classes, int (N,), 0 to K - 1.
        generated: features (M, D).
        generated_labels: the classes for which they were generated, int (M,).
        names: of the classes, K.
        most: images of each side whose class is looked up among all real images; the first ones.
        with_fid: whether to compute FID within classes, which takes longest.
    """
    seen = recognized_classes(real, real_labels, generated[:most])
    is_right = seen == generated_labels[:most]
    own = recognized_classes(real, real_labels, real[:most], own_rows=np.arange(min(most, len(real))))
    found = []
    for label, name in enumerate(names):
        ours, theirs = real[real_labels == label], generated[generated_labels == label]
        looked_at = is_right[generated_labels[:most] == label]
        enough = min(len(ours), len(theirs)) >= MIN_IMAGES
        found.append(
            OneClass(
                name=name,
                real_count=len(ours),
                generated_count=len(theirs),
                accuracy=float(looked_at.mean()) if len(looked_at) else None,
                kid=squared_discrepancy(ours[:SUBSET_SIZE], theirs[:SUBSET_SIZE]) if enough else None,
                fid=frechet_distance(Gaussian.of(ours), Gaussian.of(theirs)) if enough and with_fid else None,
            )
        )
    return ClassMeasures(
        accuracy=float(is_right.mean()),
        real_accuracy=float((own == real_labels[:most]).mean()),
        neighbors=NEIGHBORS,
        minimum_images=MIN_IMAGES,
        classes=tuple(found),
    )


def recognized_classes(
    real: np.ndarray, real_labels: np.ndarray, images: np.ndarray, own_rows: np.ndarray | None = None
) -> np.ndarray:
    """The class of most of the 5 nearest real images; among equals, that of the nearest.

    Args:
        real: features (N, D), N greater than 5.
        real_labels: int (N,).
        images: features (M, D).
        own_rows: int (M,), the row of each image in `real`, which has no vote; None: not there.

    Returns:
        int (M,).
    """
    _, rows = nearest_neighbors(images, real, NEIGHBORS, own_rows)
    votes = real_labels[rows]  # (M, 5), the nearest first
    counts = (votes[:, :, None] == votes[:, None, :]).sum(axis=2)
    return votes[np.arange(len(votes)), counts.argmax(axis=1)]
