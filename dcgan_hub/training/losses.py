"""Losses as pure functions of logits. B images; logits are float32 (B, 1), positive where an image is judged real."""

from typing import Any

import tensorflow as tf


def discriminator_loss(real_logits: Any, generated_logits: Any) -> Any:
    """Mean cross-entropy of telling real from generated images apart (Goodfellow et al. 2014, equation 1).

    -log(sigmoid(real)) - log(1 - sigmoid(generated)), written with softplus so that no logit overflows.

    Returns:
        float32 scalar, at least 0; 2 log 2 = 1.386 where the discriminator is undecided.
    """
    return tf.reduce_mean(tf.nn.softplus(-real_logits)) + tf.reduce_mean(tf.nn.softplus(generated_logits))


def generator_loss(generated_logits: Any) -> Any:
    """Non-saturating loss -log(sigmoid(generated)) (Goodfellow et al. 2014, section 3).

    Returns:
        float32 scalar, at least 0; log 2 = 0.693 where the discriminator is undecided.
    """
    return tf.reduce_mean(tf.nn.softplus(-generated_logits))


def gradient_penalty(pixel_gradients: Any) -> Any:
    """R1: half the mean squared length of the logits' gradient at real images (Mescheder et al. 2018, equation 9).

    Args:
        pixel_gradients: (B, H, W, C), gradient of the sum of the logits with respect to the real images.

    Returns:
        float32 scalar, at least 0, to be multiplied by gamma.
    """
    squares = tf.square(tf.cast(pixel_gradients, tf.float32))
    return 0.5 * tf.reduce_mean(tf.reduce_sum(squares, axis=[1, 2, 3]))
