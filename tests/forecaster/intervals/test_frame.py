import numpy as np
import pandas as pd
import pytest

from forecaster.intervals import interval_frame, quantile_column, quantile_columns
from forecaster.settings import IntervalConfig

CONFIG = IntervalConfig()
HORIZONS = (1, 7)


@pytest.fixture(scope="module")
def frame(bars: pd.DataFrame) -> pd.DataFrame:
    return interval_frame(bars, None, HORIZONS, CONFIG)


def test_later_days_change_no_interval_of_earlier_ones(bars, frame):
    known = frame[frame["cutoff"] <= bars.index[349]].drop(columns="y").reset_index(drop=True)
    cut = interval_frame(bars.iloc[:350], None, HORIZONS, CONFIG).drop(columns="y")
    pd.testing.assert_frame_equal(cut, known)


def test_every_day_from_the_first_usable_one_to_the_newest_has_a_row_per_horizon(bars, frame):
    for h in HORIZONS:
        cutoffs = frame.loc[frame["horizon"] == h, "cutoff"]
        assert list(cutoffs) == list(pd.date_range(cutoffs.iloc[0], bars.index[-1]))


def test_an_outcome_is_missing_until_its_day_has_come(frame):
    unlabelled = frame[frame["y"].isna()].groupby("horizon")["cutoff"].count()
    assert unlabelled.to_dict() == {1: 1, 7: 7}


def test_quantiles_rise_with_their_level(frame):
    assert (np.diff(frame[quantile_columns(CONFIG)], axis=1) >= 0).all()
    assert [quantile_column(0.05), quantile_column(0.5)] == ["q_0.05", "q_0.50"]
    assert len(quantile_columns(CONFIG)) == 19


def test_intervals_stand_around_the_forecast(bars, frame):
    newest = pd.DataFrame({"cutoff": bars.index[-1:], "horizon": 7, "y_hat": 0.5})
    moved = interval_frame(bars, newest, HORIZONS, CONFIG)
    columns = ["y_hat", *quantile_columns(CONFIG)]
    np.testing.assert_allclose(moved[columns].iloc[-1], frame[columns].iloc[-1] + 0.5)
    np.testing.assert_array_equal(moved[columns].iloc[:-1], frame[columns].iloc[:-1])


def test_volatility_is_the_standard_deviation_of_a_day(frame):
    day = frame[(frame["horizon"] == 1) & frame["y"].notna()]
    assert (day["y"] / day["volatility"]).std() == pytest.approx(1, abs=0.15)


def test_most_outcomes_lie_where_the_interval_said(frame):
    day = frame[(frame["horizon"] == 1) & frame["y"].notna()]
    assert day["y"].between(day["q_0.05"], day["q_0.95"]).mean() == pytest.approx(0.9, abs=0.05)


def test_too_short_a_history_has_no_intervals(bars):
    assert interval_frame(bars.iloc[:100], None, HORIZONS, CONFIG).empty


def test_a_price_that_never_moves_has_finite_intervals(bars):
    still = bars.assign(open=5.0, high=5.0, low=5.0, close=5.0, volume=0.0)
    frame = interval_frame(still, None, HORIZONS, CONFIG)
    assert len(frame)
    assert np.isfinite(frame[quantile_columns(CONFIG)]).all(axis=None)
