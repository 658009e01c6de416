"""Forecasts whose day has come, beside what happened and what had been promised."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.diary.book import read_diary
from forecaster.diary.figures import LEVELS, NAMES, figures, hits, interval_scores, pinballs
from forecaster.settings import Config
from forecaster.store import Artifact, Store

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

    Of several for one day and horizon the last counts that was issued before the day was over; a forecast made after
    the event, from bars cut at an earlier day, is marked `replayed`, and counts only where there is no other.

    Returns:
        The rows with `replayed`, `y` (log-return between the closes of today), `y_hat`, `error`, `hit_80`, `hit_90`,
        `interval_score_90`, `pinball` and `revised`: whether the close it was issued with is no longer the close.
    """
    if rows.empty:
        return rows
    counted = _counting(rows.assign(replayed=rows["issued"] >= rows["target_day"] + pd.Timedelta(days=1)))
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
    ahead = rows[~rows["replayed"]].drop_duplicates(["cutoff", "horizon"], keep="last")
    replayed = rows[rows["replayed"]].drop_duplicates(["cutoff", "horizon"], keep="first")
    both = pd.concat([ahead, replayed]).drop_duplicates(["cutoff", "horizon"], keep="first")
    return both.sort_values(["cutoff", "horizon"], ignore_index=True)


def live_figures(graded: pd.DataFrame) -> dict[str, Any]:
    """Figures over the graded forecasts of one horizon, with how many wait, were replayed or have another close now."""
    done = graded[graded["y"].notna()]
    promises = done if len(done) else graded
    return {
        **figures(done),
        "n_waiting": len(graded) - len(done),
        "n_replayed": int(done["replayed"].sum()),
        "n_revised": int(done["revised"].sum()),
        "promised": {name: _mean(promises[f"promised_{name}"]) for name in NAMES},
    }


def _mean(values: "pd.Series[float]") -> float | None:
    return None if values.isna().all() else float(values.mean())
