import numpy as np
import pytest

from forecaster.models.shrinkage import LEAST, MOST_SCALED, as_matrix, gain, lucky_gain, support

RNG = np.random.default_rng(0)
Y = RNG.standard_normal((600, 2))


def kept(y, y_hat, horizons=(1, 1)):
    """Slope of the supported forecast on the given one, per horizon."""
    supported = y_hat @ support(y, y_hat, horizons).T
    return (supported * y_hat).sum(axis=0) / (y_hat**2).sum(axis=0)


def test_a_perfect_forecast_saves_everything_and_keeps_nearly_all_of_itself():
    assert gain(Y, Y, (1, 1)) == pytest.approx(1)
    assert all(0.95 < factor <= 1 for factor in kept(Y, Y))


def test_a_forecast_twice_too_large_is_halved():
    assert kept(Y, 2 * Y) == pytest.approx((0.5, 0.5), rel=0.02)
    assert gain(Y, 2 * Y, (1, 1)) == pytest.approx(1)


def test_a_forecast_too_small_is_not_enlarged():
    assert max(kept(Y, 0.1 * Y)) <= 1
    assert gain(Y, 0.1 * Y, (1, 1)) == pytest.approx(1 - 0.9**2)


def test_a_forecast_with_the_wrong_sign_saves_nothing_and_keeps_the_least():
    assert gain(Y, -Y, (1, 1)) == 0
    assert support(Y, -Y, (1, 1)).tolist() == [[LEAST, 0], [0, LEAST]]


def test_noise_keeps_little_of_itself():
    noise = RNG.standard_normal((200, 2, 600, 1))
    assert np.mean([support(y, y_hat, (1,))[0, 0] for y, y_hat in noise]) < LEAST + 0.01


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


def test_evidence_of_one_horizon_helps_another():
    weak = 0.02 * Y[:, 1] + RNG.standard_normal(600) * 0.2
    alone = support(Y[:, 1:], weak[:, None], (1,))[0, 0]
    assert kept(Y, np.column_stack([Y[:, 0], weak]))[1] > alone


def test_a_month_borrows_what_was_learned_of_a_day():
    """One signal drives both; the month's own forecast of it is drowned in noise."""
    signal = RNG.standard_normal(600)
    y = signal[:, None] + RNG.standard_normal((600, 2))
    y_hat = np.column_stack([signal, signal + 3 * RNG.standard_normal(600)])
    supported = y_hat @ support(y, y_hat, (1, 30)).T
    assert np.corrcoef(supported[:, 1], signal)[0, 1] > 0.9 > 0.5 > np.corrcoef(y_hat[:, 1], signal)[0, 1]


def test_a_horizon_with_a_law_of_its_own_keeps_its_forecast():
    own = support(Y, Y + 0.5 * RNG.standard_normal((600, 2)), (1, 1))
    assert np.abs(own[[0, 1], [1, 0]]).max() < 0.02
    assert np.diag(own).min() > 0.7


def test_what_is_borrowed_comes_in_the_size_of_the_own_forecast():
    signal = RNG.standard_normal(600)
    y = signal[:, None] * [1, 5] + RNG.standard_normal((600, 2)) * [1, 5]
    matrix = support(y, signal[:, None] * [1, 5], (1, 30))
    assert matrix[1] @ [1, 5] == pytest.approx(5, rel=0.1)
    assert matrix[1, 0] > 1  # a day's forecast of 1 stands for a month's of 5


def test_a_zero_forecast_is_no_error():
    assert gain(Y, 0 * Y, (1, 7)) == 0
    assert support(Y, 0 * Y, (1, 7)).tolist() == [[LEAST, 0], [0, LEAST]]
    beside = support(Y, np.column_stack([Y[:, 0], 0 * Y[:, 1]]), (1, 7))
    assert np.isfinite(beside).all()


def test_a_lucky_month_beside_a_day_without_merit_gets_no_credit():
    lucky = np.column_stack([RNG.standard_normal(600), Y[:, 1] / 5 + RNG.standard_normal(600) / 2])
    as_days, as_month = (kept(Y, lucky, horizons)[1] for horizons in ((1, 1), (1, 30)))
    assert as_days > 2 * LEAST
    assert as_month == pytest.approx(LEAST, rel=0.1)


def test_on_noise_each_horizon_mostly_speaks_for_itself():
    noise = RNG.standard_normal((100, 2, 600, 2))
    shares = [np.diag(m) / m.sum(axis=1) for m in (support(y, y_hat, (1, 7)) for y, y_hat in noise)]
    assert np.mean(shares, axis=0)[0] > 0.8
    assert np.median(shares, axis=0)[1] > 0.4


def test_a_head_that_hardly_moved_on_validation_cannot_explode_later():
    y_hat = np.column_stack([1e-9 * Y[:, 0], Y[:, 1]])
    assert np.abs(support(Y, y_hat, (1, 1))).max() <= MOST_SCALED


def test_a_matrix_is_read_from_its_numbers_or_from_a_factor_for_each_horizon():
    matrix = RNG.standard_normal((3, 3))
    np.testing.assert_array_equal(as_matrix(matrix.ravel().tolist(), 3), matrix)
    assert as_matrix((0.5, 0.25), 2).tolist() == [[0.5, 0], [0, 0.25]]
    assert as_matrix((0.5,), 1).tolist() == [[0.5]]
