"""How much the price moves: of closes, of ranges, in bands, and how that itself changes. Daily units."""

import numpy as np
import pandas as pd
import talib

from forecaster.features._ops import Array, Prices, log_of, log_return, prices, ratio, zscore

WINDOWS = (5, 10, 20, 30, 60, 90)
RATIOS = ((5, 20), (10, 30), (20, 60), (30, 90))
RANGE_WINDOW = 20
STILL = 1e-4  # daily volatility below 0.01 % counts as that, so that a ratio of two stays finite


def features(bars: pd.DataFrame) -> pd.DataFrame:
    """Volatility columns for every day of `bars`."""
    p = prices(bars)
    bands = pd.DataFrame(_bollinger(p, 20) | _bollinger(p, 50) | _true_range(p) | _keltner(p), index=bars.index)
    return pd.concat([_of_closes(bars["close"]), _of_ranges(bars), bands], axis=1)


def _of_closes(close: pd.Series) -> pd.DataFrame:
    daily = log_return(close)
    std = {n: daily.rolling(n).std() for n in WINDOWS}
    calm = {n: std[n].clip(lower=STILL) for n in WINDOWS}
    columns = {f"volatility_{n}d": std[n] for n in WINDOWS}
    columns |= {f"volatility_ratio_{a}_{b}": log_of(calm[a] / calm[b]) for a, b in RATIOS}
    columns |= {
        "downside_volatility_20d": np.sqrt((daily.clip(upper=0) ** 2).rolling(20).mean()),
        "upside_volatility_20d": np.sqrt((daily.clip(lower=0) ** 2).rolling(20).mean()),
        "ewma_volatility": np.sqrt((daily**2).ewm(alpha=0.06, min_periods=30).mean()),  # RiskMetrics 1996
        "volatility_of_volatility_30d": log_of(calm[10]).rolling(30).std(),
        "volatility_zscore_90d": zscore(log_of(calm[20]), 90),
        "volatility_rank_250d": std[20].rolling(250).rank(pct=True),
    }
    return pd.DataFrame(columns)


def _of_ranges(bars: pd.DataFrame) -> pd.DataFrame:
    """Parkinson 1980, Garman and Klass 1980, Rogers and Satchell 1991, Yang and Zhang 2000."""
    opened, high, low, close = (log_of(bars[name]) for name in ("open", "high", "low", "close"))
    up, down, body = high - opened, low - opened, close - opened
    parkinson = (high - low) ** 2 / (4 * np.log(2))
    garman_klass = 0.5 * (high - low) ** 2 - (2 * np.log(2) - 1) * body**2
    rogers_satchell = up * (up - body) + down * (down - body)
    estimates = {"parkinson": parkinson, "garman_klass": garman_klass, "rogers_satchell": rogers_satchell}
    variances = {name: daily.rolling(RANGE_WINDOW).mean() for name, daily in estimates.items()}
    k = 0.34 / (1.34 + (RANGE_WINDOW + 1) / (RANGE_WINDOW - 1))
    overnight = (opened - close.shift()).rolling(RANGE_WINDOW).var()
    variances["yang_zhang"] = overnight + k * body.rolling(RANGE_WINDOW).var() + (1 - k) * variances["rogers_satchell"]
    # Garman-Klass can fall below zero on single days, and rounding can take any flat stretch there.
    return pd.DataFrame({f"{name}_{RANGE_WINDOW}d": np.sqrt(v.clip(lower=0)) for name, v in variances.items()})


def _bollinger(p: Prices, n: int) -> dict[str, Array]:
    upper, middle, lower = talib.BBANDS(p.close, timeperiod=n)
    return {f"bollinger_width_{n}": (upper - lower) / middle, f"bollinger_position_{n}": _within(p.close, lower, upper)}


def _true_range(p: Prices) -> dict[str, Array]:
    atr = {f"atr_ratio_{n}": talib.ATR(p.high, p.low, p.close, n) / p.close for n in (7, 14, 21)}
    return atr | {"true_range_ratio": talib.TRANGE(p.high, p.low, p.close) / p.close}


def _keltner(p: Prices) -> dict[str, Array]:
    """Two average true ranges to either side of an exponential average; squeezed if Bollinger's bands fit in."""
    middle, reach = talib.EMA(p.close, 20), 2 * talib.ATR(p.high, p.low, p.close, 10)
    upper, _, lower = talib.BBANDS(p.close, timeperiod=20)
    squeezed = (upper < middle + reach) & (lower > middle - reach)
    return {
        "keltner_width": 2 * reach / middle,
        "keltner_position": _within(p.close, middle - reach, middle + reach),
        "squeeze": np.where(np.isnan(upper + reach), np.nan, squeezed),
    }


def _within(close: Array, lower: Array, upper: Array) -> Array:
    """0 on the lower band, 1 on the upper one, 0.5 where they meet."""
    return ratio(pd.Series((close - lower) / close), pd.Series((upper - lower) / close), empty=0.5).to_numpy()
