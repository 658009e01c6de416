"""A short training of each network beside the same network of plain Keras layers, stepped as Keras' guides do."""

import importlib
from dataclasses import replace

import numpy as np
import pytest

from forecaster.augment import draw_epoch
from forecaster.models.registry import model_class
from forecaster.settings import NETWORKS

pytestmark = pytest.mark.slow

BATCH = 32


def plain_layers():
    """What Keras has in the place of each layer that is ours for speed."""
    import keras

    def attention(n_heads, dropout, name):
        layer = keras.layers.MultiHeadAttention(n_heads, key_dim=8 // n_heads, name=name)
        return lambda x: layer(x, x, use_causal_mask=True)

    def decomposition(kernel_size, name):
        average = keras.layers.AveragePooling1D(kernel_size, strides=1, padding="same", name=name)
        return lambda x: (average(x), x - average(x))

    def normalized_bidirectional(layer, name):
        norm, both = keras.layers.LayerNormalization(name="norm"), keras.layers.Bidirectional(layer, name=name)
        return lambda x: both(norm(x))

    def causal_convolution(filters, kernel_size, dilation=1, **kwargs):
        return keras.layers.Conv1D(filters, kernel_size, padding="causal", dilation_rate=dilation, **kwargs)

    def last_step(time_axis, name):
        return lambda x: keras.layers.Flatten(name=name)(keras.layers.Cropping1D((x.shape[1] - 1, 0))(x))

    return {
        "BlockLSTM": keras.layers.LSTM,
        "ByteDropout": keras.layers.Dropout,
        "CausalConv1D": causal_convolution,
        "CausalSelfAttention": attention,
        "FusedBatchNormalization": keras.layers.BatchNormalization,
        "LastStep": last_step,
        "NormalizedBidirectional": normalized_bidirectional,
        "SeriesDecomposition": decomposition,
        "TimeFirst": lambda name: lambda x: x,  # where time stays second
    }


@pytest.fixture
def plain_network(monkeypatch):
    """Builds a network with Keras' layers in the place of ours."""

    def build(forecaster, lookback, n_features):
        module = importlib.import_module(type(forecaster).__module__)
        with monkeypatch.context() as patch:
            for name, layer in plain_layers().items():
                if hasattr(module, name):
                    patch.setattr(module, name, layer)
            return forecaster.build(lookback, n_features)

    return build


def as_ours(network):
    """Weights of a plain network in the order and the layout of ours: attention's three products are one."""
    import keras

    weights = []
    for layer in network.layers:
        values = layer.get_weights()
        weights += joint(values) if isinstance(layer, keras.layers.MultiHeadAttention) else values
    return weights


def joint(values):
    """Query, key and value as one kernel and one bias, then the projection out of the heads."""
    width = len(values[0])
    kernels = [kernel.reshape(width, width) for kernel in values[0:6:2]]
    biases = [bias.reshape(width) for bias in values[1:6:2]]
    return [np.hstack(kernels), np.hstack(biases), values[6].reshape(width, width), values[7]]


def shake(network):
    """Small random weights everywhere: heads that start at zero would hide what comes before them."""
    rng = np.random.default_rng(3)
    for weight in network.weights:
        if "seed_generator" not in weight.path:
            start = np.abs if "variance" in weight.name else np.asarray
            weight.assign(0.5 * start(rng.standard_normal(weight.shape)))


def ordered_weights(network):
    return [weight for layer in network.layers for weight in layer.get_weights()]


def tamed(forecaster):
    """The network's own optimizer, in which the rounding of a gradient that is zero stays rounding.

    A bias before batch normalisation has no gradient, and Adam makes a full step of whatever is left of it.
    """
    optimizer = forecaster.optimizer()
    optimizer.epsilon = 1e-3
    return optimizer


def keras_step(network, x, y, settings):
    """One step as Keras' guides write it; Huber loss per horizon, before the step."""
    import keras
    import tensorflow as tf

    weights, huber = tf.constant(settings.horizon_weights, tf.float32), keras.losses.Huber(reduction=None)
    with tf.GradientTape() as tape:
        predicted = network(x, training=True)
        columns = [huber(y[:, h, None], predicted[:, h, None]) for h in range(y.shape[1])]
        losses = tf.stack([tf.reduce_mean(column) for column in columns])
        loss = tf.reduce_sum(losses * weights) + tf.add_n([*network.losses, 0.0])
    network.optimizer.apply_gradients(
        zip(tape.gradient(loss, network.trainable_weights), network.trainable_weights, strict=True)
    )
    return losses.numpy()


def plain_batches(windows, epoch, scale):
    """Windows and scaled targets, gathered by numpy."""
    days = np.arange(1 - windows.lookback, 1)
    for start in range(0, len(epoch), BATCH):
        which, factor, end = (part[start : start + BATCH] for part in (epoch.which, epoch.factor, epoch.noise_end))
        x = windows.x[which] * factor[:, None, None] + epoch.noise[end[:, None] + days]
        yield x.astype(np.float32), (windows.y[which] / scale).astype(np.float32)


@pytest.fixture
def pair(small_settings, plain_network, world):
    """Forecaster, our network and the plain one, both with the same weights and an optimizer; dropout is off."""

    def make(name):
        settings = small_settings(name)
        still = replace(settings, model=settings.model.model_copy(update={"dropout": 0.0}))
        forecaster = model_class(name)(still)
        plain = plain_network(forecaster, world.lookback, world.n_features)
        ours = forecaster.build(world.lookback, world.n_features)
        shake(plain)
        load(ours, as_ours(plain))
        plain.optimizer, ours.optimizer = tamed(forecaster), tamed(forecaster)
        return still, ours, plain

    return make


def load(network, weights):
    weights = list(weights)
    for layer in network.layers:
        layer.set_weights([weights.pop(0) for _ in layer.get_weights()])
    assert not weights


@pytest.mark.parametrize("name", NETWORKS)
def test_a_short_training_gives_the_losses_and_weights_of_plain_keras(name, pair, world):
    from forecaster.models.keras_loop import TrainLoop

    settings, ours, plain = pair(name)
    train = world.labelled.take(slice(0, 75))
    epoch = draw_epoch(train, settings.training, seed=1, epoch=1)  # 225 windows: the last batch is a single one
    batches = list(plain_batches(train, epoch, settings.target_scale))
    start = as_ours(plain)
    losses = [keras_step(plain, x, y, settings) for x, y in batches]
    sizes = [len(x) for x, _ in batches]
    mean_losses, *_ = TrainLoop(ours, settings, train).run(epoch)
    np.testing.assert_allclose(mean_losses, np.average(losses, axis=0, weights=sizes), rtol=2e-5)
    assert any(np.abs(after - before).max() > 1e-3 for after, before in zip(as_ours(plain), start, strict=True))
    for one, other in zip(ordered_weights(ours), as_ours(plain), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_forecasts_in_large_batches_gathered_in_the_graph_are_those_of_plain_keras(name, pair):
    from forecaster.models.keras_loop import PREDICT_BATCH, Predictor
    from forecaster.windows import make_windows

    _, ours, plain = pair(name)
    base = np.random.default_rng(4).standard_normal((PREDICT_BATCH + 40, 4)).astype(np.float32)
    windows = make_windows(base, base[:, 0], 12, (1, 3))
    assert len(windows) > PREDICT_BATCH
    np.testing.assert_allclose(Predictor(ours).run(windows), plain.predict(windows.x, verbose=0), rtol=1e-4, atol=1e-5)
