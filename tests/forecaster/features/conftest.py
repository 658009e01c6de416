import numpy as np
import pandas as pd
import pytest

from forecaster.market import simulate


@pytest.fixture(scope="session")
def bars() -> pd.DataFrame:
    """Seven hundred simulated days, some of them flat and some without volume."""
    frame = simulate(seed=7, n_days=700).bars["DOGE"].copy()
    flat = frame.index[300:345]
    frame.loc[flat, ["open", "high", "low", "close"]] = frame["close"].iloc[299]
    frame.loc[frame.index[320:360], "volume"] = 0.0
    return frame


def ramp(n: int = 400, step: float = 0.01) -> pd.DataFrame:
    """Close grows by `step` in log every day, opened at the close before, high 1 % above, low 1 % below."""
    close = 100 * np.exp(step * np.arange(float(n)))
    opened = close * np.exp(-step)
    top, bottom = np.maximum(opened, close) * 1.01, np.minimum(opened, close) * 0.99
    days = pd.date_range("2023-01-01", periods=n, name="date")
    return pd.DataFrame({"open": opened, "high": top, "low": bottom, "close": close, "volume": 50.0}, index=days)


@pytest.fixture
def rising() -> pd.DataFrame:
    """One per cent up a day."""
    return ramp()
