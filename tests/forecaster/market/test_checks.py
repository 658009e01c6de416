import numpy as np
import pandas as pd
import pytest

from forecaster.market import BarsError
from forecaster.market.checks import clean


def day(text):
    return pd.Timestamp(text)


def test_clean_bars_have_no_findings(bars):
    frame, findings = clean(bars)
    assert findings == ()
    pd.testing.assert_frame_equal(frame, bars, check_freq=False)


def test_unordered_rows_are_sorted_with_a_finding(bars):
    frame, findings = clean(bars.iloc[::-1])
    pd.testing.assert_frame_equal(frame, bars, check_freq=False)
    assert "sorted" in findings[0]


def test_a_row_given_twice_is_used_once_with_a_finding(bars):
    frame, findings = clean(pd.concat([bars, bars.iloc[[4]]]))
    assert len(frame) == 100
    assert "once: 2024-01-05" in findings[0]


def test_two_different_bars_of_one_day_are_refused(bars):
    with pytest.raises(BarsError, match="different bars for 2024-01-05"):
        clean(pd.concat([bars, bars.iloc[[4]] * 2]))


def test_up_to_three_missing_days_are_bridged_by_flat_bars_without_volume(bars):
    frame, findings = clean(bars.assign(extra=1.0).drop(bars.index[10:13]))
    bridged = frame.loc[bars.index[10:13]]
    assert (bridged[["open", "high", "low", "close"]] == bars["close"].iloc[9]).all(axis=None)
    assert (bridged["volume"] == 0).all()
    assert (bridged["extra"] == 1).all()
    assert len(frame) == 100
    assert "2024-01-11, 2024-01-12, 2024-01-13" in findings[0]


def test_history_starts_after_the_last_longer_gap(bars):
    frame, findings = clean(bars.drop(bars.index[10:14]))
    assert frame.index[0] == bars.index[14]
    assert "starts on 2024-01-15: before it 4 days are missing" in findings[0]
    assert "10 row(s)" in findings[0]


def test_history_starts_where_volume_begins_to_stay_positive(bars):
    bars.iloc[[0, 1, 20, 21, 22, 23], 4] = 0.0
    frame, findings = clean(bars)
    assert frame.index[0] == bars.index[24]
    assert "starts on 2024-01-25" in findings[0]
    assert "24 earlier row(s)" in findings[0]


def test_a_short_pause_of_volume_costs_no_history(bars):
    bars.iloc[[0, 20, 21, 22, 99], 4] = 0.0
    frame, findings = clean(bars)
    assert len(frame) == 99
    assert frame.index[0] == bars.index[1]
    assert "2024-01-21, 2024-01-22, 2024-01-23, 2024-04-09" in findings[1]


def test_volume_that_stops_for_good_is_refused_with_the_day_it_did(bars):
    bars.iloc[-4:, 4] = 0.0
    with pytest.raises(BarsError, match="none since 2024-04-05"):
        clean(bars)
    with pytest.raises(BarsError, match="positive volume on some day"):
        clean(bars.assign(volume=0.0))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("open", 0.0, "2024-02-20 open = 0.0 must be positive"),
        ("close", -1.0, "2024-02-20 close = -1.0 must be positive"),
        ("high", np.nan, "2024-02-20 high = nan is missing"),
        ("low", np.inf, "2024-02-20 low = inf must be finite"),
        ("volume", -3.0, "2024-02-20 volume = -3.0 must not be negative"),
        ("volume", np.nan, "2024-02-20 volume = nan is missing"),
        ("high", 140.0, "2024-02-20 high must not be below"),
        ("low", 160.0, "2024-02-20 low must not be above"),
    ],
)
def test_an_impossible_value_is_refused_with_its_day(bars, column, value, message):
    bars.loc["2024-02-20", column] = value
    with pytest.raises(BarsError, match=message):
        clean(bars)


def test_all_impossible_values_are_named_at_once(bars):
    bars.loc["2024-02-20":"2024-02-29", "close"] = np.nan
    bars.loc["2024-02-21", "open"] = -1.0
    with pytest.raises(BarsError, match=r"02-20 close.*02-21 .*and \d+ more"):
        clean(bars)


def test_impossible_values_before_history_starts_do_not_matter(bars):
    bars.iloc[:10, 3] = -1.0
    bars.iloc[:10, 4] = 0.0
    assert clean(bars)[0].index[0] == bars.index[10]


def test_high_and_low_within_one_percent_are_widened_with_a_finding(bars):
    bars.loc["2024-02-20", ["high", "low"]] = [
        bars.loc["2024-02-20", "close"] * 0.995,
        bars.loc["2024-02-20", "open"] * 1.001,
    ]
    frame, findings = clean(bars)
    assert frame.loc["2024-02-20", "high"] == bars.loc["2024-02-20", "close"]
    assert frame.loc["2024-02-20", "low"] == bars.loc["2024-02-20", "open"]
    assert "widened on 2024-02-20" in findings[0]


def test_stale_bars_are_kept_with_a_finding_even_if_only_close_and_volume_repeat(bars):
    bars.iloc[5] = bars.iloc[4]
    bars.iloc[50, [3, 4]] = bars.iloc[49, [3, 4]]
    frame, findings = clean(bars)
    assert len(frame) == 100
    assert "stale, kept) on 2024-01-06, 2024-02-20" in findings[0]


def test_genuine_extremes_are_kept_with_a_finding(bars):
    bars.iloc[50:, :4] *= np.exp(1.52)
    frame, findings = clean(bars)
    assert frame["close"].iloc[50] == pytest.approx(150 * np.exp(1.52))
    assert "more than 0.5 in log (kept) on 2024-02-20" in findings[0]


def test_a_change_of_the_volumes_unit_is_noticed_about_its_day(bars):
    bars.iloc[50:, 4] *= 100
    _, findings = clean(bars)
    assert len(findings) == 1
    assert "50-fold" in findings[0]
    noticed = pd.Timestamp(findings[0].rstrip(".").split()[-1])
    assert abs(noticed - bars.index[50]) <= pd.Timedelta(days=15)


def test_volume_that_merely_grows_tenfold_is_no_change_of_unit(bars):
    bars.iloc[50:, 4] *= 10
    assert clean(bars)[1] == ()


def test_infinite_further_values_are_taken_as_missing(bars):
    frame, findings = clean(bars.assign(hash_rate=[np.inf] + [1.0] * 99, other=2.0))
    assert frame["hash_rate"].isna().sum() == 1
    assert findings == ("Infinite values are taken as missing in hash_rate.",)


def test_a_day_is_mended_the_same_whatever_follows_it(bars):
    damaged = bars.drop(bars.index[[10, 30]])
    damaged.loc[bars.index[20], "high"] = damaged.loc[bars.index[20], "close"] * 0.999
    whole, _ = clean(damaged)
    past, _ = clean(damaged.loc[: bars.index[40]])
    pd.testing.assert_frame_equal(past, whole.loc[: bars.index[40]], check_freq=False)
