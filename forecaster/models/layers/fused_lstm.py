"""All steps of an LSTM as one operation, and their gradient as few large products."""

from typing import Any

import tensorflow as tf


@tf.custom_gradient
def run_lstm(steps: Any, hidden: Any, cell: Any, kernel: Any, recurrent_kernel: Any, bias: Any) -> Any:
    """Run an LSTM (Hochreiter & Schmidhuber 1997) on a CPU: every hidden state `(lookback, n, units)`, last cell state.

    TensorFlow's `BlockLSTM` runs forward; the gates of its second version and of that one's gradient differ in order.
    `BlockLSTMGrad` would form the weights' gradient step by step. Here a step backward gives the gates' gradient only,
    by the operation that TensorFlow has for a single cell, and all steps' together give that of inputs and weights.

    Args:
        steps: inputs, time first: `(lookback, n, n_features)`, the lookback known when the graph is made.
        hidden: state before the first step: `(n, units)`.
        cell: cell state before the first step: `(n, units)`.
        kernel: `(n_features, 4 * units)`: gates as Keras has them (input, forget, candidate, output).
        recurrent_kernel: `(units, 4 * units)`.
        bias: `(4 * units,)`.
    """
    kernel, recurrent_kernel, bias = (swap_forget_and_candidate(w) for w in (kernel, recurrent_kernel, bias))
    weights = {"w": tf.concat([kernel, recurrent_kernel], axis=0), "b": bias, **_no_peephole(hidden)}
    lookback = tf.constant(steps.shape[0], tf.int64)
    block = tf.raw_ops.BlockLSTM(
        seq_len_max=lookback, x=steps, h_prev=hidden, cs_prev=cell, **weights, forget_bias=0.0, cell_clip=-1.0
    )  # the bias has the forget gate's already; no clipping

    def gradient(d_outputs: Any, d_cell: Any) -> Any:
        shared = {"x": steps[0], "h_prev": hidden, **weights}
        d_gates, d_hidden, d_cell = _back_through_time(block, shared, cell, recurrent_kernel, d_outputs, d_cell)
        before = tf.concat([hidden[None], block.h[:-1]], axis=0)
        d_weights = [swap_forget_and_candidate(d) for d in _of_weights(steps, before, d_gates)]
        d_steps = tf.reshape(tf.matmul(d_gates, tf.transpose(kernel)), tf.shape(steps))
        return d_steps, d_hidden, d_cell, *d_weights

    return (block.h, block.cs[-1]), gradient


def swap_forget_and_candidate(gates: Any) -> Any:
    """From Keras' gates (input, forget, candidate, output) to TensorFlow's, whose candidate comes second, or back."""
    first, second, third, fourth = tf.split(gates, 4, axis=-1)
    return tf.concat([first, third, second, fourth], axis=-1)


def _no_peephole(hidden: Any) -> dict[str, Any]:
    zeros = tf.zeros([hidden.shape[-1]], hidden.dtype)
    return {"wci": zeros, "wcf": zeros, "wco": zeros, "use_peephole": False}


def _back_through_time(
    block: Any, shared: dict[str, Any], cell: Any, recurrent_kernel: Any, d_outputs: Any, d_cell: Any
) -> Any:
    """Gradient of the gates' sums `(lookback * n, 4 * units)`, and of both states before the first step."""
    transposed = tf.transpose(recurrent_kernel)  # once: a product that transposes takes twice the time
    names = ("i", "cs", "f", "o", "ci", "co")
    states = [tf.unstack(getattr(block, name)) for name in names]  # (n, units) each
    before = [cell, *states[1][:-1]]
    d_hidden, d_gates = tf.zeros_like(cell), []
    for *state, cell_before, d_output in reversed(list(zip(*states, before, tf.unstack(d_outputs), strict=True))):
        step = dict(zip(names, state, strict=True), cs_prev=cell_before, cs_grad=d_cell, h_grad=d_output + d_hidden)
        back = tf.raw_ops.LSTMBlockCellGrad(**shared, **step)
        d_cell, d_hidden = back.cs_prev_grad, tf.matmul(back.dicfo, transposed)
        d_gates.append(back.dicfo)
    return tf.concat(d_gates[::-1], axis=0), d_hidden, d_cell


def _of_weights(steps: Any, before: Any, d_gates: Any) -> tuple[Any, Any, Any]:
    """Gradients of kernel, recurrent kernel and bias, all steps at once."""
    products = [tf.matmul(_rows(inputs), d_gates, transpose_a=True) for inputs in (steps, before)]
    ones = tf.ones([1, tf.shape(d_gates)[0]], d_gates.dtype)
    return products[0], products[1], tf.matmul(ones, d_gates)[0]  # twice as fast as a sum over rows


def _rows(tensor: Any) -> Any:
    return tf.reshape(tensor, [-1, tensor.shape[-1]])
