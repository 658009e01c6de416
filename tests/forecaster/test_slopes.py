import numpy as np
import pytest
import statsmodels.api as sm

from forecaster.slopes import ALIKE, Slope, boldness, credit, pooled, slope

RNG = np.random.default_rng(0)
SIGNAL = RNG.standard_normal(600)
Y = SIGNAL + RNG.standard_normal(600)


def test_a_slope_and_its_error_are_those_of_a_regression_through_the_origin():
    found, expected = slope(Y, SIGNAL / 2, 1), sm.OLS(Y, SIGNAL / 2).fit()
    assert found.value == pytest.approx(expected.params[0])
    assert found.error == pytest.approx(expected.bse[0], rel=0.1)
    assert found.evidence == pytest.approx((found.value / found.error) ** 2)


def test_overlapping_outcomes_leave_a_slope_less_certain():
    path = np.convolve(RNG.standard_normal(629), np.ones(30), "valid")
    y_hat = np.convolve(RNG.standard_normal(629), np.ones(30), "valid")
    assert slope(path, y_hat, 30).error > 2 * slope(path, y_hat, 1).error


def test_a_slope_that_is_not_positive_is_no_evidence():
    assert slope(Y, -SIGNAL, 1).value < 0
    assert slope(Y, -SIGNAL, 1).evidence == 0
    assert slope(Y, 0 * SIGNAL, 7) == Slope(0, np.inf)
    assert slope(Y, 0 * SIGNAL, 7).evidence == 0


def test_fewer_days_than_the_horizon_are_no_error():
    assert np.isfinite(slope(Y[:20], SIGNAL[:20], 30).error)


def test_credit_is_what_chance_does_not_explain():
    assert credit([Slope(1, 0.1)], (1,), chance=5) == pytest.approx(0.95)
    assert credit([Slope(1, 0.5)], (1,), chance=5) == 0


def test_horizons_share_their_evidence_by_how_many_outcomes_do_not_overlap():
    certain, nothing = Slope(1, 0.1), Slope(0, np.inf)
    assert credit([certain, nothing], (1, 30), chance=5) == pytest.approx(1 - 5 / (100 * 30 / 31))
    assert credit([nothing, certain], (1, 30), chance=5) == 0


def test_slopes_are_pooled_by_their_precision():
    assert pooled([Slope(1.0, 0.1), Slope(2.0, 0.2)]) == pytest.approx((1.2, 0.05**0.5 * 0.4), rel=1e-6)
    assert pooled([Slope(1.0, 0.1), Slope(0.0, np.inf)]) == pytest.approx((1.0, 0.1))
    assert pooled([Slope(0.0, np.inf)]) == Slope(0.0, np.inf)
    assert pooled([Slope(1.0, 0.1), Slope(5.0, 1e300)]) == pytest.approx((1.0, 0.1))


def test_an_uncertain_slope_leans_on_the_common_one_and_a_certain_one_does_not():
    day = Slope(1.0, 0.01)
    assert boldness([day, Slope(1.4, 0.5)], most=9)[1] == pytest.approx(1.1, abs=0.1)
    assert boldness([day, Slope(0.3, 0.5)], most=9)[1] == pytest.approx(0.7, abs=0.2)
    assert boldness([day, Slope(1.4, 0.01)], most=9)[1] == pytest.approx(1.4, abs=0.02)
    assert boldness([Slope(1.4, 0.5), day], most=9)[0] == pytest.approx(1.1, abs=0.1)


def test_slopes_as_uncertain_as_they_differ_are_met_half_way():
    assert boldness([Slope(1.0, 0.2), Slope(1.0, 0.2)], most=9) == pytest.approx([1, 1], abs=0.02)
    assert boldness([Slope(0.95, ALIKE), Slope(1.05, ALIKE)], most=9) == pytest.approx([0.975, 1.025], abs=0.01)


def test_a_slope_that_is_surely_another_is_left_alone():
    factors = boldness([Slope(1.0, 0.05), Slope(1.0, 0.05), Slope(0.3, 0.05)], most=1.5)
    assert factors == pytest.approx([1, 1, 0.3], abs=0.05)


def test_a_horizon_of_which_nothing_is_known_does_not_hold_the_others_back():
    certain = Slope(1.0, 0.05)
    for unknown in (Slope(0.0, np.inf), Slope(-0.3, 1.0)):
        factors = boldness([unknown, certain, certain], most=1.5)
        assert factors[0] == 0
        assert factors[1:] == pytest.approx([1, 1], abs=0.05)


@pytest.mark.parametrize("error", [0.01, 0.3, 5.0])
def test_a_wrong_way_is_closed_however_right_the_others_are(error):
    assert boldness([Slope(1.0, 0.05), Slope(1.0, 0.05), Slope(-0.01, error)], most=1.5)[2] == 0


def test_noise_is_not_made_bold_by_a_law_of_tomorrow():
    """A slope of nothing, found with the error of a month's outcomes on two years of days."""
    drawn = 0.3 * np.random.default_rng(0).standard_normal((300, 2))
    factors = [boldness([Slope(1.0, 0.1), Slope(a, 0.3), Slope(b, 0.3)], most=1.5)[1:] for a, b in drawn]
    assert np.mean(factors) < 0.25


def test_what_is_known_beforehand_counts_as_one_more_slope():
    uncertain, certain = Slope(1.0, 0.3), Slope(1.0, 0.01)
    assert 1.1 < boldness([uncertain], most=2, typical=Slope(1.5, 0.1))[0] < 1.5
    assert boldness([certain], most=2, typical=Slope(1.5, 0.1))[0] == pytest.approx(1, abs=0.02)
    assert boldness([Slope(0.0, np.inf)], most=2, typical=Slope(1.5, 0.1))[0] == 0


def test_nothing_is_made_bolder_than_allowed():
    assert boldness([Slope(2.0, 0.1)], most=1.5)[0] == 1.5


def test_without_any_forecast_nothing_is_bold():
    assert boldness([Slope(0.0, np.inf), Slope(0.0, np.inf)], most=1).tolist() == [0, 0]


def test_a_single_day_says_nothing():
    assert slope(Y[:1], SIGNAL[:1], 1) == Slope(0, np.inf)
