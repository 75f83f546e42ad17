"""Whether a generator memorizes training images: nearest neighbors, as numbers and as an image.

Images are compared as 16 x 16 thumbnails, pixel by pixel. Features of a network are unsuitable: the blur or noise of a
generator moves a copy far from its original, while thumbnails hardly change (docs/measures.md).

N training images, M generated images, H x W pixels, C channels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from dcgan_hub.errors import DataError
from dcgan_hub.evaluation.features import to_color
from dcgan_hub.evaluation.neighbors import nearest_neighbors
from dcgan_hub.images.grids import make_sheet
from dcgan_hub.images.progress import reported_progress

THUMBNAIL_SIDE = 16  # pixels
COPY_RATIO = 0.5  # 0 to 1.6 % of held-out images are below it, and 73 to 100 % of slightly changed copies
SEARCHED = 1000  # generated images, and training images as the baseline
MIN_TRAINING_IMAGES = 3
READ_AT_ONCE = 4096  # images
SHOWN_PAIRS = 32
PAIRS_IN_A_ROW = 4


@dataclass(frozen=True, kw_only=True)
class Memorization:
    """How near generated images are to training images.

    The ratio of an image is its distance to the nearest training image, divided by the distance of that training image
    to its own nearest neighbor. Below `COPY_RATIO` it counts as a near copy. The baseline estimates the values of new
    images of the same kind: training images, each compared with all others.
    """

    near_copies: float  # fraction of generated images, 0 to 1
    near_copies_of_real: float  # the same for the baseline
    median_ratio: float  # of generated images; about `median_ratio_of_real` without copying
    median_ratio_of_real: float  # the same for the baseline
    training_count: int  # N, all of which were searched
    generated_count: int  # M
    ratios: np.ndarray  # float64 (M,), 0 and more
    nearest: np.ndarray  # int64 (M,), rows of the training images

    @property
    def copies(self) -> bool:
        """Whether near copies exceed the baseline by three standard errors, and by more than one image."""
        variance = self.near_copies * (1.0 - self.near_copies) / self.generated_count
        excess = self.near_copies - self.near_copies_of_real
        return bool(excess > max(3.0 * np.sqrt(variance), 1.0 / self.generated_count))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, including the parameters they depend on."""
        return {
            "near_copies": self.near_copies,
            "near_copies_of_real": self.near_copies_of_real,
            "median_ratio": self.median_ratio,
            "median_ratio_of_real": self.median_ratio_of_real,
            "copies": self.copies,
            "training_count": self.training_count,
            "generated_count": self.generated_count,
            "thumbnail_side": THUMBNAIL_SIDE,
            "copy_ratio": COPY_RATIO,
        }

    def describe(self) -> str:
        """Two lines: the figures with their baseline, and the conclusion."""
        verdict = "it copies training images" if self.copies else "no sign of copying"
        return (
            f"{'near copies':<11} {self.near_copies:>14.1%}   of generated images; of real images compared with the "
            f"others {self.near_copies_of_real:.1%}: {verdict}\n"
            f"{'':<11} {self.median_ratio:>14.2f}   median ratio; real {self.median_ratio_of_real:.2f}; "
            f"{self.generated_count:,} images compared with {self.training_count:,}"
        )


def measure_memorization(training: np.ndarray, generated: np.ndarray, show_progress: bool = True) -> Memorization:
    """Finds the nearest training image of each generated image.

    `training`, uint8 (N, H, W, C) without exact duplicates, may be memory-mapped; `generated` is uint8 (M, H, W, C).
    Raises DataError for fewer than 3 training images.
    """
    if len(training) < MIN_TRAINING_IMAGES:
        raise DataError(
            f"A search for copies needs {MIN_TRAINING_IMAGES} or more training images. Received: "
            f"{len(training)}. Give more."
        )
    parts = []
    with reported_progress("Searching the training images", len(training), show=show_progress) as advance:
        for start in range(0, len(training), READ_AT_ONCE):
            parts.append(thumbnails(np.asarray(training[start : start + READ_AT_ONCE])))
            advance(len(parts[-1]))
    known = np.concatenate(parts)
    ratios, nearest = neighbor_ratios(known, thumbnails(generated))
    sample = np.random.RandomState(0).permutation(len(known))[:SEARCHED]
    real_ratios, _ = neighbor_ratios(known, known[sample], sample)
    return Memorization(
        near_copies=float((ratios < COPY_RATIO).mean()),
        near_copies_of_real=float((real_ratios < COPY_RATIO).mean()),
        median_ratio=float(np.median(ratios)),
        median_ratio_of_real=float(np.median(real_ratios)),
        training_count=len(training),
        generated_count=len(generated),
        ratios=ratios,
        nearest=nearest,
    )


def neighbor_ratios(
    training: np.ndarray, points: np.ndarray, own_rows: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the nearest training image, divided by the distance of that image to its own nearest neighbor.

    Args:
        training: (N, D), N at least 3.
        points: (M, D).
        own_rows: int (M,), rows of the points in `training`, if they are among them: each is left out for itself.

    Returns:
        Ratios, float64 (M,), and rows of the nearest training images, int64 (M,).
    """
    distances, rows = nearest_neighbors(points, training, 1, own_rows)
    nearest = rows[:, 0]
    others, other_rows = nearest_neighbors(training[nearest], training, 2, nearest)
    spacing = others[:, 0]
    if own_rows is not None:
        spacing = np.where(other_rows[:, 0] == own_rows, others[:, 1], spacing)
    smallest = np.finfo(np.float64).tiny  # equal thumbnails of different images: 0 / 0 is a copy, x / 0 is none
    return distances[:, 0] / np.maximum(spacing, smallest), nearest


def thumbnails(images: np.ndarray) -> np.ndarray:
    """Box-filtered 16 x 16 RGB thumbnails: uint8 (N, H, W, C) to uint8 (N, 768)."""
    size = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    small = [np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX)) for image in to_color(images)]
    return np.stack(small).reshape(len(images), -1)


def neighbor_sheet(
    training: np.ndarray, generated: np.ndarray, seeds: range, memorization: Memorization
) -> Image.Image:
    """A sheet of the generated images with the lowest ratios, each beside its nearest training image, lowest first.

    At most 32 pairs, four per row: left the generated image with its seed, right the training image with the ratio.
    """
    shown = np.argsort(memorization.ratios, kind="stable")[:SHOWN_PAIRS]
    images, captions = [], []
    for index in shown:
        images += [generated[index], np.asarray(training[memorization.nearest[index]])]
        captions += [f"seed {seeds[index]}", f"real, {memorization.ratios[index]:.2f}"]
    return make_sheet(np.stack(images), columns=2 * PAIRS_IN_A_ROW, captions=captions)
