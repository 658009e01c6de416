"""What is said of forecasts whose day has come: the same figures for a backtest and for what was issued."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from forecaster.intervals import quantile_column
from forecaster.metrics import rmse, skill_vs_zero
from forecaster.settings import INTERVAL_LEVELS
from forecaster.windows import Floats

Figures = dict[str, float | int | None]
LEVELS = (0.8, 0.9)
NAMES = ("coverage_80", "coverage_90", "interval_score_90", "pinball", "rmse", "skill_vs_zero")


def bounds(rows: pd.DataFrame, level: float) -> tuple[Floats, Floats]:
    """Lower and upper end of an interval, in log-return: `(n,)` each."""
    tail = round((1 - level) / 2, 4)
    lower, upper = (rows[quantile_column(q)].to_numpy(float) for q in (tail, 1 - tail))
    return lower, upper


def hits(rows: pd.DataFrame, level: float) -> Floats:
    """Whether each outcome `y` lies inside its interval: `(n,)`."""
    lower, upper = bounds(rows, level)
    y = rows["y"].to_numpy(float)
    return np.asarray((lower <= y) & (y <= upper))


def interval_scores(rows: pd.DataFrame, level: float) -> Floats:
    """Width plus `2 / (1 - level)` times the miss (Gneiting & Raftery 2007), in log-return: `(n,)`, lower is better."""
    import scoringrules  # takes a second, and whoever only reads figures needs none

    lower, upper = bounds(rows, level)
    return np.asarray(scoringrules.interval_score(rows["y"].to_numpy(float), lower, upper, round(1 - level, 4)))


def pinballs(rows: pd.DataFrame) -> Floats:
    """Quantile score, mean over the levels that were issued, in log-return: `(n,)`, lower is better."""
    import scoringrules

    quantiles = rows[[quantile_column(level) for level in INTERVAL_LEVELS]].to_numpy(float)
    y = rows["y"].to_numpy(float)[:, None]
    return np.asarray(scoringrules.quantile_score(y, quantiles, np.asarray(INTERVAL_LEVELS)).mean(axis=1))


def figures(rows: pd.DataFrame) -> Figures:
    """Figures over forecasts of one horizon with their outcomes; all but `n` None without any.

    Args:
        rows: `y`, `y_hat` and a column per quantile, in log-return.
    """
    if rows.empty:
        return {"n": 0, **dict.fromkeys(NAMES)}
    y, y_hat = (rows[name].to_numpy(float) for name in ("y", "y_hat"))
    values = (
        *(float(hits(rows, level).mean()) for level in LEVELS),
        float(interval_scores(rows, 0.9).mean()),
        float(pinballs(rows).mean()),
        rmse(y, y_hat),
        skill_vs_zero(y, y_hat),
    )
    return {"n": len(rows), **dict(zip(NAMES, map(_or_none, values), strict=True))}


def promised(figures_of: Mapping[str, Any]) -> Figures:
    """The figures of a backtest under the names that a forecast carries them by."""
    return {f"promised_{name}": figures_of[name] for name in NAMES}


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
