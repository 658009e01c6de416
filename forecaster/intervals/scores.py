"""What intervals promised and what they held."""

import numpy as np
import pandas as pd

from forecaster.calibration import IntervalScores
from forecaster.intervals.frame import quantile_column
from forecaster.windows import Floats

ROLLING_DAYS = 365
LEVELS = (0.8, 0.9)


def interval_scores(
    y: Floats, quantiles: pd.DataFrame, levels: tuple[float, ...], rolling: Floats | None = None
) -> IntervalScores:
    """Score quantiles of outcomes that are known.

    Interval score and quantile score are those of Gneiting and Raftery (2007).

    Args:
        y: log-returns `(n,)`; NaN where unknown, which leaves the origin out.
        quantiles: the columns of `interval_frame` on those origins.
        levels: of the quantiles.
        rolling: lower and upper end of the rival's 90 % interval `(n, 2)`; origins without are left out of its score.
    """
    known = np.isfinite(y)
    if not known.any():
        return IntervalScores()
    q = quantiles.loc[:, [quantile_column(level) for level in levels]].to_numpy(float)[known]
    ends = {level: _ends(quantiles[known], level) for level in LEVELS}
    own = interval_score(y[known], *ends[0.9].T)
    rivals = {} if rolling is None else _against(y[known], own, rolling[known])
    return IntervalScores(
        coverage_80=coverage(y[known], ends[0.8]),
        coverage_90=coverage(y[known], ends[0.9]),
        interval_score_90=float(own.mean()),
        miscalibration=float(np.abs(shares_below(y[known], q) - levels).mean()),
        pinball=float(pinball(y[known], q, levels).mean()),
        n=int(known.sum()),
        **rivals,
    )


def rolling_quantiles(outcomes: Floats, horizon: int, levels: tuple[float, ...]) -> Floats:
    """Quantiles of the outcomes of the last 365 days' origins, as known at each close: `(n, n_levels)`."""
    known: pd.Series[float] = pd.Series(outcomes).shift(horizon)
    window = known.rolling(ROLLING_DAYS)
    return np.column_stack([window.quantile(level).to_numpy(float) for level in levels])


def coverage(y: Floats, ends: Floats) -> float:
    """Share of `y` `(n,)` between the `ends` `(n, 2)`."""
    return float(np.mean((ends[:, 0] <= y) & (y <= ends[:, 1])))


def shares_below(y: Floats, quantiles: Floats) -> Floats:
    """Share of outcomes below each quantile: `(n_levels,)`."""
    return np.asarray((y[:, None] < quantiles).mean(axis=0))


def interval_score(y: Floats, lower: Floats, upper: Floats, level: float = 0.9) -> Floats:
    """Width, and a penalty for what lies outside: `(n,)`."""
    import scoringrules  # slow to import

    return np.asarray(scoringrules.interval_score(y, lower, upper, 1 - level))


def pinball(y: Floats, quantiles: Floats, levels: tuple[float, ...]) -> Floats:
    """Mean quantile score of each origin over its quantiles `(n, n_levels)`: `(n,)`."""
    import scoringrules

    scores: Floats = np.asarray(scoringrules.quantile_score(y[:, None], quantiles, np.asarray(levels)))
    return np.asarray(scores.mean(axis=1))


def _ends(quantiles: pd.DataFrame, level: float) -> Floats:
    outside = (1 - level) / 2
    return quantiles[[quantile_column(outside), quantile_column(1 - outside)]].to_numpy(float)


def _against(y: Floats, own: Floats, rolling: Floats) -> dict[str, float]:
    """Both interval scores on the origins where there are both."""
    both = np.isfinite(rolling).all(axis=1)
    if not both.any():
        return {}
    rival = float(interval_score(y[both], *rolling[both].T).mean())
    return {"rolling_score_90": rival, "against_rolling": 1 - float(own[both].mean()) / rival}
