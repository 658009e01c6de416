import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def bars() -> pd.DataFrame:
    """400 days on which Sundays move three times as far as other days."""
    rng = np.random.default_rng(1)
    days = pd.date_range("2020-01-01", periods=400, name="date")
    moves = rng.normal(0, np.where(days.day_of_week == 6, 0.06, 0.02))
    close = 100 * np.exp(moves.cumsum())
    opened = np.append(100.0, close[:-1])
    reach = np.exp(np.abs(rng.normal(0, 0.2 * np.abs(moves))))
    frame = {
        "open": opened,
        "high": np.maximum(opened, close) * reach,
        "low": np.minimum(opened, close) / reach,
        "close": close,
        "volume": rng.uniform(1, 2, len(days)),
    }
    return pd.DataFrame(frame, index=days)
