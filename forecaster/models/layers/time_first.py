"""Windows turned so that time comes first."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="forecaster")
class TimeFirst(keras.layers.Layer):
    """Swaps the first two axes: one day of all windows lies together, and some days are a slice.

    Input shape: `(n, lookback, channels)`.
    Output shape: `(lookback, n, channels)`.
    """

    def call(self, inputs: Any) -> Any:
        """Transpose."""
        return tf.transpose(inputs, [1, 0, 2])

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Both axes swapped."""
        n, lookback, channels = input_shape
        return lookback, n, channels
