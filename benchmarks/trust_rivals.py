"""What calibrated intervals are held against: an anchor made of known parts, and quantiles of the past alone.

No script of its own: `benchmarks.trust` asks it.
"""

import numpy as np
import pandas as pd

from forecaster.intervals.scores import rolling_quantiles
from forecaster.intervals.volatility import ewma_volatility, har_volatility, range_variance
from forecaster.settings import INTERVAL_LEVELS
from forecaster.windows import Floats, log_returns

DECAYS = (0.97, 0.99)
STEP = 0.002  # of the conformal inference, over the horizon
MIN_LABELS = 100
EDGE = 0.001


def anchor_quantiles(bars: pd.DataFrame, horizon: int) -> Floats:
    """Mean radius of three volatilities, each with adaptive conformal inference, around zero: `(n_days, n_levels)`.

    A HAR forecast of range variance and exponential averages of squared returns with decays .97 and .99; the radius of
    each is its volatility times a quantile of all past |outcome| / volatility.
    """
    daily = np.log(bars["close"]).diff()
    volatilities = [har_volatility(range_variance(bars), horizon), *(ewma_volatility(daily, d) for d in DECAYS)]
    y = outcomes(bars, horizon)
    radius = np.mean([v[:, None] * _radii(np.abs(y / v), horizon) for v in volatilities], axis=0)  # (n_days, 9)
    radius = np.sort(radius, axis=1)
    return np.hstack([-radius[:, ::-1], np.zeros((len(y), 1)), radius])


def static_quantiles(bars: pd.DataFrame, horizon: int, last: pd.Timestamp) -> Floats:
    """Quantiles of the outcomes of all origins up to `last`, the same for every day: `(n_days, n_levels)`."""
    y = outcomes(bars, horizon)
    seen = y[(bars.index <= last) & np.isfinite(y)]
    return np.tile(np.quantile(seen, INTERVAL_LEVELS), (len(y), 1))


def rolling(bars: pd.DataFrame, horizon: int) -> Floats:
    """Quantiles of the last 365 days' outcomes: `(n_days, n_levels)`."""
    return rolling_quantiles(outcomes(bars, horizon), horizon, INTERVAL_LEVELS)


def outcomes(bars: pd.DataFrame, horizon: int) -> Floats:
    """Log-return from each day: `(n_days,)`."""
    return log_returns(np.log(bars["close"].to_numpy(float)), (horizon,))[:, 0]


def _radii(sizes: Floats, horizon: int) -> Floats:
    """Quantiles of |score| whose levels follow their misses, for coverages .1 ... .9: `(n_days, 9)`."""
    levels = np.array([upper - lower for lower, upper in zip(INTERVAL_LEVELS, INTERVAL_LEVELS[::-1], strict=True)])
    levels = levels[:9][::-1]
    moved, seen, radii = levels, np.empty(0), np.full((len(sizes), len(levels)), np.nan)
    for t in range(horizon, len(sizes)):
        s = t - horizon
        if np.isfinite(sizes[s]):
            seen = np.insert(seen, seen.searchsorted(sizes[s]), sizes[s])
            if np.isfinite(radii[s, 0]):
                moved = np.clip(moved + STEP / horizon * (levels - (sizes[s] <= radii[s])), EDGE, 1 - EDGE)
        if len(seen) >= MIN_LABELS:
            radii[t] = np.interp(moved * (len(seen) - 1), np.arange(len(seen)), seen)
    return radii
