"""Searching hyperparameters before the fits: one study per model, all on the shared pool."""

from collections.abc import Mapping
from typing import Any

from flows.fits import Survivors, gather, spec_of
from forecaster.config import RunConfig
from forecaster.fitting import FitSpec
from forecaster.names import label
from forecaster.prepare import Prepared
from forecaster.select import Selected
from forecaster.split import Fold
from forecaster.tuning import Tuned
from tasks.tune import tune


def tuning_folds(data: Prepared, config: RunConfig) -> tuple[Fold, ...]:
    """The newest folds inside train, on which trials are scored; none where nothing is tuned."""
    return data.folds[-config.tuning.n_folds :] if config.tuned_models else ()


def tune_models(
    data: Prepared,
    columns: Mapping[str, Selected],
    settings: Mapping[str, Any],
    survivors: Survivors,
    config: RunConfig,
) -> dict[str, Tuned]:
    """The finished studies by model; a model whose study failed keeps its default settings, and the report says so."""
    folds = tuning_folds(data, config)
    if config.tuned_models and not folds:
        survivors.reasons.append("Nothing was tuned: no fold inside train is long enough.")
        return {}
    futures = {
        model: tune.submit(
            tuple(_trial_spec(data, model, fold, settings, config) for fold in folds),
            data.parts.train,
            {fold.name: columns[fold.name].columns for fold in folds},
            config.tuning,
            config.tune_timeout,
        )
        for model in config.tuned_models
    }
    studies, failures = gather(futures)
    survivors.reasons += [
        f"{label(model)} was not tuned, its default settings serve: {why}" for model, why in failures.items()
    ]
    return studies


def _trial_spec(data: Prepared, model: str, fold: Fold, settings: Mapping[str, Any], config: RunConfig) -> FitSpec:
    spec = spec_of(data, model, fold, config, settings)
    if spec.training is None:
        return spec
    patience = min(spec.training.patience, config.tuning.patience)
    return spec.model_copy(update={"training": spec.training.model_copy(update={"patience": patience})})
