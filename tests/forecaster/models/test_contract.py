"""What every model promises, whatever is inside."""

import json
from dataclasses import replace

import numpy as np
import pytest

from forecaster.models.base import Unfitted
from forecaster.models.registry import model_class
from forecaster.settings import BASELINES, MODELS, NETWORKS

CONSTANT = ("zero", "mean")
EVERY_MODEL = [pytest.param(n, marks=pytest.mark.slow if n in NETWORKS else ()) for n in (*MODELS, *BASELINES)]


@pytest.fixture(scope="module", params=EVERY_MODEL)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def epochs():
    return []


@pytest.fixture(scope="module")
def fitted(small_model, name, parts, epochs):
    epochs.clear()
    return small_model(name).fit(*parts[:2], on_epoch=lambda epoch, logs: epochs.append((epoch, logs)))


@pytest.fixture(scope="module")
def predicted(fitted, parts):
    return fitted.predict(parts[2])


def test_a_forecast_has_one_finite_column_per_horizon_labelled_or_not(predicted, parts):
    assert predicted.shape == (len(parts[2]), 2)
    assert predicted.dtype == np.float64
    assert np.isfinite(predicted).all()
    assert np.isnan(parts[2].y).any()


def test_a_fit_forecasts_something_else_than_zero(name, predicted):
    assert predicted.any() == (name != "zero")


def test_a_loaded_model_forecasts_the_same(fitted, predicted, parts, tmp_path):
    fitted.save(tmp_path)
    loaded = type(fitted).load(tmp_path)
    np.testing.assert_allclose(loaded.predict(parts[2]), predicted, rtol=0, atol=1e-12)
    for attribute in ("settings", "length_", "n_parameters_"):
        assert getattr(loaded, attribute) == getattr(fitted, attribute)
    untimed = [{name: value for name, value in epoch.items() if name != "seconds"} for epoch in fitted.history_]
    assert loaded.history_ == untimed  # equal fits are equal files


def test_metadata_say_what_the_model_is(name, fitted, tmp_path):
    fitted.save(tmp_path)
    saved = json.loads((tmp_path / "metadata.json").read_text())
    assert saved["model"] == name
    assert saved["class"] == type(fitted).__name__
    assert saved["settings"]["model"] == fitted.settings.model.model_dump(mode="json")
    assert saved["versions"]


def test_a_folder_without_a_model_is_refused_by_name(name, tmp_path):
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "metadata.json")):
        model_class(name).load(tmp_path)


def test_a_folder_of_another_model_is_refused(name, fitted, tmp_path):
    fitted.save(tmp_path)
    path = tmp_path / "metadata.json"
    path.write_text(path.read_text().replace(f'"model": "{name}"', '"model": "oracle"', 1))
    with pytest.raises(ValueError, match=f"must describe a {name}. Received: 'oracle'"):
        type(fitted).load(tmp_path)


def test_the_same_seed_gives_the_same_model_after_another_fit(small_model, name, predicted, parts):
    small_model(name, seed=5).fit(*parts[:2])
    np.testing.assert_array_equal(small_model(name).fit(*parts[:2]).predict(parts[2]), predicted)


def test_a_forecast_does_not_depend_on_its_neighbours_or_their_order(fitted, predicted, parts):
    backwards = fitted.predict(parts[2].take(slice(None, None, -1)))
    np.testing.assert_allclose(backwards[::-1], predicted, rtol=0, atol=1e-7)
    np.testing.assert_allclose(fitted.predict(parts[2].take([4])), predicted[[4]], rtol=0, atol=1e-7)


def test_a_forecast_does_not_depend_on_days_after_its_origin(fitted, predicted, parts):
    test = parts[2]
    later = np.array(test.base)
    later[test.origin[5] + 1 :] = 99
    changed = fitted.predict(replace(test, base=later))
    np.testing.assert_array_equal(changed[:6], predicted[:6])


def test_a_forecast_depends_on_the_day_of_its_origin(name, fitted, predicted, parts):
    test = parts[2]
    base = np.array(test.base)
    base[test.origin[-1]] += [3, 0, 0, 0]  # not all alike: layer normalisation would hide it
    has_changed = fitted.predict(replace(test, base=base))[-1] != predicted[-1]
    assert has_changed.any() == (name not in CONSTANT)


def test_a_fit_does_not_see_days_after_validation(small_model, name, predicted, parts):
    train, val, test = parts
    base = np.array(train.base)
    base[val.origin[-1] + 1 :] = 99
    model = small_model(name).fit(replace(train, base=base), replace(val, base=base))
    np.testing.assert_array_equal(model.predict(test), predicted)


def test_a_refit_runs_for_the_given_length_on_what_is_labelled(small_model, name, fitted, parts):
    train = parts[0]
    y = np.array(train.y)
    y[-3:, 1] = np.nan
    y[-1, 0] = np.nan
    model = small_model(name).refit(replace(train, y=y), fitted.length_)
    assert model.length_ == fitted.length_
    assert np.isfinite(model.predict(parts[2])).all()


def test_a_refit_learns_from_windows_whose_long_horizon_is_not_labelled_yet(small_model, name, fitted, parts):
    train = parts[0]
    partly = np.array(train.y)
    partly[-20:, 1] = np.nan
    altered = np.where(np.arange(80)[:, None] >= 60, partly + np.array([0.5, 0]), partly)
    models = [small_model(name).refit(replace(train, y=y), fitted.length_) for y in (partly, altered)]
    forecasts = [model.predict(parts[2]) for model in models]
    assert (forecasts[0] != forecasts[1]).any() == (name != "zero")


def test_history_has_one_record_per_epoch_and_the_listener_heard_them(name, fitted, epochs):
    if name in BASELINES:
        assert fitted.history_ == epochs == []
        return
    assert [record["epoch"] for record in fitted.history_] == [epoch for epoch, _ in epochs]
    assert [epoch for epoch, _ in epochs] == list(range(1, len(epochs) + 1))
    wanted = {"loss", "val_loss", "h1_loss", "h3_loss", "val_h1_loss", "val_h3_loss", "learning_rate", "seconds"}
    assert all(wanted <= record.keys() for record in fitted.history_)
    assert all(np.isfinite(list(record.values())).all() for record in fitted.history_)


def test_the_loss_is_the_horizons_losses_weighted_by_one_over_root_h(fitted):
    for record in fitted.history_:
        for prefix in ("", "val_"):
            weighted = record[f"{prefix}h1_loss"] + record[f"{prefix}h3_loss"] / np.sqrt(3)
            assert record[f"{prefix}loss"] == pytest.approx(weighted)


def test_a_new_model_is_unfitted(small_settings, name):
    model = model_class(name)(small_settings(name))
    assert isinstance(model, Unfitted)
    assert (model.length_, model.history_, model.n_parameters_) == ((), [], 0)
