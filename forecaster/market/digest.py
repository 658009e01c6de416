"""What identifies a coin's bars: the file before it is read, and afterwards its days month by month."""

import hashlib

import pandas as pd

from forecaster.market.errors import BarsError
from forecaster.market.files import find_file
from forecaster.settings import DataConfig
from forecaster.store import sha256_of

MISSING = "missing"


def bars_digest(coin: str, config: DataConfig) -> str:
    """Digest of the coin's file, wherever it lies; for the simulated market what it is made from; or "missing"."""
    if config.data_dir is None:
        return f"simulated, seed {config.seed}, signal {config.signal}"
    try:
        return sha256_of(find_file(config.data_dir, coin))
    except (BarsError, OSError):  # whoever needs the bars will say what is wrong
        return MISSING


def month_digests(bars: pd.DataFrame) -> dict[str, str]:
    """Short digest of each month's `open high low close volume`, by which a later look finds what was revised.

    Args:
        bars: checked daily bars, index `date`.

    Returns:
        `2025-06` and so on -> digest.
    """
    values = bars[["open", "high", "low", "close", "volume"]].astype("float64")
    months = pd.DatetimeIndex(bars.index).strftime("%Y-%m")
    return {str(month): _short(days) for month, days in values.groupby(months)}


def _short(days: pd.DataFrame) -> str:
    content = f"{[str(day) for day in days.index]}".encode() + days.to_numpy().tobytes()
    return hashlib.sha256(content).hexdigest()[:12]
