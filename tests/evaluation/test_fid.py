"""The Fréchet distance against known cases and a second writing of its formula."""

import numpy as np
import pytest

from dcgan_hub.evaluation.fid import Gaussian, frechet_distance


def distance(first, second):
    return frechet_distance(Gaussian.of(first), Gaussian.of(second))


def second_writing(first, second):
    """Term by term as in Heusel et al. 2017, with the eigenvalues of the product, which is not symmetric."""
    means = sum((a - b) ** 2 for a, b in zip(first.mean(0), second.mean(0), strict=True))
    covariances = [sum(np.outer(row, row) for row in x - x.mean(0)) / (len(x) - 1) for x in (first, second)]
    eigenvalues = np.linalg.eigvals(covariances[0] @ covariances[1])
    roots = sum(complex(value) ** 0.5 for value in eigenvalues).real
    return means + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * roots


@pytest.mark.parametrize("counts", [(60, 80), (5, 80), (80, 5), (5, 7), (2, 2)], ids=str)
def test_it_is_the_formula(counts):
    random = np.random.default_rng(0)
    mixing = random.normal(size=(6, 6))
    first, second = random.normal(size=(counts[0], 6)) @ mixing, random.normal(0.5, 2.0, (counts[1], 6))
    # The second writing takes roots of rounding errors where the covariance is singular.
    assert distance(first, second) == pytest.approx(second_writing(first, second), rel=1e-5)
    assert distance(first, second) == pytest.approx(distance(second, first), rel=1e-6)


def test_gaussians_in_one_dimension():
    """(m1 - m2)^2 + (s1 - s2)^2: here exactly, the samples being two points each."""
    first, second = np.array([[1.0], [3.0]]), np.array([[10.0], [16.0]])
    spread = np.sqrt(2.0)  # the deviation of two points two apart, with N - 1
    assert distance(first, second) == pytest.approx((2.0 - 13.0) ** 2 + (spread - 3 * spread) ** 2)


@pytest.mark.parametrize("count", [10, 50, 5000])
def test_a_set_is_at_no_distance_from_itself(count):
    features = np.random.default_rng(1).gamma(0.3, 2.0, (count, 30)).astype(np.float32)
    features[:, 4] = 0.0  # a feature that is never on makes every covariance singular
    assert distance(features, features) == pytest.approx(0.0, abs=1e-5)


def test_a_shift_counts_by_its_square():
    features = np.random.default_rng(2).normal(size=(200, 12))
    assert distance(features, features + 3.0) == pytest.approx(12 * 9.0)


def test_more_images_than_a_block_holds():
    features = np.random.default_rng(3).normal(size=(9000, 4)).astype(np.float32)
    np.testing.assert_allclose(Gaussian.of(features).covariance, np.cov(features, rowvar=False), rtol=1e-6, atol=1e-9)


def test_few_images_have_a_larger_distance():
    """Why a result says how many images it is of."""
    random = np.random.default_rng(4)
    few, many = (distance(random.normal(size=(n, 40)), random.normal(size=(n, 40))) for n in (30, 3000))
    assert few > 10 * many
