"""Measures of classes, against plain NumPy written a second time."""

from dataclasses import replace

import numpy as np
import pytest

from dcgan_hub.evaluation.class_measures import measure_classes, recognized_classes
from dcgan_hub.evaluation.evaluator import Evaluator

NAMES = ("cat", "dog", "newt")


@pytest.fixture(scope="module")
def sides():
    """Features in 6 dimensions of 160 real and 150 generated images; classes overlap, and the third one is small."""
    random = np.random.RandomState(0)
    centers = random.normal(0, 1.2, (3, 6))

    def side(counts, seed):
        labels = np.random.RandomState(seed).permutation(np.repeat(range(3), counts))
        return (centers[labels] + np.random.RandomState(seed + 9).normal(0, 1, (len(labels), 6))), labels

    return (*side((80, 60, 20), 1), *side((70, 50, 30), 2))


def plain_class(real, labels, image, left_out=None):
    """The class with the most votes of the five nearest; of several, the one that is met first."""
    order = sorted(
        (row for row in range(len(real)) if row != left_out), key=lambda row: np.linalg.norm(real[row] - image)
    )
    votes = [labels[row] for row in order[:5]]
    return max(votes, key=lambda label: (votes.count(label), -votes.index(label)))


def plain_discrepancy(real, generated):
    def kernel(a, b):
        return (np.dot(a, b) / len(a) + 1) ** 3

    def others(side):
        return np.mean([kernel(side[i], side[j]) for i in range(len(side)) for j in range(len(side)) if i != j])

    return others(real) + others(generated) - 2 * np.mean([kernel(a, b) for a in real for b in generated])


def plain_frechet(real, generated):
    first, second = np.cov(real.T), np.cov(generated.T)
    roots = np.sqrt(np.linalg.eigvals(first @ second).astype(complex)).real.sum()
    return ((real.mean(0) - generated.mean(0)) ** 2).sum() + np.trace(first) + np.trace(second) - 2 * roots


def test_measures_of_classes_are_those_of_their_formulas(sides):
    real, labels, generated, asked = sides
    found = measure_classes(real, labels, generated, asked, NAMES, most=100, with_fid=True)
    seen = np.array([plain_class(real, labels, image) for image in generated[:100]])
    np.testing.assert_array_equal(recognized_classes(real, labels, generated[:100]), seen)
    own = [plain_class(real, labels, real[row], row) for row in range(100)]
    assert found.accuracy == pytest.approx(np.mean(seen == asked[:100]))
    assert found.real_accuracy == pytest.approx(np.mean(own == labels[:100]))
    assert 0.4 < found.accuracy < 1 and 0.4 < found.real_accuracy < 1

    cat, dog, newt = found.classes
    for label, one in ((0, cat), (1, dog)):
        ours, theirs = real[labels == label], generated[asked == label]
        assert (one.real_count, one.generated_count) == (len(ours), len(theirs))
        assert one.kid == pytest.approx(plain_discrepancy(ours, theirs), rel=1e-3, abs=1e-5)
        assert one.fid == pytest.approx(plain_frechet(ours, theirs), rel=1e-6)
        assert one.accuracy == pytest.approx((seen == asked[:100])[asked[:100] == label].mean())
    assert (newt.real_count, newt.kid, newt.fid) == (20, None, None) and newt.accuracy is not None
    assert found.figures() == {"class_accuracy": found.accuracy, "class_kid": pytest.approx((cat.kid + dog.kid) / 2)}
    assert "within 2 of 3 classes" in found.describe() and "newt" in found.describe()
    quick = measure_classes(real, labels, generated, asked, NAMES, most=100, with_fid=False)
    assert quick.figures() == found.figures() and quick.classes[0].fid is None


def test_a_generator_that_mixes_up_its_classes_is_found_out(make_prepared, make_images):
    """Two classes of real images, dark and bright; one generator draws what is asked for, another one the opposite."""
    dark, bright = make_images(60, seed=3) // 3, 255 - make_images(60, seed=4) // 3
    labels = np.repeat([0, 1], 60).astype(np.int32)
    prepared = make_prepared(np.concatenate([dark, bright]))
    prepared = replace(prepared, class_names=("dark", "bright"), class_labels=labels)
    evaluator = Evaluator(prepared, count=120, show_progress=False)
    rows = np.random.RandomState(0).permutation(120)
    assert evaluator.classes.tolist() == labels[rows].tolist()

    def draw(classes):
        pictures = [make_images(120, seed=5) // 3, 255 - make_images(120, seed=6) // 3]
        return lambda seeds: iter(
            [np.stack([pictures[label][seed] for seed, label in zip(seeds, classes, strict=True)])]
        )

    good, bad = evaluator.measure(draw(evaluator.classes)), evaluator.measure(draw(1 - evaluator.classes))
    assert good.classes.accuracy > 0.95 and good.classes.real_accuracy > 0.95 and bad.classes.accuracy < 0.05
    assert bad.figures()["class_kid"] > 10 * abs(good.figures()["class_kid"])
    assert bad.kid < 3 * abs(good.kid) + 0.01, "as a whole both draw the same images"
    assert good.to_dict()["classes"]["classes"][1]["name"] == "bright" and "accuracy of classes" in good.summary()
