"""Keras' LSTM, its time loop run by one fused operation where there is one."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="forecaster")
class BlockLSTM(keras.layers.LSTM):
    """`keras.layers.LSTM` with the same weights and the same numbers, twice as fast on a CPU.

    TensorFlow's `BlockLSTM` serves: the registered gradient of its second version takes the gates in another order than
    the kernel. Where TensorFlow has a GPU, Keras' own layer is the fast one (cuDNN), and either loads what the other
    saved. Masks, dropout, state across batches and activations other than the standard ones take Keras' way, too.
    """

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Run over time: last output, all outputs in the order of processing, final states."""
        if not self._is_fusible(mask) or tf.config.list_logical_devices("GPU"):
            return super().inner_loop(sequences, initial_state, mask, training)
        steps = tf.transpose(sequences, [1, 0, 2])  # (lookback, n, n_features)
        if self.go_backwards:
            steps = tf.reverse(steps, [0])
        cell, hidden = self._run_block(steps, initial_state)  # (lookback, n, units)
        outputs = tf.transpose(hidden, [1, 0, 2]) if self.return_sequences else hidden[-1][:, None]
        return hidden[-1], outputs, [hidden[-1], cell[-1]]

    def _is_fusible(self, mask: Any) -> bool:
        plain = self.activation is keras.activations.tanh and self.recurrent_activation is keras.activations.sigmoid
        has_extras = self.dropout or self.recurrent_dropout or self.stateful or not self.use_bias
        return plain and mask is None and not has_extras

    def _run_block(self, steps: Any, initial_state: Any) -> tuple[Any, Any]:
        weights = _reorder(tf.concat([self.cell.kernel, self.cell.recurrent_kernel], axis=0))
        no_peephole = tf.zeros([self.units], steps.dtype)
        block = tf.raw_ops.BlockLSTM(
            seq_len_max=tf.shape(steps, out_type=tf.int64)[0],
            x=steps,
            h_prev=initial_state[0],
            cs_prev=initial_state[1],
            w=weights,
            wci=no_peephole,
            wcf=no_peephole,
            wco=no_peephole,
            b=_reorder(tf.convert_to_tensor(self.cell.bias)),
            use_peephole=False,
            forget_bias=0.0,  # the bias has it already
            cell_clip=-1.0,  # no clipping
        )
        return block.cs, block.h


def _reorder(gates: Any) -> Any:
    """Keras keeps input, forget, candidate, output side by side; the operation wants the candidate second."""
    i, f, c, o = tf.split(gates, 4, axis=-1)
    return tf.concat([i, c, f, o], axis=-1)
