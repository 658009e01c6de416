"""After the save: every model and baseline refitted split by split, and scored on the days that follow each."""

from collections.abc import Mapping
from typing import Any

from flows.fits import gather, gather_fits, spec_of
from forecaster.config import RunConfig
from forecaster.fitting import FitResult
from forecaster.names import label
from forecaster.prepare import Prepared
from forecaster.settings import BASELINES
from forecaster.store import Artifact
from forecaster.walk_forward import WalkForward, Walks
from tasks.fit import cost_of, fit
from tasks.pool import PoolClosed
from tasks.runtime import runtime
from tasks.select import select
from tasks.walk import divide, score


def walk_forward(
    data: Prepared,
    settings: Mapping[str, Any],
    target_scale: dict[int, float],
    config: RunConfig,
    reasons: list[str],
) -> WalkForward | None:
    """Walk through the days; None, with a sentence in `reasons`, where that fails: what is saved stays as it is.

    Args:
        data: what `prepare` returned.
        settings: model -> its settings, baselines included.
        target_scale: interquartile range of the judged train targets per horizon.
        config: the run's settings.
        reasons: gains a sentence for each model that had to be left out.

    Raises:
        PoolClosed: if the run is being cancelled.
    """
    try:
        walks = divide(data.coin, data.parts.anchored, config.split, config.walking)
        columns = _select(data, walks, config)
        forecasts = _fit(data, walks, columns, settings, config, reasons)
        return score(data.coin, forecasts, walks, data.parts.anchored, target_scale)
    except PoolClosed:
        raise
    except Exception as error:
        reasons.append(f"The walk-forward evaluation was lost: {type(error).__name__}: {error}")
        return None


def _select(data: Prepared, walks: Walks, config: RunConfig) -> dict[str, tuple[str, ...]]:
    """Columns per split, each chosen on that split's own train days."""
    futures = {
        fold.name: select.submit(
            data.coin, fold, rows, config.split.horizons, data.cross_asset, config.select, data.given
        )
        for fold, rows in zip(walks.folds, walks.parts, strict=True)
    }
    selected, failures = gather(futures)
    if failures:
        raise RuntimeError(f"Features could not be selected: {failures}")
    return {name: each.columns for name, each in selected.items()}


def _fit(
    data: Prepared,
    walks: Walks,
    columns: Mapping[str, tuple[str, ...]],
    settings: Mapping[str, Any],
    config: RunConfig,
    reasons: list[str],
) -> dict[str, dict[str, Artifact]]:
    """Held-out forecasts by model and split, of the models that could be fitted in every split."""
    models = (*config.models, *BASELINES)
    units = [
        (spec_of(data, model, fold, config, settings), rows)
        for fold, rows in zip(walks.folds, walks.parts, strict=True)
        for model in models
    ]
    runtime().progress.expect(data.coin, len(units))
    futures = {
        (spec.model, spec.fold.name): fit.submit(spec, (rows,), columns[spec.fold.name])
        for spec, rows in sorted(units, key=lambda unit: -cost_of(unit[0]))  # long ones first
    }
    fits, failures = gather_fits(data.coin, futures)
    lost = dict(sorted(failures.items(), reverse=True))  # of several splits the first one is told
    why = {model: f"its {fold} fit failed ({text})" for (model, fold), text in lost.items()}
    reasons += [f"{label(m)} is left out of the walk-forward evaluation: {why[m]}" for m in models if m in why]
    if all(m in why for m in config.models):
        raise RuntimeError("no model could be fitted in every split.")
    return {m: {fold.name: _held_out(fits[m, fold.name]) for fold in walks.folds} for m in models if m not in why}


def _held_out(fitted: FitResult) -> Artifact:
    assert fitted.forecasts is not None
    return fitted.forecasts
