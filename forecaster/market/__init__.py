"""Daily bars in: from a folder of files or from a simulated market, checked, with findings in words."""

from forecaster.market.bars import Bars, load_bars, require_length, rows_needed, stale_days
from forecaster.market.errors import BarsError
from forecaster.market.simulated import SimulatedMarket, simulate

__all__ = [
    "Bars",
    "BarsError",
    "SimulatedMarket",
    "load_bars",
    "require_length",
    "rows_needed",
    "simulate",
    "stale_days",
]
