"""Bars and point forecasts in, quantiles of every day's forecasts out."""

import numpy as np
import pandas as pd

from forecaster.intervals.conformal import adaptive_quantiles
from forecaster.intervals.scale import learned_scale
from forecaster.intervals.volatility import core_volatility
from forecaster.settings import IntervalConfig
from forecaster.windows import Floats, log_returns


def quantile_column(level: float) -> str:
    """Name of the column that holds one quantile: `q_0.05`."""
    return f"q_{level:.2f}"


def quantile_columns(config: IntervalConfig) -> list[str]:
    """Names of all quantiles' columns, lowest first."""
    return [quantile_column(level) for level in config.levels]


def interval_frame(
    bars: pd.DataFrame, centre: pd.DataFrame | None, horizons: tuple[int, ...], config: IntervalConfig
) -> pd.DataFrame:
    """Quantiles of the log-return from every day and over every horizon, from what was known at that day's close.

    Args:
        bars: checked daily bars: `open high low close volume`, index `date`, in order and without gaps.
        centre: point forecasts `cutoff, horizon, y_hat` in plain log-returns; origins without one are centred on zero.
        horizons: days ahead.
        config: levels, volatilities and calibration.

    Returns:
        A row per origin and horizon, from the first with enough history to the newest day: `cutoff, horizon, y` (NaN
        until its day has come), `y_hat`, `volatility` (of one day), and a column per level, rising with the level.
    """
    log_close = np.log(bars["close"].to_numpy(float))
    outcomes = log_returns(log_close, horizons)
    days = pd.DatetimeIndex(bars.index, name="cutoff")
    one_day = daily_volatility(bars, config)
    frames = []
    for column, h in enumerate(horizons):
        y_hat = _centre(centre, days, h)
        residuals = outcomes[:, column] - y_hat
        scale = learned_scale(bars, residuals, h, config)
        quantiles = y_hat[:, None] + scale[:, None] * adaptive_quantiles(residuals / scale, h, config)
        known = {"cutoff": days, "horizon": h, "y": outcomes[:, column], "y_hat": y_hat, "volatility": one_day}
        frame = pd.DataFrame(known).join(pd.DataFrame(quantiles, columns=quantile_columns(config)))
        frames.append(frame[np.isfinite(quantiles[:, 0])])
    return pd.concat(frames).sort_values(["cutoff", "horizon"], ignore_index=True)


def daily_volatility(bars: pd.DataFrame, config: IntervalConfig) -> Floats:
    """Standard deviation of the next day's log-return as known at each close: the core, scaled to what came so far."""
    core = core_volatility(bars, 1, config)
    surprise = pd.Series(np.log(bars["close"].to_numpy(float))).diff().to_numpy() / np.append(np.nan, core[:-1])
    scale = pd.Series(surprise**2).expanding(config.min_labels).mean()
    return np.asarray(core * np.sqrt(scale.to_numpy(float)))


def _centre(centre: pd.DataFrame | None, days: pd.DatetimeIndex, horizon: int) -> Floats:
    if centre is None:
        return np.zeros(len(days))
    own = centre[centre["horizon"] == horizon].set_index("cutoff")["y_hat"]
    return own.reindex(days).fillna(0.0).to_numpy(float)
