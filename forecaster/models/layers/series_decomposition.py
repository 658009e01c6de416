"""Trend and remainder of a window."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from forecaster.windows import Floats


@keras.saving.register_keras_serializable(package="forecaster")
class SeriesDecomposition(keras.layers.Layer):
    """Splits a window into its moving average and the rest (Zeng et al. 2023).

    The average is `AveragePooling1D(kernel_size, strides=1, padding="same")` - at the ends over the days there are - as
    one product with a banded matrix, which a CPU does in a fraction of the time.

    Args:
        kernel_size: days in the moving average.

    Input shape: `(n, lookback, n_features)`.
    Output shape: two of the input's: trend, seasonal.
    """

    def __init__(self, kernel_size: int, **kwargs: Any) -> None:
        if kernel_size < 1:
            raise ValueError(f"A moving average needs at least one day. Received: kernel_size={kernel_size}")
        super().__init__(**kwargs)
        self.kernel_size = kernel_size

    def build(self, input_shape: Any) -> None:
        """Fix the matrix for this lookback."""
        self._average = moving_average_matrix(input_shape[1], self.kernel_size)
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Split."""
        trend = tf.matmul(tf.constant(self._average, inputs.dtype), inputs)
        return trend, inputs - trend

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Both parts look like the input."""
        return input_shape, input_shape

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {**super().get_config(), "kernel_size": self.kernel_size}


def moving_average_matrix(lookback: int, kernel_size: int) -> Floats:
    """Row `t` averages the days around `t` that lie inside the window: `(lookback, lookback)`."""
    offset = np.arange(lookback)[None, :] - np.arange(lookback)[:, None]
    inside = (offset >= -((kernel_size - 1) // 2)) & (offset <= kernel_size // 2)
    average: Floats = inside / inside.sum(axis=1, keepdims=True)
    return average
