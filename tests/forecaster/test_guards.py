from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecaster.extrapolation import Distance
from forecaster.guards import (
    guard_extrapolation,
    guard_members,
    guard_missing,
    guard_model_age,
    guard_partner,
    guard_revisions,
    guard_staleness,
)
from forecaster.market.digest import month_digests
from forecaster.suspicion import suspected_leak

LAST = date(2025, 6, 1)
ALL = pd.Series(True, range(3))


def bars(n: int = 40) -> pd.DataFrame:
    days = pd.date_range("2025-01-15", periods=n, name="date")
    return pd.DataFrame({name: np.arange(1.0, n + 1) for name in ("open", "high", "low", "close", "volume")}, days)


def test_scores_too_good_on_real_bars_are_a_suspected_leak_of_any_model() -> None:
    skilful = {"ridge": {"test": {"1": {"skill_vs_zero": 0.03, "directional_accuracy": 0.57}}}}
    assert suspected_leak(skilful, simulated=False) == (
        "Ridge's 1-day skill is +3.0 %, above 2.5 %. Ridge has the right sign on 57.0 % of days, above 56 %."
    )
    assert suspected_leak(skilful, simulated=True) is None
    modest = {"tcn": {"val": {"1": {"skill_vs_zero": 0.9}}, "test": {"1": {"skill_vs_zero": 0.02}, "30": {}}}}
    assert suspected_leak(modest, simulated=False) is None
    assert suspected_leak(modest, False, ["gauge knows the future."]) == "gauge knows the future."


@pytest.mark.parametrize(("days", "alarm"), [(0, False), (1, False), (2, True)])
def test_bars_may_be_a_day_old(days: int, alarm: bool) -> None:
    assert guard_staleness(days, LAST).alarm is alarm


@pytest.mark.parametrize(("age", "alarm"), [(0, False), (7, False), (8, True), (-1, True)])
def test_models_may_be_a_week_old_and_must_not_know_the_day(age: int, alarm: bool) -> None:
    found = guard_model_age(age, LAST)
    assert found.alarm is alarm
    assert ("hindsight" in found.says) is (age < 0)


def test_only_a_window_unlike_nearly_all_of_training_is_far() -> None:
    assert not guard_extrapolation(Distance(1.2, 0.995, 0.01, ("rsi_14",))).alarm
    far = guard_extrapolation(Distance(9.0, 0.999, 0.0, ("rsi_14", "atr")))
    assert far.alarm
    assert "farthest: rsi_14, atr" in far.says


def test_a_window_near_the_others_is_far_all_the_same_where_its_numbers_are_new() -> None:
    found = guard_extrapolation(Distance(1.2, 0.9, 0.06, ("return_1d",)))
    assert found.alarm
    assert "6.0 % of its numbers lie outside all of them; farthest: return_1d" in found.says


def test_days_without_trade_and_features_without_value_are_named() -> None:
    window = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, np.nan, 3.0]})
    assert not guard_missing(window[["a"]], ALL).alarm
    found = guard_missing(window, pd.Series([True, False, True]))
    assert found.says == "In the window 1 of 3 days had no trade or no bar and values of b are missing."
    assert found.alarm


def test_a_revised_bar_is_found_in_its_month_and_new_days_are_no_revision() -> None:
    then = month_digests(bars())
    assert list(then) == ["2025-01", "2025-02"]
    assert not guard_revisions(then, month_digests(bars(50).iloc[:40])).alarm
    revised = bars()
    revised.loc["2025-02-03", "close"] *= 1.0001
    found = guard_revisions(then, month_digests(revised))
    assert found.alarm
    assert found.says.startswith("Bars of 2025-02 are not what")


def test_a_run_without_digests_says_so() -> None:
    assert guard_revisions({}, month_digests(bars())).says.startswith("Unknown")


def test_lost_members_and_partners_are_named() -> None:
    assert guard_members(("tcn",)).says == "TCN: no serving refit."
    assert not guard_members(()).alarm
    assert guard_partner("ETH", "no file").alarm
    assert not guard_partner("ETH", None).alarm
