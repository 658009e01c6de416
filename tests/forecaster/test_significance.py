import numpy as np
import pytest
from scipy.stats import t

from forecaster.significance import diebold_mariano, worse_p_value


@pytest.fixture
def y():
    return np.random.default_rng(0).normal(size=200)


def test_one_day_ahead_it_is_the_t_test_of_the_loss_differences():
    y, y_hat = np.array([1.0, 1.0, 2.0, 1.0]), np.array([1.0, 0.0, 1.0, 0.0])
    d = np.array([1.0, 0.0, 3.0, 0.0])  # squared errors of zero: 1 1 4 1, of y_hat: 0 1 1 1
    expected = d.mean() / (d.std(ddof=1) / 2)  # the small-sample correction at h = 1 is (n - 1) / n
    statistic, p_value = diebold_mariano(y, y_hat, horizon=1)
    assert statistic == pytest.approx(expected)
    assert p_value == pytest.approx(t.sf(expected, df=3))


def test_a_longer_horizon_counts_the_correlation_of_overlapping_days():
    y, y_hat = np.array([1.0, 1.0, 2.0, 1.0]), np.array([1.0, 0.0, 1.0, 0.0])
    e = np.array([0.0, -1.0, 2.0, -1.0])  # loss differences less their mean of 1
    variance = (e @ e + 2 * 0.5 * (e[1:] @ e[:-1])) / 4  # Newey and West: lag 1 has weight 1/2
    correction = np.sqrt((4 + 1 - 4 + 2 / 4) / 4)
    statistic, _ = diebold_mariano(y, y_hat, horizon=2)
    assert statistic == pytest.approx(correction * 1 / np.sqrt(variance / 4))


def test_the_better_forecast_is_found_and_the_worse_is_not(y):
    statistic, p_value = diebold_mariano(y, 0.5 * y, horizon=7)
    assert statistic > 0
    assert p_value < 0.001
    assert diebold_mariano(y, -0.5 * y, horizon=7)[1] > 0.999


def test_swapping_model_and_base_turns_the_sign(y):
    a, b = 0.3 * y, 0.3 * y + np.random.default_rng(1).normal(size=200)
    assert diebold_mariano(y, a, 7, b)[0] == pytest.approx(-diebold_mariano(y, b, 7, a)[0])


def test_noise_is_called_better_about_as_often_as_promised():
    rng = np.random.default_rng(2)
    # against a base of equal size and quality, so that the null hypothesis holds
    p_values = [diebold_mariano(*rng.normal(size=(2, 100)), 1, rng.normal(size=100))[1] for _ in range(400)]
    assert np.mean(np.array(p_values) < 0.1) == pytest.approx(0.1, abs=0.045)


def test_equal_forecasts_leave_nothing_to_test(y):
    assert np.isnan(diebold_mariano(y, np.zeros(200), horizon=1)).all()


def test_missing_labels_and_too_few_days_are_refused(y):
    with pytest.raises(ValueError, match="1 missing"):
        diebold_mariano(np.append(y[1:], np.nan), y, horizon=1)
    with pytest.raises(ValueError, match="n=30, horizon=30"):
        diebold_mariano(y[:30], y[1:31], horizon=30)


def test_the_test_is_that_of_diebold_and_mariano_worked_out_by_hand():
    # Loss differences 3, 0, 3, 0: mean 1.5, squared deviations 9 in all. At one day it is Student's t test.
    p = worse_p_value(np.array([4.0, 1, 4, 1]), np.array([1.0, 1, 1, 1]), horizon=1)
    assert p == pytest.approx(t.sf(1.5 / np.sqrt(9 / 3 / 4), df=3))
    assert p == pytest.approx(0.0908, abs=1e-4)


def test_at_two_days_one_lag_counts_half_and_the_sample_is_corrected():
    d = np.array([3.0, 0, 3, 0, 3])
    deviations = d - 1.8
    variance = (deviations @ deviations + 2 * 0.5 * deviations[1:] @ deviations[:-1]) / 5
    statistic = 1.8 / np.sqrt(variance / 5) * np.sqrt((5 + 1 - 4 + 2 / 5) / 5)
    assert worse_p_value(1 + d, np.ones(5), horizon=2) == pytest.approx(t.sf(statistic, df=4))


def test_a_better_challenger_is_not_rejected():
    assert worse_p_value(np.array([1.0, 1, 1, 1]), np.array([4.0, 1, 4, 1]), horizon=1) > 0.9


def test_equal_losses_and_too_few_days_leave_nothing_to_test():
    assert worse_p_value(np.ones(4), np.ones(4), horizon=1) is None
    assert worse_p_value(np.array([1.0, 2]), np.ones(2), horizon=2) is None
