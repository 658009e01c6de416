"""The close relative to its moving averages, their slopes and crossovers, MACD."""

import numpy as np
import pandas as pd
import talib

from forecaster.features._ops import Array, prices

PERIODS = (5, 10, 20, 50, 100, 200)
SLOPE_DAYS = 5
CROSSOVERS = ((5, 20), (10, 50), (20, 50), (50, 200))


def features(bars: pd.DataFrame) -> pd.DataFrame:
    """Moving-average columns for every day of `bars`; each is the logarithm of a ratio, or a share of the close."""
    close = prices(bars).close
    sma = {n: talib.SMA(close, n) for n in PERIODS}
    ema = {n: talib.EMA(close, n) for n in PERIODS}
    columns = (
        {f"sma_ratio_{n}": np.log(close / sma[n]) for n in PERIODS}
        | {f"ema_ratio_{n}": np.log(close / ema[n]) for n in PERIODS}
        | {f"sma_slope_{n}": _slope(sma[n]) for n in PERIODS}
        | {f"sma_cross_{fast}_{slow}": np.log(sma[fast] / sma[slow]) for fast, slow in CROSSOVERS}
        | {f"ema_cross_{fast}_{slow}": np.log(ema[fast] / ema[slow]) for fast, slow in CROSSOVERS}
        | _macd(close)
        | _adaptive(close)
        | {"sma_alignment": np.mean([_above(close, sma[n]) for n in PERIODS], axis=0)}
    )
    return pd.DataFrame(columns, index=bars.index)


def _slope(average: Array) -> Array:
    earlier = np.full_like(average, np.nan)
    earlier[SLOPE_DAYS:] = average[:-SLOPE_DAYS]
    return np.asarray(np.log(average / earlier))


def _above(close: Array, average: Array) -> Array:
    return np.where(np.isnan(average), np.nan, close > average)


def _macd(close: Array) -> dict[str, Array]:
    line, signal, histogram = talib.MACD(close, fastperiod=12, slowperiod=26, signalperiod=9)
    return {"macd": line / close, "macd_signal": signal / close, "macd_histogram": histogram / close}


def _adaptive(close: Array) -> dict[str, Array]:
    """Distances from averages of the log-price: of the price itself, DEMA and TEMA overshoot below zero in a crash."""
    log_close = np.log(close)
    averages = {"kama": talib.KAMA, "dema": talib.DEMA, "tema": talib.TEMA, "wma": talib.WMA}
    return {f"{name}_ratio_20": log_close - average(log_close, 20) for name, average in averages.items()}
