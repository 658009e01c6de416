"""Small rolling operations that stay finite on flat bars and on days without volume."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
TINY = 1e-12  # a denominator up to this is a flat stretch, not a measurement


class Prices(NamedTuple):
    """Contiguous float64 arrays for TA-Lib, `(n_days,)` each, in units of a millionth of the first close.

    TA-Lib takes variances and money flows below fixed thresholds for zero, which a coin at 0.0003 USD would run into.
    """

    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array


def prices(bars: pd.DataFrame) -> Prices:
    """Bars as TA-Lib wants them."""
    unit = bars["close"].iloc[0] * 1e-6
    opened, high, low, close = (bars[name].to_numpy("float64") / unit for name in ("open", "high", "low", "close"))
    return Prices(opened, high, low, close, np.ascontiguousarray(bars["volume"], dtype="float64"))


def log_return(close: pd.Series, days: int = 1) -> pd.Series:
    """`log(close[t] / close[t - days])`."""
    return log_of(close / close.shift(days))


def log_of(values: pd.Series) -> pd.Series:
    """Natural logarithm, of a positive series."""
    return values.transform(np.log)


def ratio(numerator: pd.Series, denominator: pd.Series, empty: float) -> pd.Series:
    """Quotient; `empty` where the denominator vanishes, NaN where either side is not known yet."""
    unknown = numerator.isna() | denominator.isna()
    return (numerator / denominator).where(unknown | (denominator.abs() > TINY), empty)


def zscore(values: pd.Series, window: int) -> pd.Series:
    """Distance from the rolling mean in rolling standard deviations; 0 where nothing moves."""
    rolling = values.rolling(window)
    return ratio(values - rolling.mean(), rolling.std(), empty=0.0)


def flag(condition: pd.Series, *inputs: pd.Series) -> pd.Series:
    """1.0 where true, 0.0 where false, NaN where an input is not known yet."""
    known = pd.concat(inputs, axis=1).notna().all(axis=1)
    return condition.astype("float64").where(known)


def settled(values: pd.Series, source: pd.Series, window: int, empty: float = 0.0) -> pd.Series:
    """`empty` where a full window of `source` leaves a statistic undefined, as a constant one does."""
    return values.mask(values.isna() & source.rolling(window).count().eq(window), empty)


def correlation(left: pd.Series, right: pd.Series, window: int) -> pd.Series:
    """Rolling Pearson correlation in [-1, 1]; 0 where either side stands still."""
    both = left + right
    left, right = left.where(both.notna()), right.where(both.notna())
    moving = (left.rolling(window).std() > TINY) & (right.rolling(window).std() > TINY)
    measured = left.rolling(window).corr(right).clip(-1, 1).where(moving)
    return settled(measured, both, window)
