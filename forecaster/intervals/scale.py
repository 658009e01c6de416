"""What the volatility core misses, learned from day to day: weekends, turnover, the sign of the last return."""

import numpy as np
import pandas as pd

from forecaster.intervals.conformal import REFRESH
from forecaster.intervals.volatility import core_volatility, ewma_volatility, range_variance, trailing
from forecaster.settings import IntervalConfig
from forecaster.windows import Floats

WINDOWS = (1, 7, 30)  # days of range variance, each told apart from the core
FAST = 0.97  # decay of the returns' average that is told apart from it
LARGEST = 3.0  # in its own usual size, of any driver of one day
TURNOVER = 30  # days that volume is compared to
NOTHING = 1e-12  # a mean residual of a price that never moved counts as this


def learned_scale(bars: pd.DataFrame, residuals: Floats, horizon: int, config: IntervalConfig) -> Floats:
    """The core's volatility times what past residuals say about its errors: `(n_days,)`, known at each close.

    The logarithm of the scale is linear in `drivers`. Each label, when it arrives, moves the coefficients by one
    scoring step of the Laplace likelihood, with a prior at zero that weighs `prior` days per day of the horizon, since
    labels overlap, and a memory of `1 / (1 - memory)` days.

    Args:
        bars: daily `open high low close volume`.
        residuals: what came minus what was forecast, per origin `(n_days,)`; NaN where not labelled yet.
        horizon: days ahead.
        config: core, prior, memory.
    """
    core = core_volatility(bars, horizon, config)
    x = drivers(bars, core, horizon)
    known = np.isfinite(x).all(axis=1) & np.isfinite(core)
    sizes = np.where(known, np.abs(residuals) / core, np.nan)
    return np.asarray(core * np.exp(_walk(np.where(known[:, None], x, 0.0), sizes, horizon, config)))


def drivers(bars: pd.DataFrame, core: Floats, horizon: int) -> Floats:
    """What may make the next days wilder or calmer than the core says: `(n_days, n_drivers)`, each about 0 on average.

    The weekday is one only of the next day: a week and a month have all of them.
    """
    daily = np.log(bars["close"]).diff()
    returns = daily.to_numpy(float)
    variance = range_variance(bars)
    month = np.sqrt(trailing(variance, 30))
    columns: list[Floats] = [np.log(trailing(variance, n)) / 2 - np.log(core) for n in WINDOWS]
    columns.append(np.log(ewma_volatility(daily, FAST)) - np.log(core))
    columns += [np.clip(returns / month, -LARGEST, 0), np.clip(returns / month, 0, LARGEST)]
    columns.append(turnover(bars["volume"]))
    if horizon == 1:
        tomorrow = (pd.DatetimeIndex(bars.index).day_of_week.to_numpy() + 1) % 7
        columns += [(tomorrow == day) - 1 / 7 for day in range(6)]
    return np.column_stack(columns)


def turnover(volume: "pd.Series[float]") -> Floats:
    """Logarithm of a day's volume over its 30-day mean, cut to +-3; 0 on a day without trade."""
    usual = volume.rolling(TURNOVER).mean()
    ratio = (volume / usual).where((volume > 0) & (usual > 0), 1.0).to_numpy(float)
    return np.asarray(np.clip(np.log(ratio), -LARGEST, LARGEST))


def _walk(x: Floats, sizes: Floats, horizon: int, config: IntervalConfig) -> Floats:
    """Correction of each day's log-scale `(n,)`, learned from the labels that are known by then."""
    n_drivers = x.shape[1]
    prior = config.prior * horizon * np.eye(n_drivers)
    gram, slopes, inverse = np.zeros((n_drivers, n_drivers)), np.zeros(n_drivers), np.linalg.inv(prior)
    usual, weight, corrections = 0.0, 0.0, np.zeros(len(x))
    for t in range(len(x)):
        s = t - horizon
        if s >= 0 and np.isfinite(sizes[s]):
            size = float(sizes[s] * np.exp(-(x[s] @ slopes)))
            usual, weight = config.memory * usual + size, config.memory * weight + 1
            surprise = min(size * weight / max(usual, NOTHING), config.largest_surprise) - 1
            gram = config.memory * gram + x[s][:, None] * x[s]
            if t % REFRESH == 0:  # what a week adds to months of days changes the length of a step by little
                inverse = np.linalg.inv(gram + prior)
            slopes = slopes + surprise * (inverse @ x[s])
        corrections[t] = x[t] @ slopes
    return corrections
