"""What every model that knows quantiles promises, whatever is inside."""

import numpy as np
import pytest

from forecaster.models.base import QuantileForecaster
from forecaster.models.registry import model_class
from forecaster.settings import BASELINES, MODELS, NETWORKS, LightGBMConfig

LEVELS = (0.05, 0.5, 0.95)
TREES = LightGBMConfig(n_estimators=20, min_child_samples=5, reg_alpha=0, early_stopping=5, quantiles=LEVELS)
EVERY_MODEL = [pytest.param(n, marks=pytest.mark.slow if n in NETWORKS else ()) for n in MODELS]


@pytest.fixture(scope="module", params=EVERY_MODEL)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def changes(name):
    return {"model": TREES} if name == "lightgbm" else {}


@pytest.fixture(scope="module")
def fitted(small_model, name, changes, parts):
    return small_model(name, **changes).fit(*parts[:2])


@pytest.fixture(scope="module")
def found(fitted, parts):
    return fitted.quantiles(parts[2], LEVELS, 20, seed=1)


def test_quantiles_ascend_for_every_window_and_horizon_labelled_or_not(found, parts):
    assert found.shape == (len(parts[2]), 2, 3)
    assert found.dtype == np.float64
    assert (np.diff(found, axis=-1) >= 0).all()
    assert np.isnan(parts[2].y).any()


def test_every_interval_has_a_width(found):
    assert (found[..., -1] > found[..., 0]).all()


def test_the_same_seed_gives_the_same_quantiles_in_a_loaded_model_too(fitted, found, parts, tmp_path):
    np.testing.assert_array_equal(fitted.quantiles(parts[2], LEVELS, 20, seed=1), found)
    fitted.save(tmp_path)
    np.testing.assert_array_equal(type(fitted).load(tmp_path).quantiles(parts[2], LEVELS, 20, seed=1), found)


def test_another_seed_draws_anew_where_anything_is_drawn(name, fitted, found, parts):
    assert (fitted.quantiles(parts[2], LEVELS, 20, seed=2) != found).any() == (name in NETWORKS)


def test_forecasts_are_the_same_afterwards(fitted, parts):
    before = fitted.predict(parts[2])
    fitted.quantiles(parts[2], LEVELS, 3, seed=1)
    np.testing.assert_array_equal(fitted.predict(parts[2]), before)


def test_a_refit_knows_quantiles_too(small_model, name, changes, fitted, parts):
    served = small_model(name, **changes).refit(parts[0], fitted.length_)
    found = served.quantiles(parts[2], LEVELS, 20, seed=1)
    assert (found[..., -1] > found[..., 0]).all()


def test_baselines_know_no_quantiles(small_settings):
    assert not any(isinstance(model_class(each)(small_settings(each)), QuantileForecaster) for each in BASELINES)
