"""The feature networks: the one in the package against another implementation, the other up to its download."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_hub.commands import evaluate
from dcgan_hub.errors import BundleError, SettingsError
from dcgan_hub.evaluation import efficientnet_lite0
from dcgan_hub.evaluation.features import FEATURES, open_features, resize_bicubic, to_color
from dcgan_hub.evaluation.inception import inception_input

GOLDEN = Path(__file__).parent.parent / "golden" / "efficientnet-lite0.npz"


@pytest.fixture(scope="module")
def network():
    return open_features()


@pytest.fixture(scope="module")
def golden():
    """Six images 64 x 64, and the features that onnxruntime computes of them with the weights in float32."""
    with np.load(GOLDEN) as content:
        return content["images"], content["features"]


def test_features_are_those_of_another_implementation(network, golden):
    """Rounding the weights to half precision changes features by 0.2 to 0.4 %; a wrong layer, by 100 %."""
    images, expected = golden
    found = network.extract(images)
    assert found.shape == (6, 1280) and found.dtype == np.float32
    for one, other in zip(found, expected, strict=True):
        assert np.linalg.norm(one - other) < 0.01 * np.linalg.norm(other)


def test_features_do_not_depend_on_the_batch(network, golden):
    images, _ = golden
    together = network.extract(np.concatenate([images] * 12))  # 72: more than a batch
    alone = np.concatenate([network.extract(image[None]) for image in images])
    np.testing.assert_array_equal(together[:6], alone)
    np.testing.assert_array_equal(together[66:], alone)
    assert network.extract(images[:0]).shape == (0, 1280)


def test_damaged_weights_are_refused(tmp_path, monkeypatch):
    content = bytearray(efficientnet_lite0.WEIGHTS_FILE.read_bytes())
    content[-1] ^= 1
    damaged = tmp_path / "efficientnet-lite0.safetensors"
    monkeypatch.setattr(efficientnet_lite0, "WEIGHTS_FILE", damaged)
    with pytest.raises(BundleError, match="Install dcgan-hub again"):
        open_features()
    damaged.write_bytes(content)
    with pytest.raises(BundleError, match="SHA-256"):
        open_features()


def test_another_name_is_refused():
    with pytest.raises(SettingsError, match="efficientnet-lite0, inception"):
        open_features("vgg")
    assert evaluate.FEATURES == FEATURES


def test_grey_is_repeated_and_transparency_seen_on_white():
    grey = np.array([[[[7]]]], np.uint8)
    assert to_color(grey).tolist() == [[[[7, 7, 7]]]]
    colour = np.array([[[[1, 2, 3]]]], np.uint8)
    assert to_color(colour).tolist() == colour.tolist()
    transparent = np.array([[[[9, 9, 9, 0], [0, 100, 200, 255], [0, 100, 255, 51]]]], np.uint8)
    assert to_color(transparent).tolist() == [[[[255, 255, 255], [0, 100, 200], [204, 224, 255]]]]


def test_images_are_resized_one_by_one_as_pillow_does():
    images = np.random.RandomState(0).randint(0, 256, (3, 40, 30, 3), dtype=np.uint8)
    found = resize_bicubic(images, 96)
    assert found.dtype == np.float32
    expected = Image.fromarray(images[1]).resize((96, 96), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(found[1], np.asarray(expected))


def test_inception_takes_images_as_in_the_examples_of_keras():
    images = np.random.RandomState(0).uniform(0, 255, (1, 30, 30, 3)).astype(np.float32)
    found = np.asarray(inception_input(images))
    position = (np.arange(75) + 0.5) * 30 / 75 - 0.5  # centres of pixels, bilinear, edges repeated
    low, share = np.floor(position).astype(int), (position - np.floor(position))[:, None]
    before, after = np.clip(low, 0, 29), np.clip(low + 1, 0, 29)
    rows = images[0, before] * (1 - share[..., None]) + images[0, after] * share[..., None]
    both = rows[:, before] * (1 - share) + rows[:, after] * share
    np.testing.assert_allclose(found[0], both / 127.5 - 1, atol=1e-4)
