"""Batch normalization for training with TensorFlow's fused operation."""

from typing import Any

import keras
import tensorflow as tf


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer with the same weights and, up to rounding, the same results in less time.

    Keras computes mean, variance and output with some ten operations, each of which reads the whole map; here it is one
    operation, and one for the gradients. Inputs that are not 4-dimensional, and statistics over several replicas, are
    left to Keras. Only for training; published networks use Keras' own layer, which loads without this code.

    Args:
        **options: of `keras.layers.BatchNormalization`; must be channels-last.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalizes maps (B, H, W, C) in the layer's dtype, with statistics in float32."""
        is_plain = self.synchronized or self.renorm or mask is not None or len(inputs.shape) != 4
        if is_plain or not (training and self.trainable):
            return super().call(inputs, training=training, mask=mask)
        channels = inputs.shape[-1]
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.cast(self.gamma, tf.float32) if self.scale else tf.ones(channels),
            offset=tf.cast(self.beta, tf.float32) if self.center else tf.zeros(channels),
            mean=tf.zeros(0),  # not needed: the moving averages are updated below
            variance=tf.zeros(0),
            epsilon=self.epsilon,
            is_training=True,
        )
        count = tf.cast(tf.size(inputs) // channels, tf.float32)
        # The operation returns the unbiased variance; Keras uses the biased variance of the batch.
        self._follow(self.moving_mean, mean)
        self._follow(self.moving_variance, variance * (count - 1.0) / count)
        return outputs

    def _follow(self, average: Any, value: Any) -> None:
        average.assign(tf.cast(average, tf.float32) * self.momentum + value * (1.0 - self.momentum))
