"""Monte Carlo dropout: many passes through one network, each with other units dropped."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from forecaster.windows import Floats, Windows

SAMPLE_BATCH = 128  # windows per pass: what they pass through stays in the cache


class DropoutSampler:
    """Runs a copy of `network` with live dropout and all else as in a forecast (Gal & Ghahramani 2016, PMLR 48).

    What lies before the first dropout is the same in every pass, and is computed once per batch of windows. Batch
    normalisation uses its running statistics. The network itself stays as it is.
    """

    def __init__(self, network: keras.Model) -> None:
        copied = _copy(network)
        stem, self._head = split_at_dropout(copied)
        self._states = [variable for variable in copied.variables if variable.name == "seed_generator_state"]
        _, lookback, n_features = network.input_shape
        self._stem, self._days, self._n_outputs = stem, tf.range(1 - lookback, 1), network.output_shape[-1]
        base, origin = tf.TensorSpec([None, n_features], tf.float32), tf.TensorSpec([None], tf.int32)
        self._run_stem = tf.function(self._before, input_signature=[base, origin], autograph=False)
        between = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in stem.outputs]
        self._run_head = tf.function(self._after, input_signature=[between], autograph=False)

    def run(self, windows: Windows, n_samples: int, seed: int) -> Floats:
        """The network's output in every pass: float32 `(n_samples, n, n_outputs)`; the seed decides all of it."""
        base = tf.constant(windows.base, tf.float32)
        out = np.empty((n_samples, len(windows), self._n_outputs), np.float32)
        self._seed(seed)
        for start in range(0, len(windows), SAMPLE_BATCH):
            batch = slice(start, start + SAMPLE_BATCH)
            between = self._run_stem(base, tf.constant(windows.origin[batch], tf.int32))
            for sample in range(n_samples):
                out[sample, batch] = self._run_head(between).numpy()
        return out

    def _before(self, base: Any, origin: Any) -> list[Any]:
        return _as_list(self._stem(tf.gather(base, origin[:, None] + self._days), training=False))

    def _after(self, between: list[Any]) -> Any:
        return self._head(between, training=True)

    def _seed(self, seed: int) -> None:
        """Start every layer's random numbers at a place of its own."""
        starts = np.random.SeedSequence(seed).generate_state(len(self._states))
        for state, start in zip(self._states, starts, strict=True):
            state.assign([start, 0])


def split_at_dropout(network: keras.Model) -> tuple[keras.Model, keras.Model]:
    """A functional network as two: what no dropout reaches, and the rest, which takes the list that the first gives.

    The halves share their layers with `network`, which afterwards cannot be saved any more: hand over a copy.
    """
    fixed = {id(tensor) for tensor in network.inputs}
    between: dict[int, Any] = {}
    for layer in network.layers[len(network.inputs) :]:  # in the order in which they run
        inputs, outputs = _as_list(layer.input), _as_list(layer.output)
        if not _drops(layer) and all(id(tensor) in fixed for tensor in inputs):
            fixed |= {id(tensor) for tensor in outputs}
        else:
            between |= {id(tensor): tensor for tensor in inputs if id(tensor) in fixed}
    cut = list(between.values())
    return keras.Model(network.input, cut), keras.Model(cut, network.output)


def _copy(network: keras.Model) -> keras.Model:
    """The same network, in which batch normalisation runs as in a forecast even when the rest trains."""
    copied = keras.models.clone_model(network)
    copied.set_weights(network.get_weights())
    for layer in copied.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    return copied


def _drops(layer: keras.layers.Layer) -> bool:
    """Whether a layer is dropout or has some inside. Random state proves nothing: every LSTM has one."""
    return any(isinstance(each, keras.layers.Dropout) for each in layer._flatten_layers())


def _as_list(tensors: Any) -> list[Any]:
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]
