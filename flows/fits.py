"""Fanning out the units of one coin, and going on with what survives."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from prefect.futures import PrefectFuture, as_completed, wait

from forecaster.config import RunConfig
from forecaster.fitting import FitResult, FitSpec, Forecasts
from forecaster.prepare import Prepared
from forecaster.select import Selected
from forecaster.settings import BASELINES, JUDGED, NETWORKS
from forecaster.split import Fold
from forecaster.store import Artifact
from forecaster.uncertainty import Intervals
from tasks.fit import cost_of, fit, predict, refit
from tasks.pool import PoolClosed
from tasks.runtime import runtime
from tasks.select import select
from tasks.uncertainty import intervals, static_intervals

K = TypeVar("K")


@dataclass
class Survivors:
    """Which models are still in the run, and a sentence for each that was lost."""

    models: list[str]
    reasons: list[str] = field(default_factory=list)

    def lose(self, model: str, why: str) -> None:
        """Go on without a model."""
        if model in self.models:
            self.models.remove(model)
            self.reasons.append(f"{model} was lost: {why}")


def gather(futures: Mapping[K, PrefectFuture[Any]]) -> tuple[dict[K, Any], dict[K, str]]:
    """Results of the futures that succeeded, and the reasons of the others.

    Raises:
        PoolClosed: if the run is being cancelled.
    """
    wait(list(futures.values()))
    results: dict[K, Any] = {}
    failures: dict[K, str] = {}
    for key, future in futures.items():
        if future.state.is_completed():
            results[key] = future.result()
            continue
        error = future.result(raise_on_failure=False)
        if isinstance(error, PoolClosed):
            raise error
        lines = str(error).strip().splitlines()
        failures[key] = f"{type(error).__name__}: {lines[0] if lines else repr(error)}"
    return results, failures


def gather_fits(
    coin: str, futures: Mapping[tuple[str, str], PrefectFuture[Any]]
) -> tuple[dict[Any, Any], dict[Any, str]]:
    """`gather`, telling the progress of each (model, fold) as it ends."""
    progress = runtime().progress
    keys = {id(future): key for key, future in futures.items()}
    for future in as_completed(list(futures.values())):
        future.wait()  # its final state arrives a moment after it is done
        name = future.state.name or "Failed"
        how = {"Cached": "reused", "Completed": "done"}.get(name, name.lower())
        progress.done(coin, *keys[id(future)], how)
    return gather(futures)


def select_columns(data: Prepared, folds: Iterable[Fold], config: RunConfig) -> dict[str, Selected]:
    """Selected columns per fold, each chosen on that fold's own train days."""
    futures = {
        fold.name: select.submit(
            data.coin, fold, data.parts.train, config.split.horizons, data.cross_asset, config.select, data.given
        )
        for fold in folds
    }
    results, failures = gather(futures)
    if failures:
        raise RuntimeError(f"Features could not be selected: {failures}")
    return results


def fit_models(
    data: Prepared,
    folds: Iterable[Fold],
    columns: Mapping[str, Selected],
    settings: Mapping[str, Any],
    survivors: Survivors,
    config: RunConfig,
) -> dict[tuple[str, str], FitResult]:
    """Judged fits of models and baselines, and the models' fits on every fold: (model, fold) -> result.

    A model that fails anywhere is lost as a whole: its forecasts could not be combined.
    """
    units: list[tuple[FitSpec, tuple[Artifact, ...]]] = [
        (spec_of(data, model, data.judged, config, settings), (data.parts.train, data.parts.val))
        for model in survivors.models
    ]
    units += [
        (spec_of(data, model, fold, config, settings), (data.parts.train,))
        for fold in folds
        if fold.name != JUDGED
        for model in survivors.models
        if model not in BASELINES
    ]
    runtime().progress.expect(data.coin, len(units))
    futures = {
        (spec.model, spec.fold.name): fit.submit(spec, parts, columns[spec.fold.name].columns)
        for spec, parts in sorted(units, key=lambda unit: -cost_of(unit[0]))
    }
    results, failures = gather_fits(data.coin, futures)
    for (model, fold), why in failures.items():
        survivors.lose(model, f"its {fold} fit failed ({why})")
    return {key: result for key, result in results.items() if key[0] in survivors.models}


def predict_test(
    data: Prepared, fits: Mapping[tuple[str, str], FitResult], survivors: Survivors, config: RunConfig
) -> dict[str, Forecasts]:
    """Test forecasts of the judged fits."""
    split = config.split
    futures = {
        m: predict.submit(fits[m, JUDGED], split.lookback, split.horizons, data.parts.test) for m in survivors.models
    }
    results, failures = gather(futures)
    for model, why in failures.items():
        survivors.lose(model, f"it could not forecast test ({why})")
    return results


def submit_intervals(
    data: Prepared, fits: Mapping[tuple[str, str], FitResult], survivors: Survivors, config: RunConfig
) -> dict[str, PrefectFuture[Intervals]]:
    """Start measuring intervals of the test forecasts, the zero forecast's last; nothing waits for them yet."""
    if config.no_uncertainty:
        return {}
    split, how = config.split, config.uncertainty
    futures = {
        m: intervals.submit(fits[m, JUDGED], split.lookback, split.horizons, data.parts.test, how)
        for m in survivors.models
        if m not in BASELINES
    }
    zero = static_intervals.submit(data.coin, split.lookback, split.horizons, data.parts.train, data.parts.test, how)
    return {**futures, "zero": zero}


def gather_intervals(futures: Mapping[str, PrefectFuture[Intervals]], survivors: Survivors) -> dict[str, Intervals]:
    """Intervals by model; a model that can give none is still used."""
    results, failures = gather(futures)
    survivors.reasons += [f"{model} has no intervals: {why}" for model, why in failures.items()]
    return results


def refit_models(
    data: Prepared,
    fits: Mapping[tuple[str, str], FitResult],
    columns: Selected,
    settings: Mapping[str, Any],
    survivors: Survivors,
    config: RunConfig,
) -> dict[str, FitResult]:
    """The serving refits: on all days, as long as the judged fit of the same model trained.

    A model whose refit fails stays judged, and is not served.
    """
    specs = [
        spec_of(data, m, data.serving, config, settings, epochs=fits[m, JUDGED].epochs)
        for m in survivors.models
        if m not in BASELINES
    ]
    runtime().progress.expect(data.coin, len(specs))
    futures = {
        (spec.model, spec.fold.name): refit.submit(
            spec, (data.parts.all,), columns.columns, fits[spec.model, JUDGED].length
        )
        for spec in sorted(specs, key=cost_of, reverse=True)
    }
    results, failures = gather_fits(data.coin, futures)
    survivors.reasons += [f"{m} has no serving refit: {why}" for (m, _), why in failures.items()]
    return {m: result for (m, _), result in results.items()}


def spec_of(
    data: Prepared,
    model: str,
    fold: Fold,
    config: RunConfig,
    settings: Mapping[str, Any],
    epochs: int | None = None,
) -> FitSpec:
    """What decides one fit; `epochs` stands for the most epochs where the length is known, as in a serving refit."""
    training = config.training if model in NETWORKS else None
    if training is not None and epochs is not None:
        training = training.model_copy(update={"epochs": epochs})
    own = settings[model]
    if model == "lightgbm" and fold in (data.judged, data.serving) and not config.no_uncertainty:
        own = own.model_copy(update={"quantiles": config.uncertainty.quantiles})
    return FitSpec(
        coin=data.coin,
        model=model,
        fold=fold,
        lookback=config.split.lookback,
        horizons=config.split.horizons,
        settings=own,
        training=training,
        seed=config.seed,
    )


def forecasts_of(fits: Mapping[tuple[str, str], FitResult], model: str, fold: str) -> Artifact:
    """The stored forecasts of one fit."""
    forecasts = fits[model, fold].forecasts
    assert forecasts is not None
    return forecasts
