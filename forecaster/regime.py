"""Which kind of market a day is in, and how much each model is trusted there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from forecaster.windows import Floats

Regime = Literal["trending", "mean_reverting", "volatile", "ranging"]
REGIMES: tuple[Regime, ...] = get_args(Regime)

DEFAULT_WEIGHTS = {"dlinear": 0.10, "tcn": 0.15, "transformer": 0.25, "enhanced_lstm": 0.25, "lightgbm": 0.25}
REGIME_WEIGHTS: dict[Regime, dict[str, float]] = {
    "trending": {"dlinear": 0.10, "tcn": 0.20, "transformer": 0.25, "enhanced_lstm": 0.30, "lightgbm": 0.15},
    "mean_reverting": {"dlinear": 0.10, "tcn": 0.15, "transformer": 0.20, "enhanced_lstm": 0.20, "lightgbm": 0.35},
    "volatile": {"dlinear": 0.10, "tcn": 0.15, "transformer": 0.30, "enhanced_lstm": 0.20, "lightgbm": 0.25},
    "ranging": {"dlinear": 0.15, "tcn": 0.15, "transformer": 0.20, "enhanced_lstm": 0.20, "lightgbm": 0.30},
}


def weights_for(regime: Regime | None, models: Sequence[str]) -> dict[str, float]:
    """Weights of the surviving `models` in a regime, or the default ones for None; they sum to 1.

    Raises:
        ValueError: if the regime or a model is unknown, or no model is left.
    """
    if regime is not None and regime not in REGIMES:
        raise ValueError(f"Expected a regime out of {REGIMES}. Received: {regime}")
    if not models or not set(models) <= set(DEFAULT_WEIGHTS):
        raise ValueError(f"Expected at least one model out of {list(DEFAULT_WEIGHTS)}. Received: {list(models)}")
    table = DEFAULT_WEIGHTS if regime is None else REGIME_WEIGHTS[regime]
    weights = {model: table[model] for model in models}
    total = sum(weights.values())
    return {model: weight / total for model, weight in weights.items()}


@dataclass(frozen=True)
class MarketRegimeDetector:
    """Names the regime of each day from closes up to that day.

    The first rule that holds decides: *volatile* where the variance of returns ranks high among its own last year,
    *trending* where net movement is a large part of all movement, *mean-reverting* where returns tend to be followed by
    their opposite, else *ranging*. Days before a rule has its full window cannot fulfil it.

    Attributes:
        window: days over which variance and efficiency are taken.
        memory: days among which the variance is ranked; ranking starts after `2 * window` of them.
        volatile_rank: share of those days that had at most this variance.
        trending_efficiency: Kaufman's efficiency ratio, `|sum of returns| / sum of |returns|`. A random walk over 30
            days has a median of about 0.17.
        reverting_autocorrelation: lag-1 autocorrelation of returns over `2 * window` days (standard error about 0.13).
    """

    window: int = 30
    memory: int = 365
    volatile_rank: float = 0.8
    trending_efficiency: float = 0.3
    reverting_autocorrelation: float = -0.1

    def statistics(self, close: "pd.Series[float] | Floats") -> pd.DataFrame:
        """Per day `variance_rank`, `efficiency` and `autocorrelation`, NaN until their windows are full."""
        returns = _daily_returns(close)
        # rounded: steady returns would otherwise be ranked by their variance's last digits
        variance = returns.rolling(self.window).var().round(12)
        movement = returns.abs().rolling(self.window).sum()
        return pd.DataFrame(
            {
                "variance_rank": variance.rolling(self.memory, min_periods=2 * self.window).rank(pct=True),
                "efficiency": returns.rolling(self.window).sum().abs() / movement,
                "autocorrelation": returns.rolling(2 * self.window).corr(returns.shift(1)),
            }
        )

    def detect(self, close: "pd.Series[float] | Floats") -> "pd.Series[str]":
        """The regime of each day, from closes `(n_days,)` up to and including that day.

        Raises:
            ValueError: if a close is missing or not positive.
        """
        market = self.statistics(close)
        rules = {
            "volatile": market["variance_rank"] >= self.volatile_rank,
            "trending": market["efficiency"] >= self.trending_efficiency,
            "mean_reverting": market["autocorrelation"] <= self.reverting_autocorrelation,
        }
        names = np.select(list(rules.values()), list(rules), default="ranging")
        return pd.Series(names, index=market.index, name="regime", dtype="str")


def _daily_returns(close: "pd.Series[float] | Floats") -> "pd.Series[float]":
    """Log-returns from each day to the next, on the closes' index."""
    series = pd.Series(close, dtype=float)
    if not (np.isfinite(series) & (series > 0)).all():
        raise ValueError(f"Expected positive closes. Received: {series[~(series > 0)].head(3).to_dict()}")
    return pd.Series(np.log(series.to_numpy()), index=series.index).diff()
