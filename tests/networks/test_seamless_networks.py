"""Seamless networks treat an image as a tile: no row or column of it is the first."""

import keras
import numpy as np
import pytest

from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.circular_padding import pad_circularly
from dcgan_hub.networks.discriminator import build_discriminator
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.presets import make_settings
from dcgan_hub.settings import NetworkSettings

# Kernels as small as the stride, odd, and wider than the first map; sides of different length.
KINDS = [
    {},
    {"kernel_size": 2},
    {"kernel_size": 3, "image_size": (32, 16)},
    {"kernel_size": 5, "generator_normalization": "none"},
    {"kernel_size": 11, "depth": 3, "image_size": (16, 32)},
    {"kernel_size": 3, "stride": 3, "image_size": (54, 27)},
    {"kernel_size": 7, "stride": 4, "image_size": (32, 48)},
    {"kernel_size": 10, "stride": 4, "image_size": (64, 32)},
]


def settings_of(kind, **values):
    small = {"image_size": (16, 16), "filters": 3, "latent_dim": 3, "channels": 3}
    return NetworkSettings(**(small | kind | values), seamless=True)


@pytest.mark.parametrize("upsampling", ["transposed", "resize"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_an_image_moves_around_the_tile_as_its_first_map_does(kind, upsampling):
    settings = settings_of(kind, upsampling=upsampling)
    generator, factor = build_generator(settings), settings.stride**settings.depth
    behind = keras.Model(generator.get_layer("first_map").output, generator.output)
    maps = np.random.RandomState(0).normal(0, 3, (2, *settings.sizes[-1], settings.widths[-1])).astype("float32")
    image = np.asarray(behind(maps))
    assert image.shape == (2, *settings.image_size, 3) and image.std() > 1e-4
    for axis in (1, 2):
        moved = np.asarray(behind(np.roll(maps, 1, axis)))
        np.testing.assert_allclose(moved, np.roll(image, factor, axis), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_features_of_the_discriminator_move_with_the_image(kind):
    settings = settings_of(kind)
    network, factor = build_discriminator(settings), settings.stride**settings.depth
    last = network.get_layer(f"stage_{settings.depth}_activate").output
    features = keras.Model(network.input, last)
    images = np.random.RandomState(0).uniform(-1, 1, (2, *settings.image_size, 3)).astype("float32")
    seen = np.asarray(features(images))
    assert seen.shape[1:3] == settings.sizes[-1]
    for axis in (1, 2):
        moved = np.asarray(features(np.roll(images, factor, axis)))
        np.testing.assert_allclose(moved, np.roll(seen, 1, axis), atol=1e-5 * np.abs(seen).max())


@pytest.mark.parametrize("margins", [(0, 0), (1, 1), (0, 2), (3, 2), (4, 9)], ids=str)
def test_padding_continues_a_map_on_its_other_side(margins):
    maps = np.random.RandomState(0).normal(size=(2, 3, 4, 5)).astype("float32")
    inputs = keras.Input(maps.shape[1:])
    padded = keras.Model(inputs, pad_circularly(inputs, margins, "float32", "map"))(maps)
    np.testing.assert_array_equal(padded, np.pad(maps, ((0, 0), margins, margins, (0, 0)), mode="wrap"))


@pytest.mark.parametrize("normalization", ["batch", "modulated", "none"])
def test_weights_are_those_of_networks_that_are_not_seamless(normalization):
    def shapes(network):
        return [(variable.path, variable.shape) for variable in network.variables]

    values = {"image_size": (32, 32), "filters": 4, "generator_normalization": normalization}
    for build in (build_generator, build_discriminator):
        usual, seamless = (build(NetworkSettings(**values, seamless=seamless)) for seamless in (False, True))
        assert shapes(usual) == shapes(seamless)
        assert all(layer.__module__.startswith("keras.") for layer in seamless.layers)


@pytest.mark.parametrize(
    "values, nearest",
    [
        ({"image_size": (100, 64)}, "multiples of 16, by which 4 stages of stride 2 .*=100x64. Nearest .*=96x64"),
        ({"image_size": (28, 28), "depth": 3}, "28x28. Nearest valid: image_size=32x32"),
        ({"image_size": (130, 130), "depth": 7}, "Nearest valid: image_size=256x256"),
        ({"image_size": (250, 250), "stride": 3, "depth": 5}, "250x250. Try fewer stages"),
    ],
    ids=str,
)  # fmt: skip
def test_sizes_that_would_be_cropped_are_refused(values, nearest):
    NetworkSettings(**values)
    with pytest.raises(SettingsError, match=nearest):
        NetworkSettings(**values, seamless=True)


def test_files_name_the_setting_only_where_it_is_used():
    assert "seamless" not in NetworkSettings().to_dict()
    network = NetworkSettings(seamless=True)
    assert network.to_dict()["seamless"] is True and NetworkSettings.from_dict(network.to_dict()) == network
    assert "seamless" not in make_settings("avatars-32", {}).to_toml()
    assert "seamless = true" in make_settings("avatars-32", {"seamless": True}).to_toml()
