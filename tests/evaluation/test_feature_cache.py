"""Features of real images are computed once, kept whole, and never trusted when damaged."""

import dataclasses

import numpy as np
import pytest

from dcgan_hub.evaluation.feature_cache import evaluation_order, real_features
from dcgan_hub.evaluation.features import FeatureNetwork


class MeanColours:
    """A small network whose features are the mean colours; it counts the batches it was given."""

    def __init__(self):
        self.batches = 0

    def predict_on_batch(self, images):
        self.batches += 1
        return images.mean(axis=(1, 2))


@pytest.fixture
def network():
    return FeatureNetwork(
        name="means", sha256="a" * 64, image_side=20, resize="none", dimensions=3,
        prepare=lambda images: images.astype(np.float32), network=MeanColours(),
    )  # fmt: skip


@pytest.fixture
def prepared(make_prepared, make_images):
    return make_prepared(make_images(200))


def expected(prepared, count):
    return prepared.images[evaluation_order(len(prepared.images))[:count]].astype(np.float32).mean(axis=(1, 2))


def test_they_are_computed_once(prepared, network):
    first = real_features(prepared, network, 100, show_progress=False)
    np.testing.assert_allclose(first, expected(prepared, 100))
    done = network.network.batches
    np.testing.assert_array_equal(real_features(prepared, network, 100, show_progress=False), first)
    np.testing.assert_array_equal(real_features(prepared, network, 60, show_progress=False), first[:60])
    assert network.network.batches == done


def test_a_larger_measure_goes_on_where_a_smaller_one_ended(prepared, network):
    real_features(prepared, network, 128, show_progress=False)
    done = network.network.batches
    np.testing.assert_allclose(real_features(prepared, network, 200, show_progress=False), expected(prepared, 200))
    assert network.network.batches == done + 2  # 72 images, not 200
    assert sorted(path.name for path in prepared.folder.glob("*features*")) == ["features-means.npz"]


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "foreign"])
def test_a_damaged_file_is_not_used(prepared, network, damage):
    real_features(prepared, network, 100, show_progress=False)
    path = prepared.folder / "features-means.npz"
    flipped = bytearray(path.read_bytes())
    flipped[flipped.find(b"NUMPY") + 400] ^= 16
    damaged = {"flipped": bytes(flipped), "cut": flipped[:-300], "empty": b"", "foreign": b"hello" * 99}[damage]
    path.write_bytes(damaged)
    np.testing.assert_allclose(real_features(prepared, network, 100, show_progress=False), expected(prepared, 100))
    assert path.read_bytes() != damaged


def test_other_weights_and_other_images_have_other_features(prepared, network, make_prepared, make_images):
    real_features(prepared, network, 100, show_progress=False)
    done = network.network.batches
    real_features(prepared, dataclasses.replace(network, sha256="b" * 64), 100, show_progress=False)
    assert network.network.batches == 2 * done
    other = make_prepared(make_images(150, seed=1), "other")
    moved = dataclasses.replace(other, folder=prepared.folder)  # as if the folder had been filled anew
    np.testing.assert_allclose(real_features(moved, network, 100, show_progress=False), expected(other, 100))


def test_a_cache_that_cannot_be_written_costs_time_only(prepared, network, tmp_path):
    (tmp_path / "file").write_text("no folder")
    unwritable = dataclasses.replace(prepared, folder=tmp_path / "file" / "set")
    np.testing.assert_allclose(real_features(unwritable, network, 100, show_progress=False), expected(prepared, 100))


def test_the_order_is_mixed_and_always_the_same():
    order = evaluation_order(1000)
    assert sorted(order) == list(range(1000))
    assert order[:4].tolist() == [993, 859, 298, 553]  # also in every later version: cached features rely on it
