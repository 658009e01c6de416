"""Layer normalisation and an LSTM in both directions, as one layer."""

from typing import Any

import keras
import tensorflow as tf

from forecaster.models.layers.block_lstm import BlockLSTM


@keras.saving.register_keras_serializable(package="forecaster")
class NormalizedBidirectional(keras.layers.Bidirectional):
    """`LayerNormalization` (Ba et al. 2016), then `Bidirectional` (Schuster & Paliwal 1997), with the same numbers.

    For the first layers of a network. On a CPU scale and shift of the normalisation go into the kernels of the LSTM:
    what is left needs no gradient, as the network's input needs none, and that is a fifth of the layer's products.

    Args:
        layer: a `BlockLSTM` that returns sequences; any other takes Keras' way.

    Input shape: `(n, lookback, n_features)`.
    Output shape: `(n, lookback, 2 * units)`.
    """

    def __init__(self, layer: keras.layers.Layer, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.norm = keras.layers.LayerNormalization(center=False, scale=False, name="norm")

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Make the weights of normalisation and LSTMs."""
        self.norm.build(sequences_shape)
        self.gamma = self.add_weight(shape=sequences_shape[-1:], initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=sequences_shape[-1:], initializer="zeros", name="beta")
        super().build(sequences_shape, initial_state_shape)

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        """Normalise, and run both ways."""
        normal = self.norm(sequences)
        if not self._is_fusible(normal, initial_state, mask):
            return super().call(normal * self.gamma + self.beta, initial_state, mask, training)
        steps = tf.transpose(normal, [1, 0, 2])  # (lookback, n, n_features)
        forward, backward = (self._run(layer, steps) for layer in (self.forward_layer, self.backward_layer))
        return tf.transpose(tf.concat([forward, tf.reverse(backward, [0])], axis=-1), [1, 0, 2])

    def _is_fusible(self, sequences: Any, initial_state: Any, mask: Any) -> bool:
        is_plain = initial_state is None and self.merge_mode == "concat"
        gives_sequences = self.return_sequences and not self.return_state
        layers = (self.forward_layer, self.backward_layer)
        return is_plain and gives_sequences and all(_is_fusible(each, sequences, mask) for each in layers)

    def _run(self, layer: Any, steps: Any) -> Any:
        zeros = tf.zeros([tf.shape(steps)[1], layer.units], steps.dtype)
        gamma, beta = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        return layer.run(steps, (zeros, zeros), gamma, beta)[0]  # (lookback, n, units)


def _is_fusible(layer: Any, sequences: Any, mask: Any) -> bool:
    return isinstance(layer, BlockLSTM) and layer.is_fusible(sequences, mask)
