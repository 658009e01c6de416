"""Around the save: what a run says of itself, whether it is served from now on, and what retraining was worth."""

from collections.abc import Mapping
from typing import Any

from prefect.futures import PrefectFuture

from flows.fits import Survivors, gather
from forecaster.config import RunConfig
from forecaster.fitting import FitResult
from forecaster.judging import Judged, Stacked
from forecaster.leakage import Audit
from forecaster.prepare import Prepared
from forecaster.promotion.candidate import Candidate, JudgedRecipe, smoke_settings
from forecaster.promotion.champion import SavedRun, read_champion
from forecaster.promotion.verdict import Verdict, is_unchanged
from forecaster.replay import Retraining, earlier_runs
from forecaster.saving import Saved
from forecaster.settings import BASELINES, ENSEMBLE, PromotionConfig
from forecaster.suspicion import suspected_leak
from tasks.pool import PoolClosed
from tasks.promote import contest, promote, replay
from tasks.runtime import runtime

NOT_ASKED = "Nobody asked for it (`--promote`, or a deployment on real bars): what was served before still is."


def candidate_of(
    data: Prepared,
    config: RunConfig,
    settings: Mapping[str, Any],
    columns: tuple[str, ...],
    stacked: Stacked | None,
    judged: Judged,
    serving: Mapping[str, FitResult],
    target_scale: Mapping[int, float],
    coverage_90: Mapping[int, float | None],
    survivors: Survivors,
    audited: Audit | None = None,
) -> Candidate:
    """What the run says of itself, for tonight's judgement and for any later one."""
    members = [m for m in survivors.models if m not in BASELINES]
    nested, fold = runtime().store.json(judged.nested), data.judged
    return Candidate(
        coin=data.coin,
        source=config.source,
        recipe=_recipe(config, {m: settings[m] for m in members}, columns, stacked),
        shipped=shipped_by(judged, stacked, survivors),
        as_of=data.data.last,
        train_last=fold.train.last,
        val_last=fold.train.last if fold.held_out is None else fold.held_out.last,
        target_scale=dict(target_scale),
        coverage_90=dict(coverage_90),
        leak=suspected_leak(nested, data.data.simulated, audited.suspicions if audited else ()),
        degraded=tuple(survivors.reasons),
        unserved=tuple(m for m in members if m not in serving),
        smoke=smoke_settings(config.epochs, config.folds, config.max_features, PromotionConfig()),
        forecasts=judged.forecasts,
        rows=data.parts.all,
    )


def _recipe(
    config: RunConfig, settings: Mapping[str, Any], columns: tuple[str, ...], stacked: Stacked | None
) -> JudgedRecipe:
    return JudgedRecipe(
        models={m: each.model_dump(mode="json") for m, each in settings.items()},
        training=config.training.model_dump(mode="json"),
        lookback=config.split.lookback,
        horizons=config.split.horizons,
        n_folds=config.split.n_folds,
        seed=config.seed,
        columns=columns,
        stack=None if stacked is None else stacked.folder.sha256,
    )


def shipped_by(judged: Judged, stacked: Stacked | None, survivors: Survivors) -> str:
    """Whose forecast is the run's: the ensemble's, or without one the best model's on val."""
    members = [m for m in survivors.models if m not in BASELINES]
    return ENSEMBLE if stacked is not None else _best_on_val(runtime().store.json(judged.nested), members)


def _best_on_val(nested: Mapping[str, Any], members: list[str]) -> str:
    """The model that a run without an ensemble ships: the highest skill against zero on val, mean over horizons."""
    skills = {m: [each["skill_vs_zero"] or 0.0 for each in nested[m]["val"].values()] for m in members}
    return max(skills, key=lambda m: sum(skills[m]) / len(skills[m]))


def promote_safely(config: RunConfig, candidate: Candidate, saved: Saved, run: str, reasons: list[str]) -> Verdict:
    """Whether the run is served from now on. Whatever fails here leaves the champion as it was."""
    now = runtime()
    try:
        champion = read_champion(now.artifacts_dir, candidate.coin, candidate.source)
        serving = champion.run if champion else None
        if not config.promote:
            return Verdict(verdict="off", reasons=(NOT_ASKED,), run=run, champion=serving, before=serving)
        theirs = champion.saved if champion else None
        found = None if is_unchanged(candidate, champion) else contest(candidate, theirs)
        verdict: Verdict = promote(candidate, SavedRun(run=run, **saved.model_dump()), found)
    except PoolClosed:
        raise
    except Exception as error:  # the run is saved, and what was served before still is
        reasons.append(f"It was not judged whether the run is to be served: {type(error).__name__}: {error}")
        return Verdict(verdict="failed", reasons=(reasons[-1],), run=run)
    now.progress.say(candidate.coin, f"promotion: {verdict.in_words}")
    return verdict


def submit_replay(data: Prepared, config: RunConfig) -> dict[str, PrefectFuture[Retraining]]:
    """Start replaying stored models of some days ago, if there are any; nothing waits for them yet."""
    runs = earlier_runs(config.artifacts_dir, data.coin, config.source, data.data.last)
    return {"replay": replay.submit(data.coin, runs, data.parts.all)} if runs else {}


def gather_replay(futures: Mapping[str, PrefectFuture[Retraining]], reasons: list[str]) -> Retraining | None:
    """What stored models would have forecast; None if they could not be asked."""
    results, failures = gather(futures)
    reasons += [f"Stored models could not be replayed: {why}" for why in failures.values()]
    return None if failures else results.get("replay", Retraining())
