"""A run's stored results as one `TrainingReport`."""

import os
import platform
from collections.abc import Iterable, Mapping
from datetime import date
from importlib.metadata import version
from typing import Any

from forecaster.command import command_of
from forecaster.config import RunConfig
from forecaster.fitting import FitResult
from forecaster.further import Further
from forecaster.prepare import Prepared
from forecaster.report.schema import (
    Baseline,
    Data,
    Ensemble,
    Environment,
    Features,
    Model,
    Split,
    Step,
    TrainingReport,
)
from forecaster.settings import BASELINES, ENSEMBLE

LIBRARIES = (
    "keras",
    "lightgbm",
    "mlflow",
    "numpy",
    "optuna",
    "pandas",
    "prefect",
    "scikit-learn",
    "ta-lib",
    "tensorflow",
)


def build_report(
    config: RunConfig,
    data: Prepared,
    run: str,
    as_of: date,
    selection: Mapping[str, Any],
    fits: Iterable[FitResult],
    nested: Mapping[str, Mapping[str, Any]],
    ensemble: Mapping[str, Any] | None,
    steps: Iterable[Mapping[str, Any]],
    reasons: Iterable[str],
    plots: Iterable[str],
    settings: Mapping[str, Any],
    further: Further,
    seconds: float,
) -> TrainingReport:
    """Put together what the steps of one coin's night found.

    Args:
        config: the run's settings.
        data: what `prepare` returned.
        run: name of the run.
        as_of: last day that the run could see.
        selection: the judged fold's `Selection`, as JSON.
        fits: every fit and refit.
        nested: model -> part -> horizon -> metrics.
        ensemble: the ensemble's summary, if there is one.
        steps: records of the step log.
        reasons: what was lost on the way, one sentence each.
        plots: file names of the plots that were drawn.
        settings: what each model was fitted with.
        further: what steps found that not every run takes.
        seconds: how long the coin's night has taken so far.
    """
    lost, fits = list(reasons), list(fits)
    stale = _stale(data, as_of)
    judged = {fitted.model: fitted for fitted in fits if fitted.fold == data.judged.name}
    return TrainingReport(
        coin=data.coin,
        as_of=as_of,
        run=run,
        recipe=config.recipe,
        status="DEGRADED" if lost else "STALE" if stale else "OK",
        reasons=[*lost, *stale],
        data=_data(data),
        splits={row.part: Split(**row.model_dump(exclude={"part"})) for row in data.audit},
        features=_features(data, selection),
        models={name: _model(name, judged[name], nested, settings, config) for name in nested if name in config.models},
        ensemble=Ensemble(**nested[ENSEMBLE], **ensemble) if ensemble is not None else None,
        baselines={name: Baseline(**nested[name]) for name in BASELINES if name in nested},
        steps=[Step(**step) for step in steps],
        environment=_environment(config, fits, command_of(config, data.coin, as_of), seconds),
        plots=list(plots),
        **further.model_dump(),
    )


def _stale(data: Prepared, as_of: date) -> list[str]:
    if data.data.stale_days <= 1:
        return []
    return [f"The bars are stale: the newest is of {data.data.last}, {data.data.stale_days} days before {as_of}."]


def _data(data: Prepared) -> Data:
    found = data.data.model_dump()
    return Data(**{**found, "findings": [*data.data.findings, *data.dropped_folds]})


def _features(data: Prepared, selection: Mapping[str, Any]) -> Features:
    ranks = {score["column"]: score["mean_rank"] for score in selection["scores"]}
    return Features(engineered=data.n_engineered, selected={c: ranks.get(c) for c in selection["columns"]})


def _model(
    name: str, judged: FitResult, nested: Mapping[str, Any], settings: Mapping[str, Any], config: RunConfig
) -> Model:
    return Model(
        **nested[name],
        params=model_params(name, judged, settings, config),
        epochs=judged.best_length,
        seconds=judged.seconds,
        n_parameters=judged.n_parameters,
    )


def model_params(name: str, judged: FitResult, settings: Mapping[str, Any], config: RunConfig) -> dict[str, Any]:
    """Every setting that decided one model's fits."""
    training = config.training.model_dump() if name not in (*BASELINES, "lightgbm") else {}
    shape = {"seq_length": config.seq_length, "n_features": judged.n_features, "n_train_windows": judged.n_train}
    return {**settings[name].model_dump(), **training, **shape, "seed": config.seed}


def _environment(config: RunConfig, fits: Iterable[FitResult], command: str, seconds: float) -> Environment:
    return Environment(
        command=command,
        seconds=round(seconds, 1),
        versions={"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        cores=os.cpu_count(),
        device=", ".join(sorted({fitted.device for fitted in fits})),
        seed=config.seed,
        platform=platform.platform(),
    )
