"""Convolutions for training compute what Keras' own do, gradients of gradients included."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcgan_hub.presets import make_settings
from dcgan_hub.training.layers.convolution import Convolution, TransposedConvolution
from dcgan_hub.training.model import build_gan

# Height, width, channels, filters, window, stride: windows that fit, that do not, images that are no multiple.
PLACES = [
    (8, 8, 3, 5, 4, 2),
    (7, 10, 1, 6, 4, 2),
    (9, 6, 6, 4, 5, 2),
    (11, 13, 4, 8, 3, 2),
    (10, 7, 3, 4, 7, 3),
    (6, 5, 3, 2, 4, 1),
    (5, 5, 7, 3, 3, 3),
    (9, 9, 6, 4, 2, 2),
    (32, 32, 6, 4, 4, 2),
]


def results_of(make, maps, dtype="float32"):
    """Outputs, gradients at inputs and weights, and the gradients at both of the norm of the first of them."""
    layer = make(dtype=dtype)
    layer.build(maps.shape)
    random = np.random.RandomState(1)
    for weight in layer.trainable_variables:
        weight.assign(random.normal(0.0, 0.5, weight.shape))
    inputs = tf.constant(maps)
    with tf.GradientTape() as outer:
        outer.watch(inputs)
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            outputs = layer(inputs)
            total = tf.reduce_sum(tf.sin(tf.cast(outputs, tf.float32)))
        weights = [weight.value for weight in layer.trainable_variables]
        gradients = inner.gradient(total, [inputs, *weights])
        norm = tf.add_n([tf.reduce_sum(tf.square(gradient)) for gradient in gradients])
    assert outputs.dtype == layer.compute_dtype
    values = (outputs, *gradients, *outer.gradient(norm, [inputs, *weights]))
    return [np.asarray(tf.cast(value, tf.float32)) for value in values]


def layers_of(place):
    """Ours beside Keras', and the maps that each takes."""
    height, width, channels, filters, window, stride = place
    random = np.random.RandomState(0)
    large = random.normal(0.0, 1.0, (3, height, width, channels)).astype("float32")
    small = random.normal(0.0, 1.0, (3, -(-height // stride), -(-width // stride), filters)).astype("float32")
    options = {"strides": stride, "data_format": "channels_last"}

    def made(kind, count, padding="same"):
        return lambda dtype: kind(count, window, padding=padding, **options, dtype=dtype)

    yield made(Convolution, filters), made(keras.layers.Conv2D, filters), large
    whole = random.normal(0.0, 1.0, (3, *((side - 1) * stride + window for side in small.shape[1:3]), channels))
    yield made(Convolution, filters, "valid"), made(keras.layers.Conv2D, filters, "valid"), whole.astype("float32")
    yield made(TransposedConvolution, channels), made(keras.layers.Conv2DTranspose, channels), small


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_they_compute_what_keras_computes(place):
    for ours, keras_layer, maps in layers_of(place):
        for found, expected in zip(results_of(ours, maps), results_of(keras_layer, maps), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-5 * np.abs(expected).max())


@pytest.mark.bfloat16
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_in_half_precision_they_are_as_near_to_the_exact_result(place):
    for ours, keras_layer, maps in layers_of(place):
        exact = results_of(keras_layer, maps)
        found, expected = (results_of(layer, maps, "mixed_bfloat16") for layer in (ours, keras_layer))
        for value, usual, right in zip(found, expected, exact, strict=True):
            size = np.sqrt(np.mean(right**2))
            error, usual_error = (np.sqrt(np.mean((given - right) ** 2)) / size for given in (value, usual))
            assert error <= max(1.5 * usual_error, 0.03)  # of a bias of three values, chance decides


@pytest.mark.parametrize("dtype", ("float32", pytest.param("mixed_bfloat16", marks=pytest.mark.bfloat16)))
@pytest.mark.parametrize("kind", (Convolution, TransposedConvolution))
def test_the_gradient_of_a_bias_counts_all_places_of_many_large_maps(kind, dtype):
    layer = kind(3, 4, strides=1, padding="same", data_format="channels_last", dtype=dtype)
    layer.build((32, 64, 64, 2))
    upstream = np.random.RandomState(0).normal(0.02, 1.0, (32, 64, 64, 3)).astype("float32")
    with tf.GradientTape() as tape:
        outputs = layer(tf.zeros((32, 64, 64, 2)))
    found = tape.gradient(outputs, layer.bias.value, output_gradients=tf.cast(upstream, outputs.dtype))
    exact = upstream.sum(axis=(0, 1, 2), dtype="float64")
    np.testing.assert_allclose(np.asarray(found), exact, atol=0.01 * np.abs(exact).max())


def test_networks_in_training_have_them_and_published_ones_do_not():
    gan = build_gan(make_settings("avatars-32", {"data": "avatars", "filters": 4, "precision": "float32"}))
    assert any(isinstance(layer, TransposedConvolution) for layer in gan.generator.layers)
    assert any(isinstance(layer, Convolution) for layer in gan.discriminator.layers)
    for kind in (Convolution, TransposedConvolution):
        assert not any(isinstance(layer, kind) for layer in gan.ema_generator.layers)
