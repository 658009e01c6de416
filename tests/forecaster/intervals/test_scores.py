import numpy as np
import pandas as pd
import pytest

from forecaster.calibration import IntervalScores
from forecaster.intervals.scores import interval_score, interval_scores, pinball, rolling_quantiles

LEVELS = (0.05, 0.1, 0.9, 0.95)
QUANTILES = pd.DataFrame([[-2.0, -1.0, 1.0, 2.0]] * 4, columns=["q_0.05", "q_0.10", "q_0.90", "q_0.95"])


def test_coverage_counts_known_outcomes_inside():
    found = interval_scores(np.array([0.0, 1.5, 3.0, np.nan]), QUANTILES, LEVELS)
    assert (found.n, found.coverage_80, found.coverage_90) == (3, pytest.approx(1 / 3), pytest.approx(2 / 3))


def test_miscalibration_is_the_mean_distance_from_the_levels():
    found = interval_scores(np.array([0.0, 0.0, 0.0, 0.0]), QUANTILES, LEVELS)  # 0, 0, 1, 1 lie below
    assert found.miscalibration == pytest.approx((0.05 + 0.1 + 0.1 + 0.05) / 4)


def test_an_interval_pays_its_width_and_twenty_times_what_lies_outside():
    np.testing.assert_allclose(interval_score(np.array([0.0, 3.0]), np.array([-2.0]), np.array([2.0])), [4, 4 + 20])


def test_pinball_weighs_misses_by_their_side():
    assert pinball(np.array([1.0]), np.array([[0.0, 2.0]]), (0.1, 0.9)) == pytest.approx((0.1 * 1 + 0.1 * 1) / 2)


def test_half_the_rivals_score_is_fifty_per_cent_better_where_both_have_an_interval():
    rolling = np.array([[-4.0, 4.0], [-4.0, 4.0], [np.nan, np.nan], [-4.0, 4.0]])
    found = interval_scores(np.array([0.0, 0.0, 30.0, np.nan]), QUANTILES, LEVELS, rolling)
    assert (found.rolling_score_90, found.against_rolling) == (8, 0.5)


def test_without_an_outcome_nothing_is_scored():
    assert interval_scores(np.full(4, np.nan), QUANTILES, LEVELS) == IntervalScores()


def test_rolling_quantiles_know_an_outcome_once_its_day_has_come():
    found = rolling_quantiles(np.append(np.zeros(365), 1.0), 7, (1.0,))[:, 0]
    assert np.isnan(found[365 - 1 + 6 - 1]) if len(found) > 369 else np.isnan(found).all()
    longer = rolling_quantiles(np.concatenate([np.zeros(365), [1.0], np.zeros(10)]), 7, (1.0,))[:, 0]
    assert (longer[365 + 6], longer[365 + 7]) == (0.0, 1.0)
