"""Forecasts whose day has come, beside what happened and what had been promised."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.diary.book import read_diary
from forecaster.diary.figures import LEVELS, NAMES, figures, hits, interval_scores, pinballs
from forecaster.settings import Config
from forecaster.store import Artifact, Store

DAY = pd.Timedelta(days=1)  # after its day begins a bar is closed
LATE = 0.1  # share of a forecast's days, or one day, that may have passed when it is issued
SAME_CLOSE = 1e-9  # relative difference up to which a close is the one that a forecast was issued with


class Graded(Config):
    """A diary's grades.

    Attributes:
        live: horizon -> figures of what was issued, how many forecasts they rest on, and what was promised.
        rows: every forecast that counts and whose day has come, graded.
    """

    live: dict[str, dict[str, Any]]
    rows: Artifact


def grade_unit(root: Path, path: Path, source: str, closes: Artifact) -> Graded:
    """Grade the forecasts of one kind of market in the diary at `path` against the closes of today."""
    store, rows = Store(root), read_diary(path)
    if not rows.empty:
        rows = rows[rows["source"] == source]
    graded = grade(rows, store.frame(closes)["close"])
    live = {str(h): live_figures(each) for h, each in graded.groupby("horizon")} if len(graded) else {}
    return Graded(live=live, rows=store.put_frame(graded))


def grade(rows: pd.DataFrame, closes: "pd.Series[float]") -> pd.DataFrame:
    """The forecasts that count, with what came of them; NaN where their day has not come.

    Of several for one day and horizon the last counts that was issued before the next day had closed, or else the
    first that was issued at all: a later one may know how its days began. What was issued more than a day after its
    close, or a tenth of its days where that is more, is marked `replayed`, and kept only where there is no other.

    Returns:
        The rows with `replayed`, `y` (log-return between the closes of today), `y_hat`, `error`, `hit_80`, `hit_90`,
        `interval_score_90`, `pinball` and `revised`: whether the close it was issued with is no longer the close.
    """
    if rows.empty:
        return rows
    may_pass = np.maximum(1, LATE * rows["horizon"])
    counted = _counting(rows.assign(replayed=rows["issued"] >= rows["cutoff"] + DAY * (1 + may_pass)))
    now = closes.reindex(counted["cutoff"]).to_numpy(float)
    then = closes.reindex(counted["target_day"]).to_numpy(float)
    graded = counted.assign(
        y=np.log(then / now),
        y_hat=counted["log_return"],
        revised=~np.isclose(counted["close"], now, rtol=SAME_CLOSE, atol=0),
    )
    unknown = graded["y"].isna()
    scores = {
        "error": graded["y_hat"] - graded["y"],
        **{f"hit_{100 * level:.0f}": hits(graded, level).astype(float) for level in LEVELS},
        "interval_score_90": interval_scores(graded, 0.9),
        "pinball": pinballs(graded),
    }
    return graded.assign(**{name: pd.Series(each, graded.index).mask(unknown) for name, each in scores.items()})


def _counting(rows: pd.DataFrame) -> pd.DataFrame:
    """One forecast per day and horizon, in order of their days."""
    is_prompt = rows["issued"] < rows["cutoff"] + 2 * DAY
    in_order = pd.concat([rows[is_prompt].iloc[::-1], rows[~is_prompt]])  # those after the event were issued last
    counted = in_order.drop_duplicates(["cutoff", "horizon"], keep="first")
    return counted.sort_values(["cutoff", "horizon"], ignore_index=True)


def live_figures(graded: pd.DataFrame) -> dict[str, Any]:
    """Figures over live forecasts of one horizon whose day has come, beside how many wait or have another close now.

    What was made when much of it was known is counted apart, in `n_replayed`: it proves little.
    """
    done = graded[graded["y"].notna()]
    live = done[~done["replayed"]]
    promises = live if len(live) else graded
    return {
        **figures(live),
        "n_waiting": len(graded) - len(done),
        "n_replayed": len(done) - len(live),
        "n_revised": int(live["revised"].sum()),
        "promised": {name: _mean(promises[f"promised_{name}"]) for name in NAMES},
    }


def _mean(values: "pd.Series[float]") -> float | None:
    return None if values.isna().all() else float(values.mean())
