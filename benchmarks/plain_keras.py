"""The four networks of plain Keras layers, trained as Keras' guides do: `fit` on a data set of ready-made windows.

No script of its own: `benchmarks.throughput` puts it beside the project's own layers and loop.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import tensorflow as tf

from benchmarks.workload import LOOKBACK, N_FEATURES, draw_passes, draw_windows, settings
from forecaster.augment import Epoch
from forecaster.models.registry import model_class
from forecaster.windows import Floats


def decomposition(kernel_size: int, name: str) -> Callable[[Any], Any]:
    """Moving average by pooling, and the rest."""
    average = keras.layers.AveragePooling1D(kernel_size, strides=1, padding="same", name=name)

    def split(x: Any) -> tuple[Any, Any]:
        trend = average(x)
        return trend, x - trend

    return split


def attention(n_heads: int, dropout: float, name: str) -> Callable[[Any], Any]:
    """Keras' own attention, of an input to itself, with a causal mask."""
    width = settings("transformer").model.d_model
    attend = keras.layers.MultiHeadAttention(n_heads, width // n_heads, dropout=dropout, name=name)
    return lambda x: attend(x, x, use_causal_mask=True)


def causal_convolution(filters: int, kernel_size: int, dilation: int = 1, **kwargs: Any) -> keras.layers.Layer:
    """Keras' own."""
    return keras.layers.Conv1D(filters, kernel_size, padding="causal", dilation_rate=dilation, **kwargs)


def normalized_bidirectional(layer: keras.layers.Layer, name: str) -> Callable[[Any], Any]:
    """Two layers."""
    norm, both = keras.layers.LayerNormalization(), keras.layers.Bidirectional(layer, name=name)
    return lambda x: both(norm(x))


def last_step(time_axis: int, name: str) -> Callable[[Any], Any]:
    """Slicing, of windows that were never turned."""
    return lambda x: x[:, -1]


PLAIN = {
    "BlockLSTM": keras.layers.LSTM,
    "ByteDropout": keras.layers.Dropout,
    "CausalConv1D": causal_convolution,
    "CausalSelfAttention": attention,
    "FusedBatchNormalization": keras.layers.BatchNormalization,
    "LastStep": last_step,
    "NormalizedBidirectional": normalized_bidirectional,
    "SeriesDecomposition": decomposition,
    "TimeFirst": lambda name: lambda x: x,
}


def build_plain(name: str) -> keras.Model:
    """The project's network, of the layers that Keras has for it."""
    model = model_class(name)(settings(name))
    with _plain_layers(import_module(model_class(name).__module__)):
        network = model.build(LOOKBACK, N_FEATURES)
    network.compile(model.optimizer(), loss=_weighted_huber)
    return network


def train_plain(name: str) -> Callable[[], float]:
    """One `fit` over augmented windows that lie ready in memory; returns how many they are."""
    keras.backend.clear_session()
    network, (x, y) = build_plain(name), _ready_windows(next(draw_passes(name)))
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x)).batch(settings(name).training.batch_size)

    def train() -> float:
        network.fit(data, verbose=0)
        return float(len(x))

    return train


def _ready_windows(epoch: Epoch) -> tuple[Floats, Floats]:
    windows, days = draw_windows(), np.arange(1 - LOOKBACK, 1)
    x = windows.base[windows.origin[epoch.which][:, None] + days] * epoch.factor[:, None, None]
    x += epoch.noise[epoch.noise_end[:, None] + days]
    return x, windows.y[epoch.which].astype(np.float32)


def _weighted_huber(y: Any, predicted: Any) -> Any:
    weights = settings("dlinear").horizon_weights.astype(np.float32)
    error = tf.abs(y - predicted)
    inner = tf.minimum(error, settings("dlinear").training.huber_delta)
    return tf.reduce_sum((0.5 * tf.square(inner) + error - inner) * weights, axis=-1)


@contextmanager
def _plain_layers(module: Any) -> Iterator[None]:
    with ExitStack() as stack:
        for name, layer in PLAIN.items():
            if hasattr(module, name):
                stack.enter_context(patch.object(module, name, layer))
        yield
