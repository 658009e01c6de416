"""Keras' causal convolution over windows whose first axis is time."""

from typing import Any

import keras
import tensorflow as tf

from forecaster.models.layers.shifted_products import convolve


@keras.saving.register_keras_serializable(package="forecaster")
class CausalConv1D(keras.layers.Conv1D):
    """`keras.layers.Conv1D(padding="causal")` with the same weights and the same numbers, for inputs with time first.

    Args:
        filters: output channels.
        kernel_size: days that one output sees.
        dilation_rate: days between two of them.

    Input shape: `(lookback, n, channels)`, see `TimeFirst`.
    Output shape: `(lookback, n, filters)`.
    """

    def __init__(self, filters: int, kernel_size: int, dilation_rate: int = 1, **kwargs: Any) -> None:
        super().__init__(filters, kernel_size, dilation_rate=dilation_rate, **{**kwargs, "padding": "causal"})

    def call(self, inputs: Any) -> Any:
        """Convolve."""
        kernel, bias = tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias)
        return convolve(inputs, kernel, bias, dilation=self.dilation_rate[0])

    def compute_output_shape(self, input_shape: Any) -> Any:
        """As many days as came in."""
        return (*input_shape[:-1], self.filters)
