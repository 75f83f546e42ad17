"""Neighbours, precision, recall, density and coverage against plain loops and known cases."""

import numpy as np
import pytest

from dcgan_hub.evaluation.neighbors import distance_blocks, nearest_neighbors
from dcgan_hub.evaluation.precision_recall import precision_and_recall


def radius(points, index, k):
    """Distance to the k-th nearest other point."""
    return sorted(np.linalg.norm(points[index] - other) for row, other in enumerate(points) if row != index)[k - 1]


def second_writing(real, generated, k, density_k):
    """Kynkäänniemi et al. 2019, equations 1 and 2; Naeem et al. 2020, equations 3 and 4; point by point."""
    real_balls = [radius(real, index, k) for index in range(len(real))]
    generated_balls = [radius(generated, index, k) for index in range(len(generated))]
    density_balls = [radius(real, index, density_k) for index in range(len(real))]
    gap = [[np.linalg.norm(a - b) for b in generated] for a in real]
    everyone, everything = range(len(real)), range(len(generated))
    precision = np.mean([any(gap[i][j] <= real_balls[i] for i in everyone) for j in everything])
    recall = np.mean([any(gap[i][j] <= generated_balls[j] for j in everything) for i in everyone])
    density = sum(gap[i][j] <= density_balls[i] for i in everyone for j in everything) / (density_k * len(generated))
    coverage = np.mean([any(gap[i][j] <= density_balls[i] for j in everything) for i in everyone])
    return precision, recall, density, coverage


@pytest.mark.parametrize(("k", "density_k"), [(3, 5), (4, 2)])
@pytest.mark.parametrize("shift", [0.0, 0.7, 3.0])
def test_they_are_the_formulas(k, density_k, shift):
    random = np.random.default_rng(0)
    real, generated = random.normal(size=(40, 3)), random.normal(shift, 0.8, (30, 3))
    found = precision_and_recall(real, generated, k, density_k)
    expected = second_writing(real, generated, k, density_k)
    assert (found.precision, found.recall, found.density, found.coverage) == pytest.approx(expected)


def test_what_was_forgotten_and_what_was_invented():
    """Real images in two places; the generator knows one of them, and one that does not exist."""
    random = np.random.default_rng(1)
    here, there, nowhere = (random.normal(centre, 1.0, (200, 4)) for centre in (0.0, 50.0, -50.0))
    found = precision_and_recall(np.concatenate([here, there]), np.concatenate([here + 1e-3, nowhere]))
    assert found.precision == pytest.approx(0.5, abs=0.02)
    assert found.recall == pytest.approx(0.5, abs=0.02)
    assert found.coverage == pytest.approx(0.5, abs=0.02)


def test_one_distribution_has_density_one():
    random = np.random.default_rng(2)
    found = precision_and_recall(random.normal(size=(1000, 3)), random.normal(size=(1000, 3)))
    assert found.density == pytest.approx(1.0, abs=0.1)
    assert found.coverage > 0.9 and found.precision > 0.9 and found.recall > 0.9


def test_blocks_give_every_pair_once():
    random = np.random.default_rng(3)
    points, others = random.normal(size=(1500, 2)).astype(np.float32), random.normal(size=(4500, 2))
    found = np.full((1500, 4500), np.nan)
    for rows, columns, distances in distance_blocks(points, others):
        assert np.isnan(found[rows, columns]).all()
        found[rows, columns] = distances
    np.testing.assert_allclose(found, np.hypot(*(points[:, None] - others[None]).transpose(2, 0, 1)), atol=1e-6)


def test_neighbours_across_blocks():
    """The own row is no neighbour, wherever it stands."""
    points = np.random.default_rng(4).normal(size=(4500, 2))
    rows = np.array([0, 1023, 1024, 4095, 4096, 4499])
    distances, found = nearest_neighbors(points[rows], points, 2, rows)
    for row, distance, neighbours in zip(rows, distances, found, strict=True):
        expected = np.linalg.norm(points - points[row], axis=1)
        expected[row] = np.inf
        np.testing.assert_array_equal(neighbours, np.argsort(expected)[:2])
        np.testing.assert_allclose(distance, np.sort(expected)[:2], atol=1e-7)
    _, themselves = nearest_neighbors(points[rows], points)
    np.testing.assert_array_equal(themselves[:, 0], rows)
