import numpy as np
import pandas as pd
import pytest

from forecaster.intervals.volatility import core_volatility, ewma_volatility, har_volatility, range_variance
from forecaster.settings import IntervalConfig


def test_a_day_that_goes_straight_up_varies_by_its_jump_alone():
    e = np.e
    bars = pd.DataFrame({"open": [1.0, e], "high": [1.0, e**2], "low": [1.0, e], "close": [1.0, e**2]})
    assert range_variance(bars)[1] == pytest.approx(1.0)  # open to high and low to open are no range of their own


def test_a_day_that_comes_back_varies_by_its_range():
    e = np.e
    bars = pd.DataFrame({"open": [1.0, 1.0], "high": [1.0, e], "low": [1.0, 1 / e], "close": [1.0, 1.0]})
    assert range_variance(bars)[1] == pytest.approx(2.0)


def test_steady_moves_are_their_own_exponential_average():
    found = ewma_volatility(pd.Series([np.nan] + [0.02, -0.02] * 30), 0.97)
    assert np.isnan(found[29])
    np.testing.assert_allclose(found[31:], 0.02)


def test_steady_variance_is_forecast_to_stay():
    np.testing.assert_allclose(har_volatility(np.full(200, 0.0004), 7)[-50:], 0.02, rtol=1e-3)


def test_the_core_is_the_geometric_mean_of_its_estimates(bars):
    daily = np.log(bars["close"]).diff()
    each = [har_volatility(range_variance(bars), 1), ewma_volatility(daily, 0.97), ewma_volatility(daily, 0.99)]
    expected = np.cbrt(each[0] * each[1] * each[2])
    np.testing.assert_allclose(core_volatility(bars, 1, IntervalConfig()), expected)
