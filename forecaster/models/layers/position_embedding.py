"""Where in the window a day stands."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="forecaster")
class PositionEmbedding(keras.layers.Layer):
    """Adds one learnable vector per time step (Gehring et al. 2017).

    Input shape: `(n, lookback, channels)`.
    Output shape: the input's.
    """

    def build(self, input_shape: Any) -> None:
        """One vector per step of the lookback."""
        start = keras.initializers.RandomNormal(stddev=0.02)
        self.position = self.add_weight(shape=input_shape[1:], initializer=start, name="position")
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Add."""
        return inputs + self.position
