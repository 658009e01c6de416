"""The last day of a window."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="forecaster")
class LastStep(keras.layers.Layer):
    """Keeps the last time step: `(n, lookback, channels)` to `(n, channels)`."""

    def call(self, inputs: Any) -> Any:
        """Slice."""
        return inputs[:, -1, :]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Without the time axis."""
        return (input_shape[0], input_shape[2])
