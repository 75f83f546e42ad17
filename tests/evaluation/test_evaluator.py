"""A measure from images to figures, with what it rests on."""

import json
import re

import numpy as np
import pytest

from dcgan_hub.errors import DataError, SettingsError
from dcgan_hub.evaluation.evaluator import Evaluator
from dcgan_hub.evaluation.features import open_features
from dcgan_hub.evaluation.fid import Gaussian, frechet_distance
from dcgan_hub.evaluation.kid import squared_discrepancy
from dcgan_hub.evaluation.results import Measures, Protocol
from dcgan_hub.images.preparation.prepare import prepare_images

PROTOCOL = Protocol(
    features="efficientnet-lite0", features_sha256="0" * 64, input_side=96, resize="none", image_shape=(20, 20, 3),
    real_fingerprint="f", real_available=9, real_count=9, generated_count=9, first_seed=0, kid_subsets=1,
    kid_subset_size=9, kid_seed=0, manifold_count=9, precision_neighbours=3, density_neighbours=5,
)  # fmt: skip


@pytest.fixture(scope="module")
def real(make_images, tmp_path_factory):
    """The same for all tests here, so that its features are computed once."""
    folder = tmp_path_factory.mktemp("real")
    np.save(folder / "set.npy", make_images(240))
    return prepare_images(folder / "set.npy", image_size=None, channels=3, cache_folder=folder / "cache")


def measures_of(kid, error):
    """How the first line of a result shows a kernel distance."""
    figures = {"kid": kid, "kid_error": error, "fid": 1.0, "precision": 0, "recall": 0, "density": 0, "coverage": 0}
    line = Measures(**figures, protocol=PROTOCOL).describe().splitlines()[0]
    return re.search(r"\S+ ± \S+", line)[0]


def drawer(images, size=32):
    """A generator whose image of seed n is number n of an array."""
    return lambda seeds: (images[list(seeds[start : start + size])] for start in range(0, len(seeds), size))


def test_a_good_generator_is_told_from_a_bad_one(real, make_images):
    evaluator = Evaluator(real, count=120, show_progress=False)
    good = evaluator.measure(drawer(make_images(120, seed=1)))
    bad = evaluator.measure(drawer(255 - make_images(1, seed=2).repeat(120, axis=0)))
    assert abs(good.kid) < 4 * good.kid_error + 1e-3
    assert bad.kid > 20 * abs(good.kid) and bad.fid > 3 * good.fid
    assert good.precision > 0.7 and good.recall > 0.7 and good.coverage > 0.7
    assert bad.recall == 0.0 and bad.coverage < 0.1
    assert evaluator.measure(drawer(make_images(120, seed=1), size=50)) == good


def test_figures_are_those_of_the_features(real, make_images):
    generated = make_images(150, seed=1)
    measures = Evaluator(real, count=100, seed=50, show_progress=False).measure(drawer(generated))
    network = open_features()
    rows = np.random.RandomState(0).permutation(240)[:100]
    known, made = network.extract(real.images[rows]), network.extract(generated[50:150])
    assert measures.kid == pytest.approx(squared_discrepancy(known, made), rel=1e-5, abs=1e-8)
    assert measures.fid == pytest.approx(frechet_distance(Gaussian.of(known), Gaussian.of(made)), rel=1e-9)
    assert measures.protocol.first_seed == 50 and measures.protocol.real_available == 240


def test_everything_that_decides_a_figure_is_in_the_result(real, make_images):
    measures = Evaluator(real, count=300, show_progress=False).measure(drawer(make_images(300, seed=1)))
    protocol = json.loads(json.dumps(measures.to_dict()))["protocol"]
    assert protocol["real_fingerprint"] == real.fingerprint
    assert (protocol["real_count"], protocol["generated_count"], protocol["manifold_count"]) == (240, 300, 240)
    assert (protocol["kid_subsets"], protocol["kid_subset_size"]) == (50, 240)
    assert protocol["image_shape"] == [20, 20, 3] and protocol["input_side"] == 96
    assert protocol["features"] == "efficientnet-lite0" and len(protocol["features_sha256"]) == 64
    assert set(measures.figures()) == {"kid", "kid_error", "fid", "precision", "recall", "density", "coverage"}
    said = measures.describe()
    assert "300 generated images (seeds 0 to 299) against 240 of 240 real ones" in said
    assert measures_of(0.0123456, 0.000678) == "12.35 ± 0.68" and measures_of(2.5897, 0.0168) == "2590 ± 17"
    assert any("here 240" in note for note in measures.notes())


@pytest.mark.parametrize(("channels", "word"), [(1, "gray"), (4, "on white")])
def test_the_limits_of_other_channels_are_told(make_prepared, make_images, channels, word):
    evaluator = Evaluator(make_prepared(make_images(110, channels)), count=100, show_progress=False)
    measures = evaluator.measure(drawer(make_images(100, channels, seed=1)))
    assert any(word in note for note in measures.notes())


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (lambda make: make(100, channels=1), r"\(20, 20, 1\)"),
        (lambda make: make(100, side=24), r"\(24, 24, 3\)"),
        (lambda make: make(100).astype(np.float32), "float32"),
        (lambda make: make(100)[:90], "90 images for 100 seeds"),
    ],
    ids=["grey", "larger", "floats", "too few"],
)
def test_generated_images_of_another_kind_are_refused(real, make_images, images, message):
    evaluator = Evaluator(real, count=100, show_progress=False)
    drawn = images(make_images)
    with pytest.raises(SettingsError, match=message):
        evaluator.measure(lambda seeds: iter([drawn]))


@pytest.mark.parametrize(("count", "seed"), [(99, 0), (10**6, 0), (100, -1), (100, 2**32 - 99)])
def test_counts_and_seeds_that_cannot_be_are_refused(real, count, seed):
    with pytest.raises(SettingsError, match=r"Received: (count|seed)="):
        Evaluator(real, count=count, seed=seed)


def test_too_few_real_images_are_refused(make_prepared, make_images):
    with pytest.raises(DataError, match=r"100 or more real images\. Received: 99 in"):
        Evaluator(make_prepared(make_images(99)), count=100)
