"""Losses as pure functions of logits. B images; logits are float32 (B, 1), positive if an image is classified as real.

All return a float32 scalar. `label_smoothing` does not apply to the hinge and the Wasserstein loss.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras import ops


def non_saturating_discriminator_loss(real_logits: Any, generated_logits: Any, label_smoothing: float = 0.0) -> Any:
    """Mean binary cross-entropy of classifying real and generated images (Goodfellow et al. 2014, equation 1).

    -log(sigmoid(real)) - log(1 - sigmoid(generated)), written with softplus so that no logit overflows. With
    smoothing, the target of real images is 1 - `label_smoothing` instead of 1 (Salimans et al. 2016, section 3.4).
    At least 0; 2 log 2 = 1.386 if the discriminator is undecided.
    """
    real = (1.0 - label_smoothing) * ops.softplus(-real_logits) + label_smoothing * ops.softplus(real_logits)
    return ops.mean(real) + ops.mean(ops.softplus(generated_logits))


def non_saturating_generator_loss(generated_logits: Any) -> Any:
    """-log(sigmoid(generated)) (Goodfellow et al. 2014, section 3); log 2 = 0.693 if the discriminator is undecided."""
    return ops.mean(ops.softplus(-generated_logits))


def hinge_discriminator_loss(real_logits: Any, generated_logits: Any, label_smoothing: float = 0.0) -> Any:
    """max(0, 1 - real) + max(0, 1 + generated) (Lim and Ye 2017, section 3; Miyato et al. 2018, equation 16).

    At least 0; 2 if the discriminator is undecided.
    """
    return ops.mean(ops.relu(1.0 - real_logits)) + ops.mean(ops.relu(1.0 + generated_logits))


def critic_generator_loss(generated_logits: Any) -> Any:
    """-generated: the generator's loss for both hinge and Wasserstein."""
    return -ops.mean(generated_logits)


def least_squares_discriminator_loss(real_logits: Any, generated_logits: Any, label_smoothing: float = 0.0) -> Any:
    """Half the squared distance to the targets 1 and -1 (Mao et al. 2017, equation 8), so that 0 is undecided.

    With smoothing, the target of real images is 1 - 2 `label_smoothing`, the same fraction of the way to the other one.
    At least 0; 1 if the discriminator is undecided.
    """
    real = ops.square(real_logits - (1.0 - 2.0 * label_smoothing))
    return 0.5 * ops.mean(real) + 0.5 * ops.mean(ops.square(generated_logits + 1.0))


def least_squares_generator_loss(generated_logits: Any) -> Any:
    """Half the squared distance to the target 0, where the discriminator is undecided (Mao et al. 2017, equation 8)."""
    return 0.5 * ops.mean(ops.square(generated_logits))


def wasserstein_discriminator_loss(real_logits: Any, generated_logits: Any, label_smoothing: float = 0.0) -> Any:
    """Mean generated - mean real, the negative distance estimate (Arjovsky et al. 2017); needs a gradient penalty."""
    return ops.mean(generated_logits) - ops.mean(real_logits)


def non_saturating_slope_ratio(generated_logits: Any) -> Any:
    """-sigmoid(-generated) / sigmoid(generated) = -exp(-generated), see `Loss.slope_ratio`."""
    # Beyond 60 the discriminator's derivative, which it is multiplied by, is 0 in float32.
    return -ops.exp(-ops.clip(generated_logits, -60.0, 60.0))


@dataclass(frozen=True)
class Loss:
    """The losses that the two networks minimize.

    Attributes:
        slope_ratio: maps generated logits (B, 1) to the derivative of the generator's loss divided by that of the
            discriminator's loss, (B, 1). None if the latter can be 0 while the former is not.
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
    "wasserstein": Loss(wasserstein_discriminator_loss, critic_generator_loss, lambda logits: -ops.ones_like(logits)),
}


def r1_penalty(pixel_gradients: Any) -> Any:
    """R1: half the mean squared norm of the input gradients at real images (Mescheder et al. 2018, equation 9).

    `pixel_gradients` (B, H, W, C) is the gradient of the sum of the logits with respect to the real images. The caller
    multiplies the result by gamma.
    """
    squares = ops.square(ops.cast(pixel_gradients, "float32"))
    return 0.5 * ops.mean(ops.sum(squares, axis=[1, 2, 3]))


def gradient_penalty(pixel_gradients: Any) -> Any:
    """WGAN-GP: mean squared difference of the input gradients' norm from 1 (Gulrajani et al. 2017, equation 3).

    `pixel_gradients` (B, H, W, C) is the gradient of the sum of the logits with respect to images interpolated between
    real and generated ones. The caller multiplies the result by lambda.
    """
    squares = ops.sum(ops.square(ops.cast(pixel_gradients, "float32")), axis=[1, 2, 3])
    # The derivative of the square root is infinite at 0, so an input gradient of exactly 0 would give NaN.
    return ops.mean(ops.square(ops.sqrt(squares + 1e-12) - 1.0))
