"""Closes double every day from 1 on, so that every log-return of `h` days is `h * log 2`."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.diary.book import enter
from forecaster.diary.figures import NAMES, figures
from forecaster.diary.grading import grade, grade_unit, live_figures
from forecaster.intervals import quantile_column
from forecaster.settings import INTERVAL_LEVELS
from forecaster.store import Store

DAYS = pd.date_range("2025-01-01", periods=5, name="date")
CLOSES = pd.Series(2.0 ** np.arange(5), DAYS)
LOG2 = np.log(2)


def row(day: int, horizon: int = 1, centre: float = LOG2, issued: str | None = None, **changed: object) -> dict:
    """A forecast made on the `day`-th of January whose quantiles lie .01 apart around its centre."""
    cutoff = pd.Timestamp(2025, 1, day)
    quantiles = {quantile_column(q): centre + (q - 0.5) / 5 for q in INTERVAL_LEVELS}
    known = {
        "coin": "BTC",
        "source": "folder",
        "served": "a",
        "cutoff": cutoff,
        "trained_until": cutoff,
        "horizon": horizon,
        "target_day": cutoff + pd.Timedelta(days=horizon),
        "issued": pd.Timestamp(issued) if issued else cutoff + pd.Timedelta(days=1, hours=1),
        "close": 2.0 ** (day - 1),
        "log_return": centre,
        **{f"{end}_{level}": 1.0 for end in ("lower", "upper") for level in (80, 90)},
        **{f"promised_{name}": 0.5 for name in NAMES},
    }
    return {**known, **quantiles, **changed}


def graded(*rows: dict) -> pd.DataFrame:
    return grade(pd.DataFrame(rows), CLOSES)


def test_a_forecast_is_scored_when_its_day_has_come_and_waits_until_then() -> None:
    found = graded(row(1), row(5))
    assert found["y"].tolist() == pytest.approx([LOG2, np.nan], nan_ok=True)
    assert found["error"].iloc[0] == pytest.approx(0, abs=1e-12)
    assert found[["hit_80", "hit_90"]].to_numpy().tolist()[0] == [1, 1]
    assert found.iloc[1][["error", "hit_90", "pinball", "interval_score_90"]].isna().all()


def test_scores_are_those_computed_by_hand() -> None:
    missed = graded(row(1, centre=LOG2 + 0.5)).iloc[0]  # the outcome lies .41 below the lower end
    assert (missed["hit_80"], missed["hit_90"]) == (0, 0)
    assert missed["error"] == pytest.approx(0.5)
    assert missed["interval_score_90"] == pytest.approx(0.18 + 2 / 0.1 * 0.41)
    by_hand = np.mean([(1 - q) * (0.5 + (q - 0.5) / 5) for q in INTERVAL_LEVELS])
    assert missed["pinball"] == pytest.approx(by_hand)


def test_the_last_forecast_before_the_day_is_over_counts() -> None:
    early = row(1, centre=0.1, issued="2025-01-02 01:00", served="a")
    late = row(1, centre=0.2, issued="2025-01-02 20:00", served="b")
    assert graded(early, late)["y_hat"].tolist() == [0.2]


def test_a_forecast_made_after_the_event_displaces_none_and_is_marked() -> None:
    honest, hindsight = row(1, centre=0.1), row(1, centre=LOG2, issued="2025-06-01", served="b")
    assert graded(honest, hindsight)[["y_hat", "replayed"]].to_numpy().tolist() == [[0.1, False]]
    alone = graded(hindsight)
    assert alone["replayed"].tolist() == [True]
    assert live_figures(alone)["n_replayed"] == 1


def test_live_figures_know_nothing_of_what_was_made_after_its_day() -> None:
    hit, misses = row(1), [row(day, centre=-1.0, issued="2025-06-01", promised_coverage_90=0.1) for day in (2, 3)]
    found = live_figures(graded(hit, *misses))
    assert (found["n"], found["n_replayed"], found["coverage_90"]) == (1, 2, 1)
    assert found["promised"]["coverage_90"] == 0.5


def test_what_is_issued_while_its_days_are_under_way_displaces_none_that_was_issued_before() -> None:
    prompt, late = row(1, 3, centre=0.1), row(1, 3, centre=0.2, issued="2025-01-04", served="b")
    assert graded(prompt, late)["y_hat"].tolist() == [0.1]
    later = row(1, 3, centre=0.3, issued="2025-01-04 12:00", served="c")
    found = graded(late, later)  # bars were late: the first counts
    assert found[["y_hat", "replayed"]].to_numpy().tolist() == [[0.2, True]]


@pytest.mark.parametrize(
    ("horizon", "issued", "is_late"),
    [
        (1, "2025-01-02 23:59", False),
        (1, "2025-01-03", True),
        (7, "2025-01-03", True),
        (30, "2025-01-04 23:59", False),
        (30, "2025-01-05", True),
    ],
)
def test_a_day_or_a_tenth_of_its_days_may_have_passed(horizon: int, issued: str, is_late: bool) -> None:
    assert graded(row(1, horizon, issued=issued))["replayed"].tolist() == [is_late]


def test_revised_bars_are_scored_as_they_are_today_and_the_close_issued_with_is_kept() -> None:
    found = graded(row(1, close=1.5))
    assert found["revised"].tolist() == [True]
    assert found["close"].tolist() == [1.5]
    assert found["y"].tolist() == pytest.approx([LOG2])
    assert live_figures(found)["n_revised"] == 1


def test_live_figures_stand_beside_what_was_promised() -> None:
    live = live_figures(graded(row(1), row(2, centre=LOG2 + 0.5, promised_coverage_90=0.9), row(5)))
    assert (live["n"], live["n_waiting"]) == (2, 1)
    assert live["coverage_90"] == 0.5
    assert live["promised"]["coverage_90"] == pytest.approx(0.7)
    assert live["skill_vs_zero"] == pytest.approx(1 - np.sqrt(0.5**2 / 2) / LOG2)


def test_without_a_graded_forecast_only_the_promise_can_be_told() -> None:
    live = live_figures(graded(row(5)))
    assert (live["n"], live["n_waiting"], live["coverage_90"]) == (0, 1, None)
    assert live["promised"]["coverage_90"] == 0.5
    assert figures(pd.DataFrame()) == {"n": 0, **dict.fromkeys(NAMES)}


def test_other_markets_in_the_diary_are_left_alone(tmp_path: Path) -> None:
    store, path = Store(tmp_path / "store"), tmp_path / "BTC.parquet"
    entered = pd.DataFrame([row(1), row(1, horizon=2, source="simulated, seed 1")]).drop(columns="issued")
    enter(path, entered, pd.Timestamp("2025-01-02 01:00"))
    closes = store.put_frame(CLOSES.to_frame("close"))
    assert list(grade_unit(store.root, path, "folder", closes).live) == ["1"]
    assert grade_unit(store.root, path, "elsewhere", closes).live == {}
    assert grade_unit(store.root, tmp_path / "none.parquet", "folder", closes).live == {}
