"""Volume against its own recent level, and where it went: OBV and VPT in rolling forms, which forget the past."""

import numpy as np
import pandas as pd

from forecaster.features._ops import correlation, flag, log_of, log_return, ratio

LEVEL_DAYS = 30
DRIED_UP = 1e-3  # less than this share of the recent level counts as that: the logarithm of no volume is no number
BREAKOUT = 2.0  # times the 20-day mean


def features(bars: pd.DataFrame) -> pd.DataFrame:
    """Volume columns for every day of `bars`; independent of the unit of volume."""
    return pd.DataFrame(_levels(bars["volume"]) | _flows(bars))


def _levels(volume: pd.Series) -> dict[str, pd.Series]:
    relative = _log_ratio(volume, volume.rolling(LEVEL_DAYS).mean())
    mean = {n: volume.rolling(n).mean() for n in (5, 20, 60)}
    twenty_days = volume.rolling(20)
    return {
        **{f"volume_ratio_{n}d": _log_ratio(volume, mean[n]) for n in mean},
        "volume_change_1d": relative.diff(),
        "volume_change_7d": relative.diff(7),
        "volume_trend_5_20": _log_ratio(mean[5], mean[20]),
        "volume_trend_20_60": _log_ratio(mean[20], mean[60]),
        "volume_zscore_20d": ratio(volume - mean[20], twenty_days.std(), empty=0.0),
        "volume_variation_20d": ratio(twenty_days.std(), mean[20], empty=0.0),
        "volume_breakout": flag(volume > BREAKOUT * mean[20], mean[20]),
    }


def _flows(bars: pd.DataFrame) -> dict[str, pd.Series]:
    close, volume = bars["close"], bars["volume"]
    daily = log_return(close)
    span = bars["high"] / bars["low"] - 1
    position = ratio((2 * close - bars["high"] - bars["low"]) / bars["low"], span, empty=0.0)  # -1 at low, 1 at high
    weighted_price = _share(close * volume, volume, 20).where(volume.rolling(20).sum() > 0, close)
    weighted_price = weighted_price.where(volume.rolling(20).count() == 20)
    return {
        "obv_10d": _share(np.sign(daily) * volume, volume, 10),
        "obv_30d": _share(np.sign(daily) * volume, volume, 30),
        "vpt_30d": _share(daily * volume, volume, 30),
        "money_flow_20d": _share(position * volume, volume, 20),
        "vwap_ratio_20d": log_of(close / weighted_price),
        "price_volume_correlation_30d": correlation(daily, _log_ratio(volume, volume.rolling(5).mean()), 30),
    }


def _share(flow: pd.Series, volume: pd.Series, window: int) -> pd.Series:
    """Flow of a window per volume of the window; 0 where nothing was traded."""
    return ratio(flow.rolling(window).sum(), volume.rolling(window).sum(), empty=0.0)


def _log_ratio(volume: pd.Series, level: pd.Series) -> pd.Series:
    return log_of(ratio(volume, level, empty=1.0).clip(lower=DRIED_UP))
