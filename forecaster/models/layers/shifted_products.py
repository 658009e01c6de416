"""A dilated causal convolution as one matrix product per tap, and its gradient as two."""

from typing import Any

import tensorflow as tf


def convolve(steps: Any, kernel: Any, bias: Any, dilation: int) -> Any:
    """Convolve causally over time (van den Oord et al. 2016, arXiv 1609.03499): `(lookback, n, filters)`.

    With time first, what a tap of the kernel reads is a slice of the input that nobody has to copy. TensorFlow's own
    convolution copies the input and the output of every dilated one to another order and back, and their gradients.

    Args:
        steps: inputs, time first: `(lookback, n, channels)`, the lookback known when the graph is made.
        kernel: `(kernel_size, channels, filters)`; the last tap reads the day itself.
        bias: `(filters,)`.
        dilation: days between two taps.
    """

    @tf.custom_gradient
    def run(steps: Any, kernel: Any, bias: Any) -> Any:
        return _forward(steps, kernel, bias, dilation), lambda d: _backward(steps, kernel, d, dilation)

    return run(steps, kernel, bias)


def _forward(steps: Any, kernel: Any, bias: Any, dilation: int) -> Any:
    taps = tf.unstack(kernel)
    past = _shifted(steps, len(taps), dilation, before=True)
    products = [tf.matmul(rows, tap) for rows, tap in zip(past, taps, strict=True)]
    products[-1] = tf.nn.bias_add(products[-1], bias)
    return _like(steps, tf.add_n(products))


def _backward(steps: Any, kernel: Any, d_outputs: Any, dilation: int) -> tuple[Any, Any, Any]:
    """Gradients of steps, kernel and bias: a day's is gathered from the outputs of later days."""
    taps = tf.unstack(kernel)
    future = _shifted(d_outputs, len(taps), dilation, before=False)[::-1]  # the first tap reads the oldest day
    d_steps = [tf.matmul(rows, tap, transpose_b=True) for rows, tap in zip(future, taps, strict=True)]
    d_taps = [_of_tap(steps, d_outputs, shift * dilation) for shift in reversed(range(len(taps)))]
    d_bias = tf.raw_ops.BiasAddGrad(out_backprop=_rows(d_outputs))
    return _like(steps, tf.add_n(d_steps)), tf.stack(d_taps), d_bias


def _of_tap(steps: Any, d_outputs: Any, delay: int) -> Any:
    """Gradient of the tap that reads `delay` days ago; the first days' outputs have nothing to read there."""
    n_read = max(steps.shape[0] - delay, 0)
    return tf.matmul(_rows(steps[:n_read]), _rows(d_outputs[delay:]), transpose_a=True)


def _shifted(steps: Any, n_taps: int, dilation: int, before: bool) -> list[Any]:
    """Rows `(lookback * n, channels)` as every tap meets them, zero beyond both ends, the earliest first."""
    reach = (n_taps - 1) * dilation
    padded = tf.pad(steps, [[reach, 0] if before else [0, reach], [0, 0], [0, 0]])
    return [_rows(padded[start : start + steps.shape[0]]) for start in range(0, reach + 1, dilation)]


def _rows(steps: Any) -> Any:
    return tf.reshape(steps, [-1, steps.shape[-1]])


def _like(steps: Any, rows: Any) -> Any:
    return tf.reshape(rows, [steps.shape[0], -1, rows.shape[-1]])
