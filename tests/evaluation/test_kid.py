"""The kernel distance against known cases and a second writing, and its standard error against repetition."""

import itertools

import numpy as np
import pytest

from dcgan_hub.evaluation.kid import kernel_inception_distance, squared_discrepancy, subset_plan


def kernel(first, second):
    return (sum(a * b for a, b in zip(first, second, strict=True)) / len(first) + 1) ** 3


def second_writing(real, generated):
    """Gretton et al. 2012, equation 3, pair by pair."""
    within = [
        sum(kernel(a, b) for a, b in itertools.permutations(side, 2)) / (len(side) * (len(side) - 1))
        for side in (real.tolist(), generated.tolist())
    ]
    between = sum(kernel(a, b) for a in real.tolist() for b in generated.tolist()) / (len(real) * len(generated))
    return within[0] + within[1] - 2 * between


@pytest.mark.parametrize("counts", [(9, 9), (7, 12)], ids=str)
def test_it_is_the_formula(counts):
    random = np.random.default_rng(0)
    real, generated = random.normal(size=(counts[0], 5)), random.normal(0.5, 1.5, (counts[1], 5))
    assert squared_discrepancy(real, generated) == pytest.approx(second_writing(real, generated), rel=1e-5)


def test_points_that_do_not_vary():
    """All real features are 1, all generated ones 2: the kernel has three values."""
    found = kernel_inception_distance(np.full((30, 4), 1.0), np.full((40, 4), 2.0))
    assert found.value == pytest.approx((1 + 1) ** 3 + (4 + 1) ** 3 - 2 * (2 + 1) ** 3)
    assert found.error == pytest.approx(0.0, abs=1e-6)


def test_small_sets_are_judged_fairly():
    """Unbiased: over many small samples of one distribution the mean is 0, and half of them are below."""
    random = np.random.default_rng(1)
    values = [squared_discrepancy(*random.normal(size=(2, 10, 6))) for _ in range(2000)]
    assert np.mean(values) == pytest.approx(0.0, abs=4 * np.std(values) / np.sqrt(2000))
    assert 0.3 < np.mean(np.array(values) < 0) < 0.7


def test_the_mean_of_subsets_is_that_of_the_whole():
    random = np.random.default_rng(2)
    real, generated = random.normal(size=(600, 8)), random.normal(0.4, 1.0, (500, 8))
    whole = squared_discrepancy(real, generated)
    found = kernel_inception_distance(real, generated, subsets=60, subset_size=100)
    assert found.value == pytest.approx(whole, rel=0.1)
    assert found == kernel_inception_distance(real, generated, subsets=60, subset_size=100)
    assert found != kernel_inception_distance(real, generated, subsets=60, subset_size=100, seed=1)


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_error_is_what_repetition_shows(shift):
    """Apart, the standard error is that of repeated measures; for equal distributions it is on the safe side."""
    random = np.random.default_rng(3)
    found = [
        kernel_inception_distance(random.normal(size=(200, 6)), random.normal(shift, 1.0, (200, 6)), subsets=5)
        for _ in range(80)
    ]
    seen = np.std([one.value for one in found])
    said = np.sqrt(np.mean([one.error**2 for one in found]))
    assert 0.75 < said / seen < (1.35 if shift else 6.0)


@pytest.mark.parametrize(
    ("counts", "plan"), [((1000, 1000), (1, 1000)), ((5000, 5000), (50, 1000)), ((300, 5000), (50, 300))]
)
def test_one_subset_is_enough_where_it_is_everything(counts, plan):
    assert subset_plan(*counts) == plan
