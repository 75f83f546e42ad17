"""Distances between features and nearest neighbors, computed in blocks, so that 50,000 images fit into memory.

N and M images, D features.
"""

from collections.abc import Iterator

import numpy as np

BLOCK_ROWS, BLOCK_COLUMNS = 1024, 4096  # 34 MB of distances at a time


def distance_blocks(points: np.ndarray, others: np.ndarray) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Euclidean distances between all pairs of (N, D) and (M, D), in blocks.

    Yields:
        Rows of `points`, rows of `others`, and their distances, float64; all columns of a row block before the next.
    """
    for rows in _slices(len(points), BLOCK_ROWS):
        left = points[rows].astype(np.float64)
        left_squares = np.einsum("nd,nd->n", left, left)[:, None]
        for columns in _slices(len(others), BLOCK_COLUMNS):
            right = others[columns].astype(np.float64)
            squares = left_squares + np.einsum("md,md->m", right, right) - 2.0 * (left @ right.T)
            yield rows, columns, np.sqrt(np.maximum(squares, 0.0))


def nearest_neighbors(
    points: np.ndarray, others: np.ndarray, count: int = 1, own_rows: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest neighbors of each point.

    Args:
        points: (N, D).
        others: (M, D), M greater than `count`.
        count: K, the number of neighbors.
        own_rows: int (N,), the row of each point in `others`, which does not count as its neighbor; None: not there.

    Returns:
        Distances, float64 (N, K), ascending, and rows of `others`, int64 (N, K).
    """
    distances = np.full((len(points), count), np.inf)
    found = np.full((len(points), count), -1)
    for rows, columns, block in distance_blocks(points, others):
        if own_rows is not None:
            own = own_rows[rows] - columns.start
            inside = np.flatnonzero((0 <= own) & (own < block.shape[1]))
            block[inside, own[inside]] = np.inf
        kept = min(count, block.shape[1])
        best = np.argpartition(block, kept - 1, axis=1)[:, :kept]
        candidates = np.concatenate([distances[rows], np.take_along_axis(block, best, 1)], axis=1)
        candidate_rows = np.concatenate([found[rows], best + columns.start], axis=1)
        order = np.argsort(candidates, axis=1, kind="stable")[:, :count]
        distances[rows] = np.take_along_axis(candidates, order, 1)
        found[rows] = np.take_along_axis(candidate_rows, order, 1)
    return distances, found


def _slices(length: int, size: int) -> Iterator[slice]:
    for start in range(0, length, size):
        yield slice(start, min(start + size, length))
