"""What the recipe that learns adds to training, network by network."""

import numpy as np
import pytest

from forecaster.recipes import model_settings, training_settings
from forecaster.settings import NETWORKS, TrainingConfig

pytestmark = pytest.mark.slow

SHRUNK = TrainingConfig(epochs=3, epoch_windows=64, weight_memory=0.5, shrinks=True, learns_drift=False)


@pytest.mark.parametrize("model", NETWORKS)
def test_a_seed_gives_the_same_numbers_twice_and_a_refit_knows_what_was_supported(small_model, parts, model):
    training = training_settings("learning").model_copy(update={"epochs": 2, "epoch_windows": 64})
    first, second = (small_model(model, training=training).fit(*parts[:2]) for _ in range(2))
    np.testing.assert_array_equal(first.predict(parts[2]), second.predict(parts[2]))
    assert first.length_ == second.length_
    assert len(first.length_) == 1 + 2 * 2
    again = small_model(model, training=training).refit(parts[0], first.length_)
    np.testing.assert_allclose(again.predict(parts[2]), first.predict(parts[2]), rtol=1e-5, atol=1e-9)


def test_the_best_epoch_is_that_of_the_largest_gain(small_model, parts):
    fitted = small_model("dlinear", training=SHRUNK).fit(*parts[:2])
    gains = [record["val_gain"] for record in fitted.history_]
    assert fitted.length_[0] == int(np.argmax(gains)) + 1


def test_without_drift_a_bias_stays_at_zero(small_model, parts):
    for learns_drift in (False, True):
        training = SHRUNK.model_copy(update={"learns_drift": learns_drift})
        network = small_model("dlinear", training=training).fit(*parts[:2]).network_
        biases = [v.numpy().item() for v in network.trainable_variables if v.path.endswith("/bias")]
        assert any(biases) == learns_drift


def test_judged_and_kept_are_the_averaged_weights(small_model, parts):
    """With hardly any memory the average is the last weights; with a long one it lags behind them."""
    rms = {}
    for memory in (0.0, 1e-6, 0.99):
        training = SHRUNK.model_copy(update={"weight_memory": memory, "shrinks": False})
        fitted = small_model("dlinear", training=training).refit(parts[0], (2,))
        rms[memory] = float(np.sqrt((fitted.predict(parts[2]) ** 2).mean()))
    assert rms[1e-6] == pytest.approx(rms[0.0], rel=1e-3)
    assert rms[0.99] < 0.8 * rms[0.0]


def test_a_batch_takes_its_oldest_days_from_another_window_and_hides_columns(small_model, small_settings, world):
    from forecaster.augment import draw_epoch
    from forecaster.models.keras_loop import TrainLoop

    train, forecaster = world.labelled, small_model("dlinear")
    training = TrainingConfig(jitter=0, scaling=0, spliced=1.0, hidden_columns=0.5)
    network = forecaster.build(train.lookback, train.n_features)
    network.optimizer = forecaster.optimizer()
    epoch = draw_epoch(train, training, seed=3, epoch=1)
    x, _ = TrainLoop(network, small_settings("dlinear"), train)._batch(
        epoch.noise, *(each[:9] for each in epoch.per_window)
    )
    for i in range(9):
        own_from, window = epoch.own_from[i], train.x[epoch.which[i]].copy()
        window[:own_from] = train.x[epoch.other[i]][:own_from]
        np.testing.assert_allclose(x[i], window * epoch.shown[i], rtol=1e-6)
    assert epoch.own_from[:9].any()


def test_the_warm_up_rises_and_stays():
    from forecaster.models.layers.warmup import Warmup

    schedule = Warmup(peak=0.5, warmup_steps=4)
    assert [float(schedule(step)) for step in (0, 1, 3, 4, 400)] == [0.125, 0.25, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("model", "path", "setting"),
    [("enhanced_lstm", "attention/", "attention_rate"), ("transformer", "position/", "position_rate")],
)
def test_layers_with_a_rate_of_their_own_exist_under_the_name_it_is_given(small_model, parts, model, path, setting):
    forecaster = small_model(model, model=model_settings("learning", model))
    paths = [v.path for v in forecaster.build(parts[0].lookback, parts[0].n_features).trainable_variables]
    layer = path.rstrip("/")
    assert forecaster.layer_rates() == {layer: getattr(model_settings("learning", model), setting)}
    assert any(each.startswith(path) for each in paths)
