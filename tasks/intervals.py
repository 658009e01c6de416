"""Intervals of the shipped forecast, calibrated day by day, and what they held."""

from forecaster.intervals.calibration import Calibrated, calibrate_unit
from forecaster.settings import Coin, DataConfig, IntervalConfig, UncertaintyConfig
from forecaster.store import Artifact
from tasks.fit import COMMON
from tasks.runtime import runtime
from tasks.step import step

LIBRARIES = (*COMMON, "scoringrules")


@step("calibrate-{coin}", modules=("forecaster.intervals.calibration",), libraries=LIBRARIES)
def calibrate(
    coin: Coin,
    bars: str,
    data: DataConfig,
    forecasts: Artifact,
    shipped: str,
    horizons: tuple[int, ...],
    config: IntervalConfig,
    uncertainty: UncertaintyConfig,
) -> Calibrated:
    """Intervals around what `shipped` forecasts, scored on val and test; `bars` is the digest of the file read."""
    now = runtime()
    return now.pool.run(
        calibrate_unit, now.artifacts_dir, coin, data, forecasts, shipped, horizons, config, uncertainty
    )
