"""One Optuna study per coin and model: asked in fixed batches, pruned after every fold, kept and resumed in SQLite.

A trial's parameters, and whether it is pruned, follow from the seed and from what *earlier batches* found, but for
trial 1: that is the best of the last study that knew no later day, if there was one when this one began. So a study is
the same with any number of workers, however often it was interrupted, and to whatever number of trials it grew.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

from forecaster.fitting import FitSpec
from forecaster.settings import Config, TuningConfig
from forecaster.store import Artifact, Store
from forecaster.tuning.search_spaces import active, params_from, search_space, settings_from
from forecaster.tuning.studies import (
    LAST_DAY,
    add_trial,
    best_of,
    complete,
    draw,
    importance,
    is_hopeless,
    last_best,
    load_study,
    open_studies,
    writable,
)
from forecaster.tuning.trials import TrialScore, TrialUnit

if TYPE_CHECKING:  # optuna takes a second to import, and most runs do not tune
    from optuna import Study
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

Run = Callable[[Sequence[TrialUnit]], Iterable[tuple[TrialUnit, TrialScore]]]

WHY_LENGTH = 300  # characters kept of an error


class Tuned(Config):
    """What a study found.

    Attributes:
        coin, model: whose study it is.
        study: its name in the database.
        settings: of the model, with the best parameters found; the default ones if no trial finished.
        best: those parameters, as they are searched.
        value: of the best trial: RMSE / RMSE of the zero forecast, mean over horizons and folds.
        default_value: of the default settings.
        n_trials: finished, pruned and failed ones included.
        n_pruned, n_failed: how many of them.
        history: JSON list of `number, value, state, params, seconds, origin, why`, one per trial.
        importance: parameter -> share of the variance of values that it explains, largest first.
        stopped_by: `timeout` where trials are left to do.
        is_repeatable: whether another run would find the same: neither time nor a dead worker decided anything.
    """

    coin: str
    model: str
    study: str
    settings: Any
    best: dict[str, Any]
    value: float | None
    default_value: float | None
    n_trials: int
    n_pruned: int
    n_failed: int
    history: Artifact
    importance: dict[str, float]
    stopped_by: Literal["timeout"] | None
    is_repeatable: bool


@dataclass(frozen=True)
class Plan:
    """What a study is to search.

    Attributes:
        study: `{scope}/{coin}/{model}/{digest}`: the digest stands for all that trials depend on.
        specs: one fit per fold, with the model's default settings.
        config: how many trials, and in which batches.
    """

    study: str
    specs: tuple[FitSpec, ...]
    config: TuningConfig

    @property
    def coin(self) -> str:
        """Whose bars are searched."""
        return self.specs[0].coin

    @property
    def model(self) -> str:
        """What is tuned."""
        return self.specs[0].model

    @property
    def defaults(self) -> Config:
        """The settings before any tuning."""
        settings: Config = self.specs[0].settings
        return settings

    @property
    def last_day(self) -> str:
        """Newest origin that a trial is scored on: what a study found out may not be told to one of earlier days."""
        return max(str(spec.fold.held_out.last) for spec in self.specs if spec.fold.held_out is not None)

    @property
    def batches(self) -> Iterator[range]:
        """Numbers of the trials that are asked at once."""
        n, size = self.config.n_trials, self.config.batch
        return (range(start, min(start + size, n)) for start in range(0, n, size))

    def seed(self, number: int) -> int:
        """Of the sampler that draws trial `number`."""
        name = f"{self.config.seed}/{self.study}/trial-{number}"
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])

    def unit(self, trial: "FrozenTrial", step: int) -> TrialUnit:
        """The fit of a trial on fold number `step`."""
        settings = settings_from(self.model, trial.params, self.defaults)
        return TrialUnit(trial.number, self.specs[step].model_copy(update={"settings": settings}))


def n_finished(root: Path, plan: Plan) -> int:
    """How many of the plan's trials need no more work."""
    with open_studies(root) as storage:
        trials = load_study(storage, plan.study).get_trials(deepcopy=False)[: plan.config.n_trials]
        return sum(trial.state.is_finished() for trial in trials)


def tune(store: Store, plan: Plan, run: Run) -> Tuned:
    """Go on with a study, or begin it, until it has all its trials or its time is up.

    Args:
        store: where the history is kept, and beside it the database.
        plan: what to search.
        run: fits units, at once or one after another, and yields the score of each as it arrives. What it raises ends
            the search; scores yielded before are kept.

    Raises:
        RuntimeError: if every trial failed.
    """
    with open_studies(store.root) as storage:
        study = load_study(storage, plan.study)
        if LAST_DAY not in study.user_attrs:
            study.set_user_attr(LAST_DAY, plan.last_day)
        in_time = all(_run_batch(storage, study, plan, batch, run) for batch in plan.batches)
        return _result(store, study, plan, in_time)


def _run_batch(storage: "RDBStorage", study: "Study", plan: Plan, numbers: range, run: Run) -> bool:
    """Fold after fold, all trials of the batch that are still in the race; whether there was time enough."""
    for number in range(max(numbers.start, len(study.get_trials(deepcopy=False))), numbers.stop):
        _ask(storage, study, plan, number)
    for step, spec in enumerate(plan.specs):
        todo = [plan.unit(t, step) for t in _running(study, numbers) if spec.fold.name not in t.user_attrs]
        ends = [_record(study, unit, score) for unit, score in run(todo)] if todo else []
        if "out of time" in ends:
            return False
        _judge(study, plan, numbers, step)
    return True


def _ask(storage: "RDBStorage", study: "Study", plan: Plan, number: int) -> None:
    """Begin trial `number`: the defaults first, then the best of the last other study, then what the sampler draws."""
    space = search_space(plan.model)
    defaults = params_from(plan.model, plan.defaults)
    if number == 0:
        add_trial(study, defaults, space, "defaults")
        return
    best = last_best(storage, plan.study, plan.last_day, space) if number == 1 else None
    if best is not None and best != defaults:
        add_trial(study, best, space, "last study")
        return
    drawn = draw(study, space, number, plan.config.batch, plan.seed(number))
    add_trial(study, drawn, space, "sampler")


def _running(study: "Study", numbers: range) -> "list[FrozenTrial]":
    trials = study.get_trials(deepcopy=False)[numbers.start : numbers.stop]
    return [trial for trial in trials if not trial.state.is_finished()]


def _record(study: "Study", unit: TrialUnit, score: TrialScore) -> str:
    """Note a score in the database, and return how the unit ended; what was out of time is done again another time."""
    trial = writable(study, study.get_trials(deepcopy=False)[unit.number])
    if score.end in ("failed", "lost"):
        trial.set_user_attr(score.end, " ".join(score.why.split())[:WHY_LENGTH])
    if score.end != "out of time":
        trial.set_user_attr(unit.spec.fold.name, {"value": score.value, "seconds": score.seconds})
    return score.end


def _judge(study: "Study", plan: Plan, numbers: range, step: int) -> None:
    """Tell, in number order, the trials that end with fold number `step`: failed, hopeless, or complete."""
    from optuna.trial import TrialState

    rivals = complete(study.get_trials(deepcopy=False)[: numbers.start])
    for trial in _running(study, numbers):
        if _complaint(trial):
            study.tell(trial.number, state=TrialState.FAIL)
            continue
        value = fmean(trial.user_attrs[spec.fold.name]["value"] for spec in plan.specs[: step + 1])
        if step not in trial.intermediate_values:
            writable(study, trial).report(value, step)
        if step == len(plan.specs) - 1:
            study.tell(trial.number, value)
        elif is_hopeless(value, [rival.intermediate_values[step] for rival in rivals]):
            study.tell(trial.number, state=TrialState.PRUNED)


def _complaint(trial: "FrozenTrial") -> Any:
    return trial.user_attrs.get("failed") or trial.user_attrs.get("lost")


def _result(store: Store, study: "Study", plan: Plan, in_time: bool) -> Tuned:
    trials = study.get_trials()[: plan.config.n_trials]
    scored, states = complete(trials), [trial.state.name for trial in trials]
    if in_time and not scored:
        raise RuntimeError(
            f"At least one trial of a study must succeed. Received: {len(trials)} that failed, the first with "
            f"{_complaint(trials[0])}. Mend that, then delete the study {plan.study} or the file of studies"
        )
    best = best_of(scored) if scored else None
    return Tuned(
        coin=plan.coin,
        model=plan.model,
        study=plan.study,
        settings=plan.defaults if best is None else settings_from(plan.model, best.params, plan.defaults),
        best={} if best is None else active(plan.model, best.params),
        value=None if best is None else best.value,
        default_value=trials[0].value if complete(trials[:1]) else None,
        n_trials=sum(trial.state.is_finished() for trial in trials),
        n_pruned=states.count("PRUNED"),
        n_failed=states.count("FAIL"),
        history=store.put_json([_history(plan, trial) for trial in trials]),
        importance=importance(trials, plan.config.seed),
        stopped_by=None if in_time else "timeout",
        is_repeatable=in_time and not any("lost" in trial.user_attrs for trial in trials),
    )


def _history(plan: Plan, trial: "FrozenTrial") -> dict[str, Any]:
    folds = [trial.user_attrs.get(spec.fold.name, {}) for spec in plan.specs]
    return {
        "number": trial.number,
        "value": trial.value,
        "state": trial.state.name.lower(),
        "params": dict(sorted(active(plan.model, trial.params).items())),
        "seconds": sum(fold.get("seconds", 0.0) for fold in folds),
        "origin": trial.user_attrs["origin"],
        "why": _complaint(trial),
    }
