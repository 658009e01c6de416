"""Intervals of the shipped forecast within a coin's night: submitted early, needed before the verdict."""

from prefect.futures import PrefectFuture

from flows.fits import Survivors, gather
from forecaster.config import RunConfig
from forecaster.intervals.calibration import Calibrated
from forecaster.judging import Judged
from forecaster.settings import ENSEMBLE, Coin, IntervalConfig
from forecaster.uncertainty import Intervals
from tasks.intervals import calibrate


def submit_calibration(
    coin: Coin, bars: str, judged: Judged, shipped: str, config: RunConfig
) -> PrefectFuture[Calibrated]:
    """Start calibrating the intervals of what is shipped; nothing waits for them yet."""
    settings = (config.split.horizons, IntervalConfig(), config.uncertainty)
    return calibrate.submit(coin, bars, config.data, judged.forecasts, shipped, *settings)


def gather_calibration(future: PrefectFuture[Calibrated], survivors: Survivors) -> Calibrated | None:
    """What came of it; without, the run is still saved."""
    results, failures = gather({ENSEMBLE: future})
    survivors.reasons += [f"The shipped intervals were not calibrated: {why}" for why in failures.values()]
    return results.get(ENSEMBLE)


def with_ensemble(
    intervals: dict[str, Intervals], calibrated: Calibrated | None, config: RunConfig
) -> dict[str, Intervals]:
    """Intervals by model, and the ensemble's, where intervals are wanted."""
    if config.no_uncertainty or calibrated is None or calibrated.ensemble is None:
        return intervals
    return {**intervals, ENSEMBLE: calibrated.ensemble}


def coverage_90(calibrated: Calibrated | None) -> dict[int, float | None]:
    """Share of test outcomes inside the shipped 90 % interval, per horizon; empty where it was not measured."""
    if calibrated is None:
        return {}
    return {int(h): scores.coverage_90 for h, scores in calibrated.calibration.test.items()}
