"""Self-attention that never looks ahead."""

from typing import Any

import keras
import numpy as np

from forecaster.models.layers.dropout import ByteDropout

HIDDEN = -1e9  # score of a later day: its softmax is exactly zero in float32


@keras.saving.register_keras_serializable(package="forecaster")
class CausalSelfAttention(keras.layers.Layer):
    """Multi-head self-attention with a causal mask and dropout on its weights (Vaswani et al. 2017).

    Queries, keys and values come from one product, which a CPU does faster than three; parameters are as many as those
    of `keras.layers.MultiHeadAttention(n_heads, width // n_heads)`.

    Args:
        n_heads: heads; must divide the width of the input.
        dropout: share of attention weights dropped in training.

    Input shape: `(n, lookback, width)`.
    Output shape: the input's.
    """

    def __init__(self, n_heads: int, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n_heads, self.dropout = n_heads, dropout
        self.drop = ByteDropout(dropout, name="drop")

    def build(self, input_shape: Any) -> None:
        """Make the products and the mask."""
        _, lookback, width = input_shape
        if width % self.n_heads:
            raise ValueError(f"Heads must divide the width. Received: n_heads={self.n_heads}, width={width}")
        self.project_in = keras.layers.Dense(3 * width, name="query_key_value")
        self.project_in.build(input_shape)
        self.project_out = keras.layers.Dense(width, name="out")
        self.project_out.build(input_shape)
        self._mask = np.triu(np.full((lookback, lookback), HIDDEN, np.float32), k=1)  # row: query, column: key
        super().build(input_shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Attend."""
        lookback, width = inputs.shape[1:]
        joint = keras.ops.reshape(self.project_in(inputs), (-1, lookback, 3, self.n_heads, width // self.n_heads))
        query, key, value = keras.ops.unstack(keras.ops.transpose(joint, (2, 0, 3, 1, 4)), 3)  # (n, heads, lookback, d)
        scores = keras.ops.matmul(query * (width // self.n_heads) ** -0.5, keras.ops.transpose(key, (0, 1, 3, 2)))
        weights = self.drop(keras.ops.softmax(scores + self._mask), training=training)
        heads = keras.ops.transpose(keras.ops.matmul(weights, value), (0, 2, 1, 3))
        return self.project_out(keras.ops.reshape(heads, (-1, lookback, width)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {**super().get_config(), "n_heads": self.n_heads, "dropout": self.dropout}
