"""Whether images tile: how much neighboring pixels differ across the border of a tile, and inside it.

N images, H x W pixels, C channels.
"""

from collections.abc import Iterable, Iterator

import numpy as np

ROWS, COLUMNS = 1, 2  # axes


class SeamRatio:
    """The seam ratio of images that come in chunks.

    Across the border means from the last row to the first, and from the last column to the first. Of each axis, the
    mean absolute difference across the border is divided by that of neighboring rows, or columns, inside. The seam
    ratio is that of the axis where it is further from 1, so that no seam hides behind the other one. It is 1 for tiles
    whose borders are like any other place, and above it where a seam can be seen.
    """

    def __init__(self) -> None:
        self._count = 0
        self._across = {ROWS: 0.0, COLUMNS: 0.0}  # sums over images of the mean difference
        self._inside = {ROWS: 0.0, COLUMNS: 0.0}

    def add(self, images: np.ndarray) -> None:
        """Takes uint8 (N, H, W, C) into account."""
        self._count += len(images)
        for axis in (ROWS, COLUMNS):
            lines = np.moveaxis(images, axis, 1).astype(np.int16)
            self._across[axis] += len(images) * float(np.abs(lines[:, 0] - lines[:, -1]).mean())
            self._inside[axis] += len(images) * float(np.abs(np.diff(lines, axis=1)).mean())

    def counted(self, chunks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yields the chunks unchanged, and adds them."""
        for chunk in chunks:
            self.add(chunk)
            yield chunk

    @property
    def value(self) -> float | None:
        """The ratio; None without images, and if they do not vary along an axis."""
        if not self._count or not all(self._inside.values()):
            return None
        ratios = [self._across[axis] / self._inside[axis] for axis in (ROWS, COLUMNS)]
        return max(ratios, key=_distance_from_one)


def seam_ratio(images: np.ndarray) -> float | None:
    """The seam ratio of uint8 images (N, H, W, C), see `SeamRatio`."""
    ratio = SeamRatio()
    ratio.add(images)
    return ratio.value


def _distance_from_one(ratio: float) -> float:
    return max(ratio, 1 / ratio) if ratio else float("inf")
