"""Keras' batch normalisation, run by one fused operation in training."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="forecaster")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` of the last of three axes: same weights, same numbers, a third of the time.

    Keras fuses for images only, and passes over anything else a dozen times in training.

    Input shape: `(lookback, n, channels)` or `(n, lookback, channels)`.
    Output shape: the input's.
    """

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        """Normalise by the batch and remember its statistics, or outside training by what is remembered."""
        if not training or not self.trainable:
            return super().call(inputs, training=training, mask=mask)
        scale, offset = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        image, n = tf.expand_dims(inputs, 2), tf.cast(tf.size(inputs) // inputs.shape[-1], inputs.dtype)
        none = tf.zeros([0], inputs.dtype)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=image, scale=scale, offset=offset, mean=none, variance=none, epsilon=self.epsilon, is_training=True
        )
        self._remember(self.moving_mean, mean)
        self._remember(self.moving_variance, variance * (n - 1) / n)  # the operation's is unbiased, Keras' is not
        return tf.reshape(outputs, tf.shape(inputs))

    def _remember(self, moving: Any, seen: Any) -> None:
        moving.assign(moving * self.momentum + seen * (1.0 - self.momentum))
