"""Fits, refits and forecasts of single models: each a Prefect task that takes one slot of the shared pool."""

from collections.abc import Callable
from typing import Any

from prefect.logging import get_run_logger

from forecaster.fitting import FitResult, FitSpec, Forecasts, fit_unit, predict_unit, refit_unit
from forecaster.models.registry import model_module
from forecaster.settings import NETWORKS
from forecaster.store import Artifact
from tasks.runtime import runtime
from tasks.step import step

TIMEOUT_SECONDS = 3 * 3600.0
RELATIVE_COST = {"transformer": 20.0, "enhanced_lstm": 15.0, "tcn": 5.0, "dlinear": 1.0}  # seconds per sample, roughly
ROUNDS_PER_LINE = 50  # trees are grown faster than anyone reads
COMMON = ("numpy", "pandas", "scikit-learn", "scipy", "statsmodels")


def cost_of(spec: FitSpec) -> float:
    """Rough work of a fit, so that long ones start first: sample cost times the days it learns from times epochs.

    A fit finds its best weights early, and then waits out its patience; a refit is told its epochs.
    """
    days = (spec.fold.train.last - spec.fold.train.first).days
    epochs = min(spec.training.epochs, spec.training.patience + 2) if spec.training else 1
    return RELATIVE_COST.get(spec.model, 0.1) * days * epochs


def _modules(inputs: dict[str, Any]) -> tuple[str, ...]:
    return ("forecaster.fitting", model_module(_model(inputs)))


def _libraries(inputs: dict[str, Any]) -> tuple[str, ...]:
    model = _model(inputs)
    extra = ("tensorflow", "keras") if model in NETWORKS else ("lightgbm",) if model == "lightgbm" else ()
    return (*COMMON, *extra)


def _model(inputs: dict[str, Any]) -> str:
    return str(inputs["spec"].model if "spec" in inputs else inputs["fitted"].model)


@step("fit-{spec.coin}-{spec.model}-{spec.fold.name}", modules=_modules, libraries=_libraries)
def fit(spec: FitSpec, parts: tuple[Artifact, ...], columns: tuple[str, ...]) -> FitResult:
    """Fit one model on one fold, forecast what the fold holds out, keep both."""
    return _in_pool(fit_unit, spec, parts, columns)


@step("refit-{spec.coin}-{spec.model}", modules=_modules, libraries=_libraries)
def refit(
    spec: FitSpec, parts: tuple[Artifact, ...], columns: tuple[str, ...], length: tuple[int | float, ...]
) -> FitResult:
    """Fit what is served tomorrow: on all days, for the length that the judged fit found."""
    return _in_pool(refit_unit, spec, parts, columns, length)


@step("predict-{fitted.coin}-{fitted.model}", modules=_modules, libraries=_libraries)
def predict(fitted: FitResult, lookback: int, horizons: tuple[int, ...], test: Artifact) -> Forecasts:
    """Forecast the test part with a judged model."""
    now = runtime()
    return now.pool.run(predict_unit, now.artifacts_dir, fitted, lookback, horizons, test)


def _in_pool(unit: Callable[..., FitResult], spec: FitSpec, *args: Any) -> FitResult:
    now, log = runtime(), get_run_logger()

    def on_epoch(epoch: int, logs: dict[str, float]) -> None:
        if spec.model in NETWORKS or epoch % ROUNDS_PER_LINE == 1:
            losses = ", ".join(f"{name} {value:.4g}" for name, value in logs.items() if name != "epoch")
            log.info("epoch %d: %s", epoch, losses)
        total = spec.training.epochs if spec.training else None
        now.progress.epoch(spec.coin, spec.model, spec.fold.name, epoch, total, logs)

    return now.pool.run(
        unit, now.artifacts_dir, spec, *args, on_event=on_epoch, cost=cost_of(spec), timeout=TIMEOUT_SECONDS
    )
