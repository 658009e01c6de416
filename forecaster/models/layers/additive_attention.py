"""Attention over time."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="forecaster")
class TimeAttention(keras.layers.Layer):
    """Weighs all time steps and sums them up (Bahdanau et al. 2015): weights are `softmax(v' tanh(W h_t + b))`.

    Args:
        units: width of the hidden score layer.

    Input shape: `(n, lookback, channels)`.
    Output shape: context `(n, channels)`, weights `(n, lookback)` that sum to one.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.hidden = keras.layers.Dense(units, activation="tanh", name="hidden")
        self.score = keras.layers.Dense(1, use_bias=False, name="score")

    def build(self, input_shape: Any) -> None:
        """Make the weights of both layers."""
        self.hidden.build(input_shape)
        self.score.build((*input_shape[:-1], self.units))
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Weigh and sum."""
        weights = keras.ops.softmax(self.score(self.hidden(inputs)), axis=1)  # (n, lookback, 1)
        return keras.ops.sum(weights * inputs, axis=1), weights[:, :, 0]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Context and weights."""
        return (input_shape[0], input_shape[2]), (input_shape[0], input_shape[1])

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {**super().get_config(), "units": self.units}
