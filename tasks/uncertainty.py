"""Intervals of the judged models' test forecasts."""

from typing import Any

from forecaster.fitting import FitResult
from forecaster.models.registry import model_module
from forecaster.settings import NETWORKS, UncertaintyConfig
from forecaster.store import Artifact
from forecaster.uncertainty import Intervals, intervals_unit, static_intervals_unit
from tasks.fit import COMMON, RELATIVE_COST
from tasks.runtime import runtime
from tasks.step import step


def _modules(inputs: dict[str, Any]) -> tuple[str, ...]:
    return ("forecaster.uncertainty", model_module(inputs["fitted"].model))


def _libraries(inputs: dict[str, Any]) -> tuple[str, ...]:
    extra = ("tensorflow", "keras") if inputs["fitted"].model in NETWORKS else ("lightgbm",)
    return (*COMMON, *extra)


@step("intervals-{fitted.coin}-{fitted.model}", modules=_modules, libraries=_libraries)
def intervals(
    fitted: FitResult, lookback: int, horizons: tuple[int, ...], test: Artifact, config: UncertaintyConfig
) -> Intervals:
    """How sure a judged model is of its test forecasts, and how often it was right to be."""
    now, cost = runtime(), RELATIVE_COST.get(fitted.model, 0.1)
    return now.pool.run(intervals_unit, now.artifacts_dir, fitted, lookback, horizons, test, config, cost=cost)


@step("intervals-{coin}-zero", modules=("forecaster.uncertainty",), libraries=COMMON)
def static_intervals(
    coin: str, lookback: int, horizons: tuple[int, ...], train: Artifact, test: Artifact, config: UncertaintyConfig
) -> Intervals:
    """The same for the zero forecast, from quantiles of the train targets."""
    now = runtime()
    return now.pool.run(static_intervals_unit, now.artifacts_dir, lookback, horizons, train, test, config)
