"""The fused layer does what Keras' own does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcgan_hub.presets import make_settings
from dcgan_hub.training.layers.normalization import FusedBatchNormalization
from dcgan_hub.training.model import build_gan


def results_of(kind, maps, dtype="float32", **options):
    """Outputs, gradients at inputs and weights, and moving statistics after one step of training."""
    layer = kind(momentum=0.9, epsilon=1e-5, dtype=dtype, **options)
    layer.build(maps.shape)
    for number, weight in enumerate(layer.trainable_variables):
        weight.assign(np.linspace(-1.0, 2.0 + number, maps.shape[-1]))
    inputs = tf.constant(maps)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs, training=True)
        total = tf.reduce_sum(tf.sin(3.0 * tf.cast(outputs, tf.float32)))
    gradients = tape.gradient(total, [inputs, *[weight.value for weight in layer.trainable_variables]])
    assert outputs.dtype == layer.compute_dtype
    return [np.asarray(tf.cast(value, tf.float32)) for value in (outputs, *gradients, *layer.non_trainable_variables)]


@pytest.mark.parametrize("shape", [(4, 5, 3, 7), (32, 16, 16, 16), (2, 1, 1, 3), (1, 2, 2, 1)])
@pytest.mark.parametrize("options", [{}, {"center": False, "scale": False}], ids=["own", "modulated"])
def test_it_computes_what_keras_computes(shape, options):
    maps = np.random.RandomState(0).normal(3.0, 2.0, shape).astype("float32")
    fused = results_of(FusedBatchNormalization, maps, **options)
    for found, expected in zip(fused, results_of(keras.layers.BatchNormalization, maps, **options), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-5 + 1e-4 * np.abs(expected).max())


@pytest.mark.bfloat16
def test_in_half_precision_statistics_are_those_of_full_precision():
    maps = np.random.RandomState(0).normal(0.5, 1.0, (16, 8, 8, 4)).astype("float32")
    *results, mean, variance = results_of(FusedBatchNormalization, maps, dtype="mixed_bfloat16")
    rounded = maps.astype(tf.bfloat16.as_numpy_dtype).astype("float64")
    np.testing.assert_allclose(mean, 0.1 * rounded.mean((0, 1, 2)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * rounded.var((0, 1, 2)), rtol=1e-4)
    expected = results_of(keras.layers.BatchNormalization, maps)
    np.testing.assert_allclose(results[0], expected[0], rtol=0.01, atol=0.02)


def test_features_are_left_to_keras():
    features = np.random.RandomState(0).normal(2.0, 1.0, (64, 3)).astype("float32")
    outputs = FusedBatchNormalization()(features, training=True)
    np.testing.assert_allclose(np.mean(outputs, 0), 0.0, atol=1e-5)


def test_outside_of_training_the_moving_statistics_count():
    layer = FusedBatchNormalization()
    maps = np.random.RandomState(0).normal(2.0, 1.0, (4, 4, 4, 3)).astype("float32")
    layer(maps, training=True)
    moved = (maps - layer.moving_mean.numpy()) / np.sqrt(layer.moving_variance.numpy() + layer.epsilon)
    np.testing.assert_allclose(layer(maps, training=False), moved, rtol=1e-4, atol=1e-5)


def test_networks_in_training_have_it_and_published_ones_do_not():
    gan = build_gan(make_settings("avatars-32", {"data": "avatars", "filters": 4, "precision": "float32"}))
    assert any(isinstance(layer, FusedBatchNormalization) for layer in gan.generator.layers)
    assert not any(isinstance(layer, FusedBatchNormalization) for layer in gan.ema_generator.layers)
