"""Dropout that draws a quarter of the random numbers."""

from contextlib import nullcontext
from typing import Any

import keras
import tensorflow as tf

LEVELS = 256  # of one random byte


@keras.saving.register_keras_serializable(package="forecaster")
class ByteDropout(keras.layers.Dropout):
    """Dropout (Srivastava et al. 2014) decided by one random byte per value instead of one 32-bit number.

    Random numbers are a large part of a small network's time on a CPU. The rate is rounded to the nearest 1/256, and
    what stays is scaled by that same rounded rate, so the expected value is exact.

    Example:
        ```python
        x = ByteDropout(0.4)(x)
        ```
    """

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Drop in training, or pass on."""
        threshold = round(self.rate * LEVELS)
        if not training or threshold == 0:
            return inputs
        keep = random_bytes(tf.shape(inputs), self.seed_generator) >= tf.constant(min(threshold, LEVELS - 1), tf.uint8)
        return inputs * (tf.cast(keep, inputs.dtype) * (LEVELS / (LEVELS - threshold)))


def random_bytes(shape: Any, seed_generator: keras.random.SeedGenerator) -> Any:
    """Uniform bytes of `shape`; a stateless draw, so that a seed decides them on every device."""
    size = tf.reduce_prod(shape)
    seed = tf.cast(tf.math.floormod(tf.convert_to_tensor(seed_generator.next()), tf.int32.max - 1), tf.int32)
    with _beside_metal():
        words = tf.random.stateless_uniform([(size + 3) // 4], seed, minval=None, maxval=None, dtype=tf.uint32)
        return tf.reshape(tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:size], shape)


def _beside_metal() -> Any:
    """Metal draws full-range integers as signed ones: let the CPU draw them."""
    has_metal = tf.config.list_logical_devices("GPU") and not tf.test.is_built_with_cuda()
    return tf.device("CPU") if has_metal else nullcontext()
