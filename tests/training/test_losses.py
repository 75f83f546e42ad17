"""Losses against the formulas of the papers, written a second time."""

import numpy as np
import pytest
import tensorflow as tf

from dcgan_hub.training.losses import discriminator_loss, generator_loss, gradient_penalty

LOGITS = np.array([[-2.0], [0.0], [3.0]], "float32")
OTHERS = np.array([[1.5], [-4.0], [0.5]], "float32")


def probability(logits):
    return 1.0 / (1.0 + np.exp(-logits.astype("float64")))


def test_discriminator_loss_is_the_cross_entropy_of_both_kinds():
    expected = -np.log(probability(LOGITS)).mean() - np.log(1.0 - probability(OTHERS)).mean()
    assert float(discriminator_loss(LOGITS, OTHERS)) == pytest.approx(expected, rel=1e-6)


def test_generator_loss_is_minus_mean_log_of_the_judged_probability():
    assert float(generator_loss(LOGITS)) == pytest.approx(-np.log(probability(LOGITS)).mean(), rel=1e-6)


def test_losses_stay_finite_for_extreme_logits():
    extreme = np.array([[1e4], [-1e4]], "float32")
    assert np.isfinite(float(discriminator_loss(extreme, extreme)))
    assert np.isfinite(float(generator_loss(extreme)))


def test_gradient_penalty_of_a_linear_judge_is_half_its_squared_weights():
    weights = np.random.RandomState(0).standard_normal((4, 5, 3)).astype("float32")
    images = tf.constant(np.random.RandomState(1).standard_normal((2, 4, 5, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(images * weights)
    penalty = gradient_penalty(tape.gradient(total, images))
    assert float(penalty) == pytest.approx(0.5 * np.square(weights).sum(), rel=1e-5)
