"""Shape of recent returns: skewness, kurtosis, z-scores, autocorrelation, straightness of the trend."""

import numpy as np
import pandas as pd
import talib

from forecaster.features._ops import correlation, log_of, log_return, ratio, settled, zscore

SHAPE_DAYS = (20, 60)
LAGS = (1, 2, 5, 10)
MEMORY_DAYS = 60  # over which autocorrelations are taken
AGGREGATE_DAYS = 5  # of the variance ratio


def features(bars: pd.DataFrame) -> pd.DataFrame:
    """Statistical columns for every day of `bars`."""
    daily = log_return(bars["close"])
    return pd.DataFrame(_shape(daily) | _distance(bars["close"], daily) | _memory(daily) | _trend(bars["close"]))


def _shape(daily: pd.Series) -> dict[str, pd.Series]:
    skewness = {f"skewness_{n}d": settled(daily.rolling(n).skew(), daily, n) for n in SHAPE_DAYS}
    kurtosis = {f"kurtosis_{n}d": settled(daily.rolling(n).kurt(), daily, n) for n in SHAPE_DAYS}
    return skewness | kurtosis


def _distance(close: pd.Series, daily: pd.Series) -> dict[str, pd.Series]:
    price = {f"price_zscore_{n}d": zscore(log_of(close), n) for n in (20, 50, 100)}
    return price | {f"return_zscore_{n}d": zscore(daily, n) for n in (20, 60)}


def _memory(daily: pd.Series) -> dict[str, pd.Series]:
    size = daily.abs()
    long = daily.rolling(AGGREGATE_DAYS).sum().rolling(MEMORY_DAYS).var()
    return {f"autocorrelation_{k}_60d": correlation(daily, daily.shift(k), MEMORY_DAYS) for k in LAGS} | {
        "size_autocorrelation_1_60d": correlation(size, size.shift(), MEMORY_DAYS),
        # Lo and MacKinlay 1988: 1 for a random walk, more when returns continue, less when they revert.
        "variance_ratio_5_60d": ratio(long, AGGREGATE_DAYS * daily.rolling(MEMORY_DAYS).var(), empty=1.0),
    }


def _trend(close: pd.Series) -> dict[str, pd.Series]:
    """Slope per day of a line through the log-prices, and the share of their variance that it explains."""
    log_close = log_of(close)
    slope = pd.Series(talib.LINEARREG_SLOPE(log_close.to_numpy(), 20), close.index)
    time = pd.Series(np.arange(len(close), dtype="float64"), close.index)
    return {"trend_slope_20d": slope, "trend_r2_20d": correlation(log_close, time, 20) ** 2}
