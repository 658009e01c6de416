from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

SaveBars = Callable[..., Path]


@pytest.fixture
def bars() -> pd.DataFrame:
    """A hundred quiet days: close 100, 101, ..., opened at the close before, volume rising by one a day."""
    days = pd.date_range("2024-01-01", periods=100, name="date")
    close = 100 + np.arange(100.0)
    frame = {"open": close - 1, "high": close + 1, "low": close - 2, "close": close, "volume": 1000 + np.arange(100.0)}
    return pd.DataFrame(frame, index=days)


@pytest.fixture
def save(tmp_path: Path) -> SaveBars:
    """Writes a frame as the bars of BTC and returns the folder."""

    def write(frame: pd.DataFrame, suffix: str = ".parquet") -> Path:
        file = tmp_path / f"BTC{suffix}"
        frame.to_parquet(file) if suffix == ".parquet" else frame.to_csv(file)
        return tmp_path

    return write
