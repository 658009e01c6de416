import random
from dataclasses import replace

import numpy as np
import pytest

from forecaster.models.registry import model_class
from forecaster.settings import NETWORKS, DLinearConfig, TrainingConfig
from forecaster.windows import make_windows

pytestmark = pytest.mark.slow


def test_losses_leave_out_missing_targets_in_sums_and_gradient():
    import tensorflow as tf

    from forecaster.models.keras_loop import horizon_losses

    y = tf.constant([[0.5, np.nan], [3.0, 1.0]], tf.float32)
    predicted = tf.Variable([[0.0, 9.0], [0.0, 0.0]])
    with tf.GradientTape() as tape:
        huber, absolute, squared, n_labels = horizon_losses(y, predicted, delta=1.0)
        total = tf.reduce_sum(huber)
    assert huber.numpy().tolist() == [0.125 + 2.5, 0.5]
    assert absolute.numpy().tolist() == [3.5, 1]
    assert squared.numpy().tolist() == [9.25, 1]
    assert n_labels.numpy().tolist() == [2, 1]
    assert tape.gradient(total, predicted).numpy().tolist() == [[-0.5, 0], [-1, -1]]


def test_a_batch_is_the_gathered_window_times_its_factor_plus_its_noise(small_model, small_settings, world):
    from forecaster.augment import draw_epoch
    from forecaster.models.keras_loop import TrainLoop

    train = world.labelled
    forecaster = small_model("dlinear")
    network = forecaster.build(train.lookback, train.n_features)
    network.optimizer = forecaster.optimizer()
    epoch = draw_epoch(train, TrainingConfig(), seed=3, epoch=1)
    first = slice(0, 9)
    loop = TrainLoop(network, small_settings("dlinear"), train)
    x, y = loop._batch(epoch.noise, *(each[first] for each in epoch.per_window))
    noise = np.stack([epoch.noise[end - 11 : end + 1] for end in epoch.noise_end[first]])
    expected = train.x[epoch.which[first]] * epoch.factor[first, None, None] + noise
    np.testing.assert_allclose(x, expected, rtol=1e-6)
    np.testing.assert_allclose(y, train.y[epoch.which[first]] / [0.05, 0.1], rtol=1e-6)


def test_validation_loss_is_that_of_the_scaled_forecast_without_dropout(small_model, parts):
    fitted = small_model("dlinear", training=TrainingConfig(epochs=1)).fit(*parts[:2])
    val = parts[1].labelled
    error = np.abs(val.y - fitted.predict(val)) / [0.05, 0.1]
    huber = np.where(error < 1, error**2 / 2, error - 0.5).mean(axis=0)
    record = fitted.history_[0]
    np.testing.assert_allclose([record["val_h1_loss"], record["val_h3_loss"]], huber, rtol=1e-5)
    assert record["val_mae"] == pytest.approx(error.mean(), rel=1e-5)
    assert record["val_mse"] == pytest.approx((error**2).mean(), rel=1e-5)


def test_training_stops_when_patience_is_spent_and_the_best_epoch_is_kept(small_model, parts):
    training = TrainingConfig(epochs=50, patience=2)
    config = DLinearConfig(kernel_size=5, learning_rate=0.1)
    fitted = small_model("dlinear", model=config, training=training).fit(*parts[:2])
    losses = [record["val_loss"] for record in fitted.history_]
    best = int(np.argmin(losses))
    assert fitted.length_ == (best + 1,)
    assert len(losses) == best + 1 + 2 < 50
    once_more = small_model("dlinear", model=config, training=training).refit(parts[0], fitted.length_)
    np.testing.assert_array_equal(once_more.predict(parts[2]), fitted.predict(parts[2]))


@pytest.mark.parametrize("name", NETWORKS)
def test_random_numbers_that_another_thread_draws_meanwhile_change_nothing(small_model, name, parts, monkeypatch):
    """Clients of a server wait for random moments, in threads of their own: they share Python's generator."""
    alone = small_model(name).fit(*parts[:2]).predict(parts[2])
    build = model_class(name).build
    monkeypatch.setattr(model_class(name), "build", lambda *args: [random.random(), build(*args)][1])
    np.testing.assert_array_equal(small_model(name).fit(*parts[:2]).predict(parts[2]), alone)


def test_a_planted_signal_is_learned(small_model):
    rng = np.random.default_rng(0)
    returns = 0.05 * rng.standard_normal(700)
    base = rng.standard_normal((700, 2)).astype(np.float32)
    base[:-1, 0] = 20 * returns[1:]
    world = make_windows(base, np.cumsum(returns), 12, (1, 3))
    train, val, test = world.take(slice(0, 500)), world.take(slice(500, 590)), world.take(slice(600, 680))
    config = DLinearConfig(kernel_size=5, learning_rate=1e-2)
    fitted = small_model("dlinear", model=config, training=TrainingConfig(epochs=8)).fit(train, val)
    error = test.y - fitted.predict(test)
    assert (error**2).mean(axis=0)[0] < 0.3 * (test.y**2).mean(axis=0)[0]


def test_a_missing_target_does_not_change_what_another_horizon_learns(small_model, parts):
    """DLinear's horizons share nothing, so hiding one leaves the other's weights alone but for the clipped norm."""
    train = parts[0]
    y = np.array(train.y)
    y[:, 1] = np.nan
    training = TrainingConfig(epochs=1, clip_norm=1e9)
    models = [small_model("dlinear", training=training).refit(replace(train, y=t), (1,)) for t in (train.y, y)]
    forecasts = [model.predict(parts[2]) for model in models]
    np.testing.assert_allclose(forecasts[0][:, 0], forecasts[1][:, 0], atol=1e-7)
    assert not forecasts[1][:, 1].any()
    assert forecasts[0][:, 1].all()


def test_windows_without_any_label_are_left_out_of_a_refit(small_model, parts):
    train = parts[0]
    y = np.array(train.y)
    y[-7:] = np.nan
    fits = [small_model("dlinear").refit(t, (1,)) for t in (replace(train, y=y), train.take(slice(0, -7)))]
    np.testing.assert_array_equal(*[fit.predict(parts[2]) for fit in fits])


def test_no_labelled_window_is_refused(small_model, parts):
    unlabelled = replace(parts[0], y=parts[0].y * np.nan)
    with pytest.raises(ValueError, match="labelled train windows"):
        small_model("dlinear").fit(unlabelled, parts[1])
    with pytest.raises(ValueError, match="labelled validation windows"):
        small_model("dlinear").fit(parts[0], unlabelled.take(slice(0, 5)))
    with pytest.raises(ValueError, match="labelled train windows"):
        small_model("dlinear").refit(unlabelled, (1,))


def test_a_loss_that_explodes_is_an_error_and_no_model(small_model, parts):
    base = np.array(parts[0].base)
    base[40] = np.inf
    with pytest.raises(FloatingPointError, match="epoch 1 of dlinear"):
        small_model("dlinear").fit(replace(parts[0], base=base), parts[1])


def test_a_saved_network_carries_no_optimizer_state(small_model, parts, tmp_path):
    import zipfile

    import h5py

    small_model("dlinear").fit(*parts[:2]).save(tmp_path)
    with zipfile.ZipFile(tmp_path / "model.keras") as archive, archive.open("model.weights.h5") as file:
        assert "optimizer" not in h5py.File(file)


def test_a_network_file_that_is_gone_is_named(small_model, parts, tmp_path):
    fitted = small_model("dlinear").fit(*parts[:2])
    fitted.save(tmp_path)
    (tmp_path / "model.keras").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.keras"):
        type(fitted).load(tmp_path)


def test_repeated_fits_leave_no_graph_behind(small_model, parts):
    import gc

    from forecaster.models.keras_training import reset

    def n_graphs():
        reset(0)
        gc.collect()
        return sum(type(thing).__name__ == "FuncGraph" for thing in gc.get_objects())

    before = n_graphs()
    for _ in range(2):
        small_model("dlinear").fit(*parts[:2]).predict(parts[2])
    assert n_graphs() == before
