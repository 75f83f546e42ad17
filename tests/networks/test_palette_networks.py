"""Generators with a palette mix each pixel from a few colors of their image."""

import keras
import numpy as np
import pytest
from varied_networks import lively_generator

from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.presets import make_settings
from dcgan_hub.settings import NetworkSettings

SIZE = {"image_size": (20, 28), "filters": 4, "latent_dim": 6}


def parts_of(network, latents):
    """Logits of the masks (B, H, W, P) and what the palette's layer computes (B, P C)."""
    logits = network.get_layer("masks").input
    return keras.Model(network.input, [logits, network.get_layer("palette").output])(latents)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("upsampling", ["transposed", "resize"])
def test_a_pixel_is_the_mean_of_the_colors_weighted_by_the_softmax_of_its_logits(channels, upsampling):
    settings = {"palette_size": 5, "channels": channels, "upsampling": upsampling}
    network = lively_generator(**SIZE, **settings)._network
    latents = np.random.RandomState(0).standard_normal((2, 6)).astype("float32")
    logits, palette = (np.asarray(part, np.float64) for part in parts_of(network, latents))
    colors = np.tanh(palette).reshape(2, 5, channels)
    shares = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    wanted = np.stack([np.einsum("hwp,pc->hwc", *each) for each in zip(shares, colors, strict=True)])
    np.testing.assert_allclose(np.asarray(network(latents)), wanted, atol=1e-5)


def test_an_area_where_one_color_prevails_has_exactly_that_color():
    network = build_generator(NetworkSettings(**SIZE, palette_size=4))
    head = keras.Model([network.get_layer("masks").input, network.get_layer("palette").output], network.output)
    logits = np.random.RandomState(0).uniform(-1, 1, (1, 20, 28, 4)).astype("float32")
    logits[0, :, :14, 2] += 200
    palette = np.random.RandomState(1).standard_normal((1, 12)).astype("float32")
    image = np.asarray(head([logits, palette]))[0]
    assert (image[:, :14] == image[0, 0]).all() and len(np.unique(image[:, 14:], axis=0)) > 1
    np.testing.assert_allclose(image[0, 0], np.tanh(palette[0, 6:9]), rtol=1e-6)


def test_the_size_and_the_work_are_computed_without_building():
    for channels, classes in ((3, 0), (4, 3)):
        plain = NetworkSettings(**SIZE, channels=channels, classes=classes, generator_normalization="modulated")
        settings = NetworkSettings(**(plain.values() | {"palette_size": 9}))
        assert settings.generator_parameters == sum(np.prod(v.shape) for v in build_generator(settings).variables)
        assert settings.generator_operations > plain.generator_operations
    assert NetworkSettings(**SIZE, palette_size=64).largest_feature_map == 20 * 28 * 64


def test_all_layers_are_kerass_own():
    network = build_generator(NetworkSettings(**SIZE, palette_size=4))
    assert all(layer.__module__.startswith("keras.") for layer in network.layers)


@pytest.mark.parametrize(
    "size, reason", [(1, "must be 0, or 2 to 64. Received: palette_size=1"), (65, "64"), (-1, "0")]
)
def test_sizes_that_are_no_palette_are_refused(size, reason):
    with pytest.raises(SettingsError, match=reason):
        NetworkSettings(palette_size=size)


def test_files_name_the_palette_only_where_there_is_one():
    assert "palette_size" not in NetworkSettings().to_dict()
    network = NetworkSettings(palette_size=8)
    assert network.to_dict()["palette_size"] == 8 and NetworkSettings.from_dict(network.to_dict()) == network
    assert "palette_size" not in make_settings("avatars-32", {}).to_toml()
    assert "palette_size = 8" in make_settings("avatars-32", {"palette_size": 8}).to_toml()
