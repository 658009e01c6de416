"""How much the price will move, as known at each day's close: three estimates and their mean."""

import numpy as np
import pandas as pd

from forecaster.settings import IntervalConfig
from forecaster.windows import Floats

STILL = 1e-4  # daily volatility below 0.01 % counts as that, so that logarithms and ratios stay finite
HAR_WINDOWS = (1, 7, 30)  # days: Corsi's day, week and month, in a market that never closes
HAR_LABELS = 60  # fewest labelled days before the regression is trusted


def core_volatility(bars: pd.DataFrame, horizon: int, config: IntervalConfig) -> Floats:
    """Geometric mean of a range-based HAR forecast and exponential averages of squared returns: `(n_days,)`, daily.

    Args:
        bars: daily `open high low close`, in order and without gaps.
        horizon: days ahead that the HAR forecast is for.
        config: decays of the averages.

    Returns:
        Volatility of one day; NaN while history is too short.
    """
    daily = np.log(bars["close"]).diff()
    estimates = [har_volatility(range_variance(bars), horizon)]
    estimates += [ewma_volatility(daily, decay) for decay in config.decays]
    return np.asarray(np.exp(np.mean(np.log(estimates), axis=0)))


def range_variance(bars: pd.DataFrame) -> Floats:
    """Variance of each day from its open, high, low and close (Rogers and Satchell 1991), and the jump into it."""
    opened, high, low, close = (np.log(bars[name].to_numpy(float)) for name in ("open", "high", "low", "close"))
    jump = opened - np.concatenate([opened[:1], close[:-1]])
    within = (high - opened) * (high - close) + (low - opened) * (low - close)
    return np.asarray(np.maximum(within + jump**2, STILL**2))


def ewma_volatility(daily: "pd.Series[float]", decay: float) -> Floats:
    """Root of an exponentially weighted mean of squared returns (RiskMetrics 1996): `(n_days,)`."""
    variance = (daily**2).ewm(alpha=1 - decay, min_periods=max(HAR_WINDOWS)).mean()
    return np.asarray(np.sqrt(np.maximum(variance.to_numpy(float), STILL**2)))


def har_volatility(variance: Floats, horizon: int) -> Floats:
    """Direct forecast of the next `horizon` days' mean variance, its root: `(n_days,)` (Corsi 2009, in logarithms).

    The regression of each day has seen every label known by then, and no other.
    """
    x = np.column_stack([np.ones(len(variance)), *(np.log(trailing(variance, n)) for n in HAR_WINDOWS)])
    ahead = np.log(_ahead(variance, horizon))
    known = np.isfinite(x).all(axis=1) & np.isfinite(ahead)
    a, b = np.where(known[:, None], x, 0.0), np.where(known, ahead, 0.0)
    gram = _known_at(np.cumsum(a[:, :, None] * a[:, None, :], axis=0), horizon)
    moment = _known_at(np.cumsum(a * b[:, None], axis=0), horizon)
    enough = gram[:, 0, 0] >= HAR_LABELS
    slopes = np.full(x.shape, np.nan)
    slopes[enough] = np.linalg.solve(gram[enough] + 1e-6 * np.eye(x.shape[1]), moment[enough][:, :, None])[:, :, 0]
    return np.asarray(np.exp(np.sum(x * slopes, axis=1) / 2))


def trailing(values: Floats, n: int) -> Floats:
    """Mean of each day and the `n - 1` before it; NaN where there are fewer."""
    return pd.Series(values).rolling(n).mean().to_numpy(float)


def _ahead(values: Floats, horizon: int) -> Floats:
    """Mean of the `horizon` days after each."""
    return np.append(trailing(values, horizon)[horizon:], np.full(min(horizon, len(values)), np.nan))


def _known_at(sums: Floats, horizon: int) -> Floats:
    """Sums over origins whose label has closed by each day: those of `horizon` days before."""
    return np.concatenate([np.zeros_like(sums[:horizon]), sums[: max(len(sums) - horizon, 0)]])
