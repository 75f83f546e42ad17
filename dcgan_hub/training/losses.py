"""Losses as pure functions of logits. B images; logits are float32 (B, 1), positive where an image is judged real.

All return a float32 scalar. `label_smoothing` has no meaning for the hinge and the Wasserstein loss.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf


def non_saturating_discriminator_loss(real_logits: Any, generated_logits: Any, label_smoothing: float = 0.0) -> Any:
    """Mean cross-entropy of telling real from generated images apart (Goodfellow et al. 2014, equation 1).

    -log(sigmoid(real)) - log(1 - sigmoid(generated)), written with softplus so that no logit overflows. With
    smoothing, the target of real images is 1 - `label_smoothing` instead of 1 (Salimans et al. 2016, section 3.4).
    At least 0; 2 log 2 = 1.386 where the discriminator is undecided.
    """
    real = (1.0 - label_smoothing) * tf.nn.softplus(-real_logits) + label_smoothing * tf.nn.softplus(real_logits)
    return tf.reduce_mean(real) + tf.reduce_mean(tf.nn.softplus(generated_logits))


def non_saturating_generator_loss(generated_logits: Any) -> Any:
    """-log(sigmoid(generated)) (Goodfellow et al. 2014, section 3); log 2 = 0.693 if the discriminator is undecided."""
    return tf.reduce_mean(tf.nn.softplus(-generated_logits))


def hinge_discriminator_loss(real_logits: Any, generated_logits: Any, label_smoothing: float = 0.0) -> Any:
    """max(0, 1 - real) + max(0, 1 + generated) (Lim and Ye 2017, section 3; Miyato et al. 2018, equation 16).

    At least 0; 2 where the discriminator is undecided.
    """
    return tf.reduce_mean(tf.nn.relu(1.0 - real_logits)) + tf.reduce_mean(tf.nn.relu(1.0 + generated_logits))


def critic_generator_loss(generated_logits: Any) -> Any:
    """-generated: the generator's side of the hinge and of the Wasserstein loss."""
    return -tf.reduce_mean(generated_logits)


def least_squares_discriminator_loss(real_logits: Any, generated_logits: Any, label_smoothing: float = 0.0) -> Any:
    """Half the squared distance to the targets 1 and -1 (Mao et al. 2017, equation 8), so that 0 is undecided.

    With smoothing, the target of real images is 1 - 2 `label_smoothing`, as far from the other one in proportion.
    At least 0; 1 where the discriminator is undecided.
    """
    real = tf.square(real_logits - (1.0 - 2.0 * label_smoothing))
    return 0.5 * tf.reduce_mean(real) + 0.5 * tf.reduce_mean(tf.square(generated_logits + 1.0))


def least_squares_generator_loss(generated_logits: Any) -> Any:
    """Half the squared distance to the target 0, where the discriminator is undecided (Mao et al. 2017, equation 8)."""
    return 0.5 * tf.reduce_mean(tf.square(generated_logits))


def wasserstein_discriminator_loss(real_logits: Any, generated_logits: Any, label_smoothing: float = 0.0) -> Any:
    """Mean of generated - real, minus the estimated distance (Arjovsky et al. 2017); needs a gradient penalty."""
    return tf.reduce_mean(generated_logits) - tf.reduce_mean(real_logits)


def non_saturating_slope_ratio(generated_logits: Any) -> Any:
    """-sigmoid(-generated) / sigmoid(generated) = -exp(-generated), see `Loss.slope_ratio`."""
    # Past 60 the discriminator's own slope, which it is multiplied with, has vanished from float32.
    return -tf.exp(-tf.clip_by_value(generated_logits, -60.0, 60.0))


@dataclass(frozen=True)
class Loss:
    """What the two players minimize.

    Attributes:
        slope_ratio: takes generated logits (B, 1); gives the slope of the generator's loss divided by that of the
            discriminator's at each, (B, 1). None where the latter may be 0 while the former is not.
    """

    discriminator: Callable[[Any, Any, float], Any]  # of real logits, generated logits and the label smoothing
    generator: Callable[[Any], Any]  # of generated logits
    slope_ratio: Callable[[Any], Any] | None = None


LOSSES = {
    "non-saturating": Loss(
        non_saturating_discriminator_loss, non_saturating_generator_loss, non_saturating_slope_ratio
    ),
    "hinge": Loss(hinge_discriminator_loss, critic_generator_loss),
    "least-squares": Loss(least_squares_discriminator_loss, least_squares_generator_loss),
    "wasserstein": Loss(wasserstein_discriminator_loss, critic_generator_loss, lambda logits: -tf.ones_like(logits)),
}


def r1_penalty(pixel_gradients: Any) -> Any:
    """R1: half the mean squared length of the logits' gradient at real images (Mescheder et al. 2018, equation 9).

    `pixel_gradients` (B, H, W, C) is the gradient of the sum of the logits with respect to the real images; the result
    is to be multiplied by gamma.
    """
    squares = tf.square(tf.cast(pixel_gradients, tf.float32))
    return 0.5 * tf.reduce_mean(tf.reduce_sum(squares, axis=[1, 2, 3]))


def gradient_penalty(pixel_gradients: Any) -> Any:
    """WGAN-GP: mean squared distance of the gradient's norm from 1 (Gulrajani et al. 2017, equation 3).

    `pixel_gradients` (B, H, W, C) is the gradient of the sum of the logits with respect to images on the straight lines
    between real and generated ones; the result is to be multiplied by lambda.
    """
    squares = tf.reduce_sum(tf.square(tf.cast(pixel_gradients, tf.float32)), axis=[1, 2, 3])
    # The root's slope is infinite at 0, where a gradient of exactly 0 would become NaN.
    return tf.reduce_mean(tf.square(tf.sqrt(squares + 1e-12) - 1.0))
