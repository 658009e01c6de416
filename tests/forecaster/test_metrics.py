import numpy as np
import pytest

from forecaster.metrics import METRICS, directional_accuracy, mae, r2, rmse, scaled_rmse, skill_vs_zero

Y = np.array([1.0, -1.0, 2.0, 0.0])
Y_HAT = np.array([1.0, 1.0, 2.0, 2.0])  # errors 0, 2, 0, 2


def test_errors_match_the_sums_done_by_hand():
    assert rmse(Y, Y_HAT) == pytest.approx(np.sqrt(2))
    assert mae(Y, Y_HAT) == pytest.approx(1)
    assert r2(Y, Y_HAT) == pytest.approx(1 - 8 / 5)
    assert scaled_rmse(Y, Y_HAT, target_scale=0.5) == pytest.approx(2 * np.sqrt(2))


def test_skill_compares_with_the_zero_forecast():
    assert skill_vs_zero(Y, np.zeros(4)) == 0
    assert skill_vs_zero(Y, Y) == 1
    assert skill_vs_zero(Y, Y_HAT) == pytest.approx(1 - np.sqrt(8 / 6))
    assert np.isnan(skill_vs_zero(np.zeros(4), Y_HAT))


def test_a_standing_price_has_no_direction():
    assert directional_accuracy(Y, Y_HAT) == pytest.approx(2 / 3)


def test_a_forecast_of_exactly_zero_is_no_call():
    assert directional_accuracy(Y, np.array([0.0, -3.0, 0.0, 1.0])) == 1
    assert np.isnan(directional_accuracy(Y, np.zeros(4)))


def test_r2_of_one_day_is_undefined():
    assert np.isnan(r2(np.array([1.0]), np.array([1.0])))


def test_every_metric_has_the_same_signature():
    assert all(isinstance(metric(Y, Y_HAT), float) for metric in METRICS.values())
