"""Losses against the formulas of the papers, written a second time."""

import numpy as np
import pytest
import tensorflow as tf

from dcgan_hub.settings import LOSS_NAMES
from dcgan_hub.training.losses import LOSSES, gradient_penalty, r1_penalty

REAL = np.array([[-2.0], [0.0], [3.0]], "float32")
GENERATED = np.array([[1.5], [-4.0], [0.5]], "float32")


def probability(logits):
    return 1.0 / (1.0 + np.exp(-logits.astype("float64")))


def cross_entropy(logits, target):
    judged = probability(logits)
    return -(target * np.log(judged) + (1.0 - target) * np.log(1.0 - judged)).mean()


def both_by_hand(real, generated):
    """Discriminator's and generator's loss of every kind."""
    return {
        "non-saturating": (cross_entropy(real, 1.0) + cross_entropy(generated, 0.0), cross_entropy(generated, 1.0)),
        "hinge": (
            np.mean([max(0.0, 1.0 - x) for x in real[:, 0]]) + np.mean([max(0.0, 1.0 + x) for x in generated[:, 0]]),
            -generated.mean(),
        ),
        "least-squares": (((real - 1) ** 2).mean() / 2 + ((generated + 1) ** 2).mean() / 2, (generated**2).mean() / 2),
        "wasserstein": (-(real.mean() - generated.mean()), -generated.mean()),
    }


def test_settings_and_losses_have_the_same_names():
    assert set(LOSSES) == set(LOSS_NAMES)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_loss_equals_the_formula(name):
    for_discriminator, for_generator = both_by_hand(REAL, GENERATED)[name]
    assert float(LOSSES[name].discriminator(REAL, GENERATED, 0.0)) == pytest.approx(for_discriminator, rel=1e-6)
    assert float(LOSSES[name].generator(GENERATED)) == pytest.approx(for_generator, rel=1e-6)


def test_label_smoothing_moves_the_target_of_real_images_only():
    smoothed = float(LOSSES["non-saturating"].discriminator(REAL, GENERATED, 0.1))
    assert smoothed == pytest.approx(cross_entropy(REAL, 0.9) + cross_entropy(GENERATED, 0.0), rel=1e-6)
    squares = float(LOSSES["least-squares"].discriminator(REAL, GENERATED, 0.1))
    assert squares == pytest.approx(((REAL - 0.8) ** 2).mean() / 2 + ((GENERATED + 1) ** 2).mean() / 2, rel=1e-6)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_losses_stay_finite_for_extreme_logits(name):
    extreme = np.array([[1e4], [-1e4]], "float32")
    assert np.isfinite(float(LOSSES[name].discriminator(extreme, extreme, 0.1)))
    assert np.isfinite(float(LOSSES[name].generator(extreme)))


def gradients_of_linear_discriminator(weights):
    images = tf.constant(np.random.RandomState(1).standard_normal((2, *weights.shape)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(images * weights)
    return tape.gradient(total, images)


def test_penalties_of_a_linear_judge_follow_from_the_length_of_its_weights():
    weights = np.random.RandomState(0).standard_normal((4, 5, 3)).astype("float32")
    length = np.sqrt(np.square(weights.astype("float64")).sum())
    pixel_gradients = gradients_of_linear_discriminator(weights)
    assert float(r1_penalty(pixel_gradients)) == pytest.approx(0.5 * length**2, rel=1e-5)
    assert float(gradient_penalty(pixel_gradients)) == pytest.approx((length - 1.0) ** 2, rel=1e-5)


def test_gradient_penalty_has_a_finite_gradient_where_the_discriminator_is_flat():
    pixel_gradients = tf.zeros((2, 4, 5, 3))
    with tf.GradientTape() as tape:
        tape.watch(pixel_gradients)
        penalty = gradient_penalty(pixel_gradients)
    assert float(penalty) == pytest.approx(1.0, abs=1e-4)
    assert np.all(np.isfinite(tape.gradient(penalty, pixel_gradients)))
