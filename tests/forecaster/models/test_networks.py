"""Facts of the architectures, at the size of the specification."""

import numpy as np
import pytest

from forecaster.models.base import FitSettings
from forecaster.models.registry import model_class
from forecaster.settings import HORIZONS, MODEL_CONFIGS, NETWORKS, TCNConfig, TrainingConfig

pytestmark = pytest.mark.slow


def specified(name, **changes):
    config = MODEL_CONFIGS[name](**changes)
    return model_class(name)(FitSettings(config, TrainingConfig(), HORIZONS, target_scale=(0.04, 0.1, 0.2)))


def give_heads_weight(network, value=0.1):
    """Heads start at zero, which hides everything before them."""
    for layer in network.layers:
        if layer.name.startswith("h") and getattr(layer, "units", None) == 1:
            layer.kernel.assign(np.random.default_rng(len(layer.name)).uniform(0, value, layer.kernel.shape))
    return network


def some_windows(n=3, lookback=60, n_features=80):
    return np.random.default_rng(0).standard_normal((n, lookback, n_features)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "trainable"), [("dlinear", 28_806), ("tcn", 32_643), ("enhanced_lstm", 101_507), ("transformer", 121_667)]
)
def test_trainable_parameters_at_80_features(name, trainable):
    network = specified(name).build(60, 80)
    assert sum(int(np.prod(weight.shape)) for weight in network.trainable_weights) == trainable


@pytest.mark.parametrize("name", NETWORKS)
def test_an_untrained_network_is_the_zero_forecast(name):
    assert not specified(name).build(60, 80)(some_windows()).numpy().any()


@pytest.mark.parametrize("name", NETWORKS)
def test_heads_are_named_by_horizon_and_joined_in_order(name):
    network = give_heads_weight(specified(name).build(60, 80))
    assert network.layers[-1].name == "log_return"
    for column, h in enumerate(HORIZONS):
        only = type(network)(network.input, network.get_layer(f"h{h}").output)
        np.testing.assert_allclose(network(some_windows())[:, column], only(some_windows())[:, 0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_dropout_is_live_in_training_and_silent_in_inference(name):
    network = give_heads_weight(specified(name).build(60, 80))
    x = some_windows()
    np.testing.assert_array_equal(network(x, training=False), network(x, training=False))
    assert not np.array_equal(network(x, training=True), network(x, training=True))


def test_every_dropout_of_the_transformer_is_live():
    """Attention weights, sub-layers, positions and heads: each alone moves the output."""
    network = give_heads_weight(specified("transformer").build(60, 80))
    drops = {layer.name: layer for layer in network.layers if "drop" in layer.name}
    drops |= {f"{n}_attention": network.get_layer(f"{n}_attention").drop for n in ("block1", "block2")}
    assert len(drops) == 1 + 2 * 3 + 3
    for drop in drops.values():
        drop.rate = 0.0
    x = some_windows()
    still = network(x, training=True).numpy()
    np.testing.assert_array_equal(network(x, training=True), still)
    for drop in drops.values():
        drop.rate = 0.35
        assert not np.array_equal(network(x, training=True), still), drop.name
        drop.rate = 0.0


def test_frozen_batch_norm_keeps_its_statistics_while_dropout_stays_live():
    network = give_heads_weight(specified("tcn").build(60, 80))
    norms = [layer for layer in network.layers if layer.name.endswith("_norm")]
    for layer in norms:
        layer.trainable = False
    before = [layer.moving_mean.numpy() for layer in norms]
    samples = [network(some_windows(), training=True).numpy() for _ in range(2)]
    assert not np.array_equal(*samples)
    for layer, mean in zip(norms, before, strict=True):
        np.testing.assert_array_equal(layer.moving_mean, mean)


@pytest.mark.parametrize(("kernel_size", "n_blocks", "days"), [(3, 4, 61), (2, 3, 15)])
def test_an_impulse_reaches_the_tcn_output_within_its_receptive_field_and_no_earlier(kernel_size, n_blocks, days):
    config = TCNConfig(kernel_size=kernel_size, n_blocks=n_blocks, filters=8)
    forecaster = model_class("tcn")(FitSettings(config, TrainingConfig(), (1,), (1.0,)))
    network = give_heads_weight(forecaster.build(80, 2))
    quiet = np.zeros((1, 80, 2), np.float32)
    for layer in network.layers:
        if layer.name.endswith("_conv"):
            layer.kernel.assign(np.abs(layer.kernel))  # or a closed ReLU could hide the impulse
    impulses = np.repeat(quiet, 80, axis=0)
    impulses[np.arange(80), np.arange(80)] = 1
    reached = np.flatnonzero(network(impulses)[:, 0] != network(quiet)[0, 0])
    assert forecaster.receptive_field == days
    assert reached.tolist() == list(range(80 - days, 80))


def test_no_step_of_the_transformer_sees_a_later_day():
    import keras

    network = specified("transformer").build(60, 80)
    steps = keras.Model(network.input, network.get_layer("pool").input)
    x = some_windows()
    later = x.copy()
    later[:, 41:] += 1
    before, after = steps(x).numpy(), steps(later).numpy()
    np.testing.assert_array_equal(after[:, :41], before[:, :41])
    assert (after[:, 41:] != before[:, 41:]).all(axis=-1).all()


def test_the_transformer_knows_where_a_day_stands():
    network = give_heads_weight(specified("transformer").build(60, 80))
    network.get_layer("position").position.assign(np.random.default_rng(1).standard_normal((60, 64)))
    x = some_windows()
    assert not np.allclose(network(x), network(x[:, ::-1]), atol=1e-4)


def test_attention_of_the_lstm_covers_all_days_and_sums_to_one(small_model, parts):
    fitted = small_model("enhanced_lstm").fit(*parts[:2])
    weights = fitted.attention(parts[2])
    assert weights.shape == (len(parts[2]), 12)
    assert (weights > 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)


def test_dlinear_is_linear_in_its_window():
    network = give_heads_weight(specified("dlinear").build(60, 80))
    x = some_windows(2)
    np.testing.assert_allclose(network(x[:1] + 2 * x[1:]), network(x[:1]) + 2 * network(x[1:]), rtol=1e-3, atol=1e-3)


def test_optimizers_clip_the_whole_gradient_and_only_the_transformer_decays_and_warms_up():
    optimizers = {name: specified(name).optimizer() for name in NETWORKS}
    assert {name: type(optimizer).__name__ for name, optimizer in optimizers.items()} == {
        "dlinear": "Adam",
        "tcn": "Adam",
        "enhanced_lstm": "Adam",
        "transformer": "AdamW",
    }
    assert {optimizer.global_clipnorm for optimizer in optimizers.values()} == {1.0}
    assert optimizers["transformer"].weight_decay == 0.01
    assert float(optimizers["transformer"].learning_rate) == pytest.approx(1e-3 / 500)


def test_only_the_lstm_is_regularised_and_by_its_kernels():
    networks = {name: specified(name).build(60, 80) for name in NETWORKS}
    assert {name: len(network.losses) for name, network in networks.items() if network.losses} == {"enhanced_lstm": 8}


def test_a_learning_rate_of_the_tcn_is_halved_on_a_plateau(small_settings, parts):
    config = TCNConfig(filters=2, n_blocks=1, plateau_patience=1, learning_rate=1e-9)  # nothing ever improves
    training = TrainingConfig(epochs=6)
    fitted = model_class("tcn")(small_settings("tcn", model=config, training=training)).fit(*parts[:2])
    rates = [record["learning_rate"] for record in fitted.history_]
    assert rates[-1] <= rates[0] / 4


def test_networks_of_another_kernel_size_or_lookback_build_too():
    for kernel_size in (15, 24, 35):
        assert specified("dlinear", kernel_size=kernel_size).build(20, 3).output_shape == (None, 3)


def plain_tcn(lookback, n_features, filters, n_blocks, horizons):
    """A TCN of Keras' own convolutions and norms, time second: how it was built, by name, before ours took over."""
    import keras
    from keras.layers import Activation, Add, BatchNormalization, Concatenate, Conv1D, Dense

    from forecaster.models.layers.dropout import ByteDropout
    from forecaster.models.layers.last_step import LastStep

    window = x = keras.Input((lookback, n_features), name="window")
    for block in range(1, n_blocks + 1):
        skip = x if x.shape[-1] == filters else Conv1D(filters, 1, name=f"block{block}_skip")(x)
        for part in (f"block{block}a", f"block{block}b"):
            x = Conv1D(filters, 3, padding="causal", dilation_rate=2 ** (block - 1), name=f"{part}_conv")(x)
            x = Activation("relu", name=f"{part}_relu")(BatchNormalization(name=f"{part}_norm")(x))
            x = ByteDropout(0.3, name=f"{part}_drop")(x)
        x = Add(name=f"block{block}")([x, skip])
    last = ByteDropout(0.3, name="drop")(LastStep(name="last_step")(x))
    heads = [Dense(1, name=f"h{h}")(last) for h in horizons]
    return keras.Model(window, Concatenate(name="log_return")(heads), name="tcn")


def test_a_tcn_saved_with_layers_of_keras_loads_and_forecasts_as_it_did(tmp_path, small_model, world):
    """Its weights also fit today's network, by name."""
    model = small_model("tcn")
    today, rng = model.build(world.lookback, world.n_features), np.random.default_rng(5)
    before = plain_tcn(world.lookback, world.n_features, filters=4, n_blocks=2, horizons=(1, 3))
    for layer in before.layers:
        layer.set_weights([rng.uniform(0.1, 0.5, weight.shape) for weight in layer.get_weights()])
        if layer.get_weights() and "drop" not in layer.name:
            today.get_layer(layer.name).set_weights(layer.get_weights())
    model._use(before)
    model.save(tmp_path)
    forecast = before.predict(world.x, verbose=0)
    assert np.ptp(forecast, axis=0).min() > 0.1
    loaded = type(model).load(tmp_path)
    scaled = loaded.predict(world) / np.asarray(model.settings.target_scale)
    np.testing.assert_allclose(scaled, forecast, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(today(world.x, training=False), forecast, rtol=1e-4, atol=1e-5)
