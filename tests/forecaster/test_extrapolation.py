from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecaster.extrapolation import newest_window, window_summaries

LAST = date(2020, 7, 18)  # of 200 days


def features(n_days: int = 200) -> pd.DataFrame:
    values = np.random.default_rng(0).normal(size=(n_days, 3))
    return pd.DataFrame(values, pd.date_range("2020-01-01", periods=n_days), ["a", "b", "c"])


def test_a_window_is_told_by_its_last_value_mean_and_deviation() -> None:
    values = pd.DataFrame({"a": [1.0, 3.0, 8.0]}, pd.date_range("2020-01-01", periods=3))
    assert window_summaries(values, 2).to_numpy().tolist() == [[3, 2, 1], [8, 5.5, 2.5]]


def test_a_window_like_the_others_is_not_far_and_a_planted_one_is_farthest_in_its_column() -> None:
    assert newest_window(features(), 10, LAST).quantile < 0.995
    odd = features()
    odd.loc[odd.index[-3:], "b"] += 30
    found = newest_window(odd, 10, LAST)
    assert found.quantile == 1
    assert found.farthest[0] == "b"


def test_numbers_that_no_window_of_training_reached_are_counted() -> None:
    values = features()
    values.loc[values.index[-1], "b"] = 100.0  # the last value, the mean and the deviation of one column of three
    assert newest_window(values, 10, LAST).beyond == pytest.approx(3 / 9)
    values.loc[values.index[50], "b"] = 200.0
    assert newest_window(values, 10, LAST).beyond == 0


def test_days_after_training_are_measured_by_the_days_of_training_alone() -> None:
    odd = features()
    odd.iloc[150:] += 30  # the newest regime, which the models have not seen
    seen, unseen = newest_window(odd, 10, LAST), newest_window(odd, 10, odd.index[149].date())
    assert unseen.quantile == 1
    assert seen.quantile < 1


def test_missing_values_count_as_their_median() -> None:
    gaps = features()
    gaps.iloc[-5:, 0] = np.nan
    assert np.isfinite(newest_window(gaps, 10, LAST).value)


def test_without_a_window_of_training_there_is_no_distance() -> None:
    with pytest.raises(ValueError, match="Expected windows of 10 days up to 2019-12-31"):
        newest_window(features(), 10, date(2019, 12, 31))
