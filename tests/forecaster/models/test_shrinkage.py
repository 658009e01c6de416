import numpy as np
import pytest

from forecaster.models.shrinkage import LEAST, gain, lucky_gain, support

RNG = np.random.default_rng(0)
Y = RNG.standard_normal((600, 2))


def test_a_perfect_forecast_saves_everything_and_keeps_nearly_all_of_itself():
    assert gain(Y, Y, (1, 1)) == pytest.approx(1)
    assert all(0.95 < factor <= 1 for factor in support(Y, Y, (1, 1)))


def test_a_forecast_twice_too_large_is_halved():
    assert support(Y, 2 * Y, (1, 1)) == pytest.approx((0.5, 0.5), rel=0.02)
    assert gain(Y, 2 * Y, (1, 1)) == pytest.approx(1)


def test_a_forecast_too_small_is_not_enlarged():
    assert max(support(Y, 0.1 * Y, (1, 1))) <= 1
    assert gain(Y, 0.1 * Y, (1, 1)) == pytest.approx(1 - 0.9**2)


def test_a_forecast_with_the_wrong_sign_saves_nothing_and_keeps_the_least():
    assert gain(Y, -Y, (1, 1)) == 0
    assert support(Y, -Y, (1, 1)) == (LEAST, LEAST)


def test_noise_keeps_little_of_itself():
    kept = [support(RNG.standard_normal((600, 1)), RNG.standard_normal((600, 1)), (1,))[0] for _ in range(200)]
    assert np.mean(kept) < LEAST + 0.02


def test_a_useless_horizon_does_not_hide_the_gain_of_another():
    assert gain(Y, np.column_stack([Y[:, 0], -Y[:, 1]]), (1, 1)) == pytest.approx(1 / 2)


def test_a_horizon_counts_for_as_many_outcomes_as_do_not_overlap():
    only_the_day, only_the_month = np.column_stack([Y[:, 0], -Y[:, 1]]), np.column_stack([-Y[:, 0], Y[:, 1]])
    assert gain(Y, only_the_day, (1, 30)) == pytest.approx(30 / 31)
    assert gain(Y, only_the_month, (1, 30)) == pytest.approx(1 / 31)


def test_a_forecast_without_merit_seldom_gains_more_than_luck_gives():
    noise = RNG.standard_normal((500, 2, 300, 2))
    gains = np.array([gain(y, y_hat, (1, 1)) for y, y_hat in noise])
    assert gains.mean() > 0
    assert np.mean(gains > lucky_gain(300, (1, 1))) < 0.1


def test_luck_gives_less_on_more_outcomes_and_more_on_longer_horizons():
    assert lucky_gain(100, (1,)) == 0.02
    assert lucky_gain(200, (1,)) == 0.01
    assert lucky_gain(100, (10,)) == pytest.approx(0.2)


def test_what_overlapping_outcomes_support_is_less_than_what_they_seem_to():
    path = np.cumsum(RNG.standard_normal(630))
    overlapping = (path[30:] - path[:-30])[:, None]
    forecast = overlapping + 4 * overlapping.std() * np.repeat(RNG.standard_normal(20), 30)[:, None]
    (as_if_independent,), (known,) = support(overlapping, forecast, (1,)), support(overlapping, forecast, (30,))
    assert known < as_if_independent


def test_evidence_of_one_horizon_helps_another():
    weak = 0.02 * Y[:, 1] + RNG.standard_normal(600) * 0.2
    alone = support(Y[:, 1:], weak[:, None], (1,))[0]
    beside = support(Y, np.column_stack([Y[:, 0], weak]), (1, 1))[1]
    assert beside > alone


def test_a_zero_forecast_is_no_error():
    assert gain(Y, 0 * Y, (1, 7)) == 0
    assert support(Y, 0 * Y, (1, 7)) == (LEAST, LEAST)


def test_a_lucky_month_beside_a_day_without_merit_gets_no_credit():
    lucky = np.column_stack([RNG.standard_normal(600), 0.5 * Y[:, 1]])
    assert support(Y, lucky, (1, 1))[1] > 0.4
    assert support(Y[:60], lucky[:60], (1, 30))[1] < support(Y[:60], lucky[:60], (30, 1))[1]
