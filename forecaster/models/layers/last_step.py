"""The last day of a window."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="forecaster")
class LastStep(keras.layers.Layer):
    """Keeps the last time step: `(n, lookback, channels)` to `(n, channels)`.

    Args:
        time_axis: 1, or 0 where time comes first.
    """

    def __init__(self, time_axis: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.time_axis = time_axis

    def call(self, inputs: Any) -> Any:
        """Slice; the gradient of `inputs[-1]` is ten times as slow."""
        begin, size = [0, 0, 0], [-1, -1, -1]
        begin[self.time_axis], size[self.time_axis] = inputs.shape[self.time_axis] - 1, 1
        return tf.squeeze(tf.slice(inputs, begin, size), self.time_axis)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Without the time axis."""
        return (*input_shape[: self.time_axis], *input_shape[self.time_axis + 1 :])

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {**super().get_config(), "time_axis": self.time_axis}
