"""Which kind of market it is: bull, bear, highly volatile, stressed, trending."""

import pandas as pd

from forecaster.features._ops import flag, log_of, log_return, ratio

LONG_DAYS = 200  # of the moving average that parts bull from bear
BEAR_DRAWDOWN = 0.2  # below the 90-day high: the usual definition of a bear market
MEMORY_DAYS = 250  # against which volatility and drawdown are ranked
HIGH = 0.8  # rank above which volatility is high
TREND_DAYS = 30


def features(bars: pd.DataFrame) -> pd.DataFrame:
    """Regime columns for every day of `bars`; flags are 0 or 1, stress and strength lie in [0, 1]."""
    close = bars["close"]
    daily = log_return(close)
    average = close.rolling(LONG_DAYS).mean()
    high = close.rolling(90).max()
    volatility_rank = daily.rolling(20).std().rolling(MEMORY_DAYS).rank(pct=True)
    drawdown_rank = log_of(high / close).rolling(MEMORY_DAYS).rank(pct=True)
    columns = {
        "bull": flag((close > average) & (average > average.shift(20)), average.shift(20)),
        "bear": flag(close < (1 - BEAR_DRAWDOWN) * high, high),
        "high_volatility": flag(volatility_rank > HIGH, volatility_rank),
        "market_stress": (volatility_rank + drawdown_rank) / 2,
        # Kaufman's efficiency ratio: 1 for a straight line, near 0 for going nowhere.
        "trend_strength": ratio(log_return(close, TREND_DAYS).abs(), daily.abs().rolling(TREND_DAYS).sum(), empty=0.0),
    }
    return pd.DataFrame(columns)
