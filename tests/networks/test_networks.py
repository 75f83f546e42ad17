"""Both networks at the sizes people have: exact shapes, documented layers, the same image alone and in company."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcgan_hub.networks.discriminator import MinibatchStddev, build_discriminator
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.settings import NetworkSettings

SIZES = [(16, 16), (28, 28), (64, 64), (96, 64), (150, 150), (178, 218), (17, 255)]


def small(**values):
    return NetworkSettings(**({"filters": 2, "latent_dim": 3} | values))


def latents_of(settings, count=2):
    return np.random.RandomState(0).standard_normal((count, settings.latent_dim)).astype("float32")


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("upsampling", ["transposed", "resize"])
def test_sizes_come_out_exact(size, upsampling):
    settings = small(image_size=size, upsampling=upsampling)
    images = build_generator(settings)(latents_of(settings))
    assert images.shape == (2, *size, 3)
    assert build_discriminator(settings)(images).shape == (2, 1)


@pytest.mark.parametrize(
    "values",
    [
        {"channels": 1},
        {"channels": 4},
        {"stride": 3, "kernel_size": 5, "image_size": 100},
        {"stride": 4, "kernel_size": 4, "image_size": 64},
        {"depth": 2},
        {"kernel_size": 5, "increment": 3},
        {"kernel_size": 2},
        {"generator_normalization": "none"},
        {"generator_normalization": "modulated"},
        {"discriminator_normalization": "batch"},
        {"discriminator_normalization": "spectral"},
        {"dropout": 0.5},
    ],
    ids=str,
)
def test_every_knob_makes_networks_that_fit_each_other(values):
    settings = small(**({"image_size": 32} | values))
    images = np.asarray(build_generator(settings)(latents_of(settings), training=True))
    assert images.shape == (2, *settings.image_size, settings.channels)
    assert np.abs(images).max() <= 1.0 and images.std() > 0
    logits = np.asarray(build_discriminator(settings)(images, training=True))
    assert logits.shape == (2, 1) and np.isfinite(logits).all()


def test_widths_and_kernels_are_those_of_the_settings():
    settings = NetworkSettings(image_size=64, filters=8, max_filters=32, kernel_size=5, latent_dim=7)
    generator, discriminator = build_generator(settings), build_discriminator(settings)
    assert generator.get_layer("project").kernel.shape == (7, 4 * 4 * 32)
    shapes = [tuple(generator.get_layer(f"stage_{stage}_enlarge").kernel.shape) for stage in (4, 3, 2, 1)]
    assert shapes == [(5, 5, 32, 32), (5, 5, 16, 32), (5, 5, 8, 16), (5, 5, 3, 8)]
    shapes = [tuple(discriminator.get_layer(f"stage_{stage}_shrink").kernel.shape) for stage in (1, 2, 3, 4)]
    assert shapes == [(5, 5, 3, 8), (5, 5, 8, 16), (5, 5, 16, 32), (5, 5, 32, 32)]


@pytest.mark.parametrize("upsampling", ["transposed", "resize"])
def test_latents_scale_and_shift_each_channel_of_each_stage(upsampling):
    settings = small(image_size=32, generator_normalization="modulated", upsampling=upsampling)
    generator, latents = build_generator(settings), np.asarray(latents_of(settings), np.float64)
    for stage in range(2, settings.depth + 1):
        parts = [f"stage_{stage}_{name}" for name in ("normalize", "shifted")]
        between = keras.Model(generator.input, [generator.get_layer(part).output for part in parts])
        normalized, shifted = (np.asarray(part) for part in between(latents_of(settings), training=True))
        np.testing.assert_allclose(normalized.mean((0, 1, 2)), 0, atol=1e-4)  # no offset of its own, and no scale
        np.testing.assert_allclose(normalized.std((0, 1, 2)), 1, atol=0.05)
        scale, shift = (
            np.asarray(layer.bias) + latents @ np.asarray(layer.kernel)
            for layer in (generator.get_layer(f"stage_{stage}_{name}") for name in ("scale", "shift"))
        )
        assert scale.std(0).min() > 0 and shift.std(0).min() > 0
        np.testing.assert_allclose(shifted, normalized * scale[:, None, None] + shift[:, None, None], atol=1e-5)


def test_initial_weights_are_normal_with_deviation_one_fiftieth():
    kernel = build_generator(NetworkSettings(image_size=32)).get_layer("stage_3_enlarge").kernel
    assert np.std(kernel) == pytest.approx(0.02, rel=0.05)
    assert np.mean(kernel) == pytest.approx(0.0, abs=0.001)


def test_leaky_slope_is_two_tenths():
    layer = build_discriminator(small()).get_layer("stage_1_activate")
    assert np.allclose(layer(np.array([[-1.0, 2.0]], "float32")), [[-0.2, 2.0]])


def test_spectral_normalization_bounds_the_largest_singular_value():
    settings = small(image_size=16, discriminator_normalization="spectral", filters=8)
    discriminator = build_discriminator(settings)
    images = np.random.RandomState(1).uniform(-1, 1, (4, 16, 16, 3)).astype("float32")
    for _ in range(60):  # one power iteration a step
        discriminator(images, training=True)
    kernel = np.asarray(discriminator.get_layer("stage_2_shrink_spectral").layer.kernel)
    largest = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]
    assert largest == pytest.approx(1.0, rel=0.02)


def test_only_stock_layers_are_used_so_that_plain_keras_can_open_them():
    for settings in (small(image_size=150), small(discriminator_normalization="spectral", dropout=0.1)):
        for network in (build_generator(settings), build_discriminator(settings)):
            assert {type(layer).__module__.split(".")[0] for layer in network.layers} == {"keras"}
            assert not any(isinstance(layer, keras.layers.Lambda) for layer in network.layers)


@pytest.mark.bfloat16
def test_half_precision_keeps_weights_and_outputs_in_float32():
    settings = small(image_size=32)
    generator = build_generator(settings, "mixed_bfloat16")
    discriminator = build_discriminator(settings, "mixed_bfloat16")
    assert {str(weight.dtype) for weight in (*generator.weights, *discriminator.weights)} == {"float32"}
    assert generator.get_layer("stage_2_enlarge").compute_dtype == "bfloat16"
    images = generator(latents_of(settings))
    assert images.dtype == "float32" and discriminator(images).dtype == "float32"


def test_the_same_seed_builds_the_same_networks():
    keras.utils.set_random_seed(3)
    first = build_generator(small()).get_weights()
    keras.utils.set_random_seed(3)
    second = build_generator(small()).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_minibatch_stddev_adds_the_mean_deviation_of_all_features():
    features = np.random.RandomState(0).standard_normal((6, 3, 4, 5)).astype("float32")
    seen = np.asarray(MinibatchStddev()(features))
    assert seen.shape == (6, 3, 4, 6) and np.array_equal(seen[..., :5], features)
    np.testing.assert_allclose(seen[..., 5], features.astype("float64").std(axis=0).mean(), rtol=1e-5)


def test_minibatch_stddev_has_a_finite_slope_where_all_images_are_alike():
    features = tf.ones((4, 2, 2, 3))
    with tf.GradientTape() as tape:
        tape.watch(features)
        total = tf.reduce_sum(MinibatchStddev()(features))
    assert np.all(np.isfinite(tape.gradient(total, features)))


def test_a_discriminator_with_minibatch_stddev_sees_the_other_images():
    settings = NetworkSettings(image_size=16, filters=4)
    images = np.random.RandomState(1).uniform(-1, 1, (4, 16, 16, 3)).astype("float32")
    for sees, discriminator in (
        (True, build_discriminator(settings, minibatch_stddev=True)),
        (False, build_discriminator(settings)),
    ):
        among, alone = np.asarray(discriminator(images))[:1], np.asarray(discriminator(images[:1]))
        assert np.allclose(among, alone, atol=1e-5) is not sees


@pytest.mark.parametrize(
    "values",
    [
        {"generator_normalization": "modulated"},
        {"upsampling": "resize", "kernel_size": 5, "image_size": (30, 41), "channels": 1},
        {"stride": 3, "kernel_size": 3, "image_size": (40, 28), "channels": 4, "generator_normalization": "none"},
    ],
    ids=str,
)
def test_operations_are_those_of_the_layers(values):
    settings = NetworkSettings(**({"filters": 6, "latent_dim": 5, "image_size": (32, 32)} | values))
    products = 0
    for layer in build_generator(settings).layers:
        kernel = getattr(layer, "kernel", None)
        if kernel is not None:
            spread = isinstance(layer, keras.layers.Conv2DTranspose)
            products += kernel.shape.num_elements() * np.prod((layer.input if spread else layer.output).shape[1:-1])
    assert settings.generator_operations == 2 * products
