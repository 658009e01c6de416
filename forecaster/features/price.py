"""Returns, momentum, spreads, gaps, and where the close stands in recent ranges."""

import numpy as np
import pandas as pd

from forecaster.features._ops import log_of, log_return, ratio

RETURN_DAYS = (1, 2, 3, 5, 7, 10, 14, 21, 30)
LAGS = (1, 2, 3, 4, 5)
MOMENTUM_DAYS = (7, 14, 30, 60, 90)
RANGE_DAYS = (7, 14, 30, 90)
EXTREME_DAYS = (30, 90, 180)


def features(bars: pd.DataFrame) -> pd.DataFrame:
    """Price-derived columns for every day of `bars`."""
    return pd.DataFrame(
        _returns(bars["close"]) | _momentum(bars["close"]) | _spreads(bars) | _gaps(bars) | _ranges(bars)
    )


def _returns(close: pd.Series) -> dict[str, pd.Series]:
    simple = {f"return_{d}d": close / close.shift(d) - 1 for d in RETURN_DAYS}
    log = {f"log_return_{d}d": log_return(close, d) for d in RETURN_DAYS}
    lagged = {f"log_return_1d_lag_{k}": log_return(close).shift(k) for k in LAGS}
    return simple | log | lagged


def _momentum(close: pd.Series) -> dict[str, pd.Series]:
    """Returns in units of what a random walk as volatile would have moved, and their change."""
    daily = log_return(close)
    risk_adjusted = {
        f"momentum_{d}d": ratio(log_return(close, d), daily.rolling(d).std() * np.sqrt(d), empty=0.0)
        for d in MOMENTUM_DAYS
    }
    change = {f"acceleration_{d}d": log_return(close, d) - log_return(close, d).shift(d) for d in (7, 30)}
    return risk_adjusted | change


def _spreads(bars: pd.DataFrame) -> dict[str, pd.Series]:
    opened, high, low, close = (bars[name] for name in ("open", "high", "low", "close"))
    body_top, body_bottom = np.maximum(opened, close), np.minimum(opened, close)
    span = high / low - 1
    return {
        "high_low_spread": log_of(high / low),
        "close_open_spread": log_of(close / opened),
        "high_close_spread": log_of(high / close),
        "close_low_spread": log_of(close / low),
        "upper_shadow": ratio((high - body_top) / low, span, empty=0.0),
        "lower_shadow": ratio((body_bottom - low) / low, span, empty=0.0),
        "body_share": ratio((close - opened) / low, span, empty=0.0),
        "typical_price_spread": log_of((high + low + close) / 3 / close),
    }


def _gaps(bars: pd.DataFrame) -> dict[str, pd.Series]:
    """Inverse hyperbolic sine of basis points: markets that never close gap by two of them, or by two thousand."""
    gap = log_of(bars["open"] / bars["close"].shift()) * 1e4
    parts = {"gap": gap, "gap_sum_7d": gap.rolling(7).sum(), "gap_size_30d": gap.abs().rolling(30).mean()}
    return {name: part.transform(np.arcsinh) for name, part in parts.items()}


def _ranges(bars: pd.DataFrame) -> dict[str, pd.Series]:
    close = bars["close"]
    top = {d: bars["high"].rolling(d).max() for d in {*RANGE_DAYS, *EXTREME_DAYS}}
    bottom = {d: bars["low"].rolling(d).min() for d in {*RANGE_DAYS, *EXTREME_DAYS}}
    position = {
        f"range_position_{d}d": ratio(close / bottom[d] - 1, top[d] / bottom[d] - 1, empty=0.5) for d in RANGE_DAYS
    }
    below = {f"drawdown_{d}d": log_of(close / top[d]) for d in EXTREME_DAYS}
    above = {f"rise_from_low_{d}d": log_of(close / bottom[d]) for d in EXTREME_DAYS}
    return position | below | above
