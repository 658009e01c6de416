import numpy as np
import pytest

from forecaster.settings import NETWORKS, DLinearConfig
from forecaster.windows import make_windows

pytestmark = pytest.mark.slow


@pytest.fixture
def shaken(small_model):
    """Builds a network whose every weight and statistic is random: an untrained one is zero whatever is dropped."""

    def build(name, **changes):
        network = small_model(name, **changes).build(12, 4)
        rng = np.random.default_rng(1)
        for variable in network.weights:
            variable.assign(np.abs(rng.standard_normal(variable.shape)) + 0.5)
        for variable in network.trainable_weights:
            variable.assign(rng.standard_normal(variable.shape))
        return network

    return build


@pytest.fixture
def dlinear(shaken):
    return shaken("dlinear", model=DLinearConfig(kernel_size=5, dropout=0.25))


def terms(network, x, h):
    """What a linear network adds up for one horizon: `(n, n_inputs)`, the inputs being those of dropout."""
    import keras

    names = ("trend", "seasonal")
    flat = keras.Model(network.input, [network.get_layer(f"flat_{name}").output for name in names])(x)
    kernels = [network.get_layer(f"h{h}_{name}").kernel.numpy()[:, 0] for name in names]
    return np.hstack([inputs.numpy() * kernel for inputs, kernel in zip(flat, kernels, strict=True)])


def test_passes_of_a_linear_network_have_the_mean_and_the_variance_that_dropout_gives(dlinear, world):
    from forecaster.models.keras_sampling import DropoutSampler

    windows, n_samples, rate = world.take(slice(0, 3)), 2000, 0.25
    passes = DropoutSampler(dlinear).run(windows, n_samples, seed=1)
    assert passes.shape == (n_samples, 3, 2)
    x = windows.x
    variance = [rate / (1 - rate) * (terms(dlinear, x, h) ** 2).sum(axis=1) for h in (1, 3)]
    spread = np.sqrt(np.stack(variance, axis=1))  # (n, n_horizons)
    np.testing.assert_allclose(passes.std(axis=0), spread, rtol=0.08)  # five standard errors
    forecast = dlinear(x, training=False).numpy()
    assert (np.abs(passes.mean(axis=0) - forecast) < 5 * spread / np.sqrt(n_samples)).all()


def test_equal_windows_of_one_batch_drop_different_units(dlinear, world):
    from forecaster.models.keras_sampling import DropoutSampler

    first, second = DropoutSampler(dlinear).run(world.take([5, 5]), 1, seed=1)[0]
    assert (first != second).all()


def test_more_windows_than_a_batch_are_all_sampled(dlinear):
    from forecaster.models.keras_sampling import SAMPLE_BATCH, DropoutSampler

    base = np.random.default_rng(0).standard_normal((SAMPLE_BATCH + 20, 4)).astype(np.float32)
    windows = make_windows(base, base[:, 0], 12, (1, 3))
    assert len(windows) > SAMPLE_BATCH
    passes = DropoutSampler(dlinear).run(windows, 200, seed=1)
    error = np.abs(passes.mean(axis=0) - dlinear(windows.x, training=False).numpy())
    assert (error < 5 * passes.std(axis=0) / np.sqrt(200)).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_sampling_changes_no_weight_no_statistic_and_no_random_state(shaken, name, world):
    from forecaster.models.keras_sampling import DropoutSampler

    network = shaken(name)
    before = [variable.numpy().copy() for variable in network.variables]
    n_trainable = len(network.trainable_variables)
    passes = DropoutSampler(network).run(world.take(slice(0, 5)), 3, seed=1)
    assert (passes[0] != passes[1]).any()
    assert len(network.trainable_variables) == n_trainable
    for variable, value in zip(network.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value, err_msg=variable.path)


@pytest.mark.parametrize("name", NETWORKS)
def test_without_dropout_every_pass_is_the_forecast(shaken, small_settings, name, world):
    from forecaster.models.keras_sampling import DropoutSampler

    still = small_settings(name).model.model_copy(update={"dropout": 0.0})
    network, windows = shaken(name, model=still), world.take(slice(0, 9))
    passes = DropoutSampler(network).run(windows, 2, seed=1)
    np.testing.assert_array_equal(passes[0], passes[1])
    np.testing.assert_allclose(passes[0], network(windows.x, training=False), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_what_comes_before_dropout_and_what_comes_after_are_together_the_network(shaken, name, world):
    from forecaster.models.keras_sampling import split_at_dropout

    network, x = shaken(name), world.take(slice(0, 9)).x
    whole = network(x, training=False).numpy()
    stem, head = split_at_dropout(network)
    assert not any("drop" in layer.name for layer in stem.layers)
    between = stem(x, training=False)
    between = between if isinstance(between, list) else [between]
    np.testing.assert_allclose(head(between, training=False), whole, rtol=1e-5, atol=1e-5)


def test_the_costly_first_layer_of_the_lstm_runs_once_for_all_passes(small_model):
    from forecaster.models.keras_sampling import split_at_dropout

    stem, _ = split_at_dropout(small_model("enhanced_lstm").build(12, 4))
    assert "bidirectional" in [layer.name for layer in stem.layers]
