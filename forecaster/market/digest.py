"""What identifies a coin's bars without reading them as bars: the part of a cache key that stands for the input."""

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
