"""Hyperparameter search of one coin's model: its trials are units on the shared pool, its memory is the study."""

import contextvars
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from forecaster.fitting import FitSpec
from forecaster.models.registry import model_module
from forecaster.names import label
from forecaster.settings import NETWORKS, TuningConfig
from forecaster.store import Artifact
from forecaster.tuning import Plan, Tuned, n_finished
from forecaster.tuning import tune as run_study
from forecaster.tuning.trials import Budget, TrialScore, TrialUnit, trial_unit
from tasks.fit import COMMON, TIMEOUT_SECONDS, cost_of
from tasks.pool import UnitTimedOut, WorkerDied
from tasks.runtime import Runtime, runtime
from tasks.step import BACK_OFF, StepKey, digest_of, remember, what_changed

NAME = "tune-{specs[0].coin}-{specs[0].model}"
ATTEMPTS = 2  # at a unit whose worker died


@task(name="tune", task_run_name=NAME, cache_policy=NO_CACHE, persist_result=False, retries=2, **BACK_OFF)
def tune(
    specs: tuple[FitSpec, ...],
    train: Artifact,
    columns: dict[str, tuple[str, ...]],
    config: TuningConfig,
    timeout: float,
) -> Tuned:
    """Search one model's hyperparameters, going on where an earlier run stopped.

    The study is its own cache record: one of the same content that has all its trials is read, not run.

    Args:
        specs: one fit per fold, with the model's default settings.
        train: rows of the train part.
        columns: of each fold.
        config: how many trials, in which batches.
        timeout: most seconds that the trials may compute, added up over workers.
    """
    now, name = runtime(), NAME.format(specs=specs)
    parts = _parts(specs, train, columns, config)
    plan = Plan(f"{now.scope}/{specs[0].coin}/{specs[0].model}/{digest_of(parts)}", specs, config)
    _begin(now, name, plan, parts)
    with now.steps.timed(name):
        tuned = run_study(now.store, plan, Trials(now, get_run_logger(), train, columns, Budget(timeout)))
    now.progress.say(plan.coin, _summary(tuned))
    return tuned


def _summary(tuned: Tuned) -> str:
    told = f"{label(tuned.model)} tuned: {tuned.n_trials} trials"
    if tuned.value is not None:
        told += f", best RMSE / RMSE of zero {tuned.value:.4f}"
    if tuned.default_value is not None:
        told += f", of the defaults {tuned.default_value:.4f}"
    return told + ("; its time is up, another run goes on" if tuned.stopped_by else "")


def _parts(
    specs: tuple[FitSpec, ...], train: Artifact, columns: dict[str, tuple[str, ...]], config: TuningConfig
) -> dict[str, Any]:
    """All that trials depend on. More trials go on with the same study; how long they may take changes none."""
    model = specs[0].model
    extra = ("tensorflow", "keras") if model in NETWORKS else (model,)
    modules = ("forecaster.tuning", model_module(model))
    key = StepKey(name=NAME, modules=modules, libraries=(*COMMON, "optuna", *extra))
    rules = config.model_dump(exclude={"n_trials"})
    return key.parts({"specs": specs, "train": train, "columns": columns, "config": rules})


def _begin(now: Runtime, name: str, plan: Plan, parts: dict[str, Any]) -> None:
    done, n_trials = n_finished(now.artifacts_dir, plan), plan.config.n_trials
    if done == n_trials:
        now.steps.begin(name, "hit", f"its study has all {n_trials} trials")
    elif done:
        now.steps.begin(name, "miss", f"its study had {done} of {n_trials} trials")
    else:
        now.steps.begin(name, "miss", what_changed(now, name, parts))
    remember(now, name, parts)


@dataclass(frozen=True)
class Trials:
    """Fits what a study asks for on the shared pool, as many at once as it has workers."""

    now: Runtime
    log: Any
    train: Artifact
    columns: dict[str, tuple[str, ...]]
    budget: Budget

    def __call__(self, units: Sequence[TrialUnit]) -> Iterator[tuple[TrialUnit, TrialScore]]:
        """Each unit with its score, as it arrives; then raise what went wrong, if anything did."""
        n_workers, errors = min(self.now.pool.jobs, len(units)), []
        self.now.progress.expect(self.now.coin, len(units))
        with ThreadPoolExecutor(n_workers, thread_name_prefix="trial") as threads:
            futures = {
                threads.submit(contextvars.copy_context().run, self._score, unit, n_workers): unit for unit in units
            }
            for future in as_completed(futures):
                if error := future.exception():
                    errors.append(error)
                    continue
                self._tell(futures[future], future.result())
                yield futures[future], future.result()
        if errors:
            raise errors[0]

    def _score(self, unit: TrialUnit, n_workers: int) -> TrialScore:
        with self.budget.share(n_workers) as share:
            if not share.granted:
                return TrialScore(end="out of time")
            score = self._run(unit, share.granted)
            share.used = score.seconds
            return score

    def _run(self, unit: TrialUnit, seconds: float) -> TrialScore:
        for _ in range(ATTEMPTS):
            try:
                return self.now.pool.run(
                    trial_unit,
                    self.now.artifacts_dir,
                    unit.spec,
                    (self.train,),
                    self.columns[unit.spec.fold.name],
                    seconds,
                    on_event=lambda epoch, logs: self._progress(unit, epoch, logs),
                    cost=cost_of(unit.spec),
                    timeout=TIMEOUT_SECONDS,
                )
            except WorkerDied as error:
                lost = TrialScore(end="lost", why=f"WorkerDied: {error}")
            except UnitTimedOut as error:
                return TrialScore(end="lost", why=f"UnitTimedOut: {error}", seconds=TIMEOUT_SECONDS)
        return lost

    def _progress(self, unit: TrialUnit, epoch: int, logs: dict[str, float]) -> None:
        total = unit.spec.training.epochs if unit.spec.training else None
        self.now.progress.epoch(unit.spec.coin, unit.spec.model, unit.name, epoch, total, logs)

    def _tell(self, unit: TrialUnit, score: TrialScore) -> None:
        how = f"{score.end} {score.value:.4f}" if score.value is not None else f"{score.end} {score.why}".strip()
        self.log.info("%s: %s in %.1f s", unit.name, how, score.seconds)
        self.now.progress.done(unit.spec.coin, unit.spec.model, unit.name, how)
