"""Optuna as we use it: a database of studies, and draws that are pure functions of seed, number and earlier batches."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from filelock import FileLock

if TYPE_CHECKING:  # optuna takes a second to import, and most runs do not tune
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial, Trial

Params = dict[str, Any]
Space = Mapping[str, "BaseDistribution"]

DATABASE = "studies.db"
LAST_DAY, LATEST = "last_day", "9999-12-31"  # attribute of a study: newest day that its trials were scored on
LOCK_SECONDS = 60  # that a writer waits for others: studies of all coins and models share the file
N_RANDOM = 8  # trials drawn at random before the sampler learns from them
N_TO_PRUNE = 4  # complete trials of earlier batches that it takes to call another one hopeless
N_TO_EXPLAIN = 4  # finished trials that it takes to say which parameter mattered


@contextmanager
def open_studies(root: Path) -> "Iterator[RDBStorage]":
    """The database of studies in `root`, made if there is none."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    root.mkdir(parents=True, exist_ok=True)
    path = root.absolute() / DATABASE
    with FileLock(path.with_suffix(".lock")):  # two that create the tables at once get in each other's way
        wait = {"connect_args": {"timeout": LOCK_SECONDS}}
        storage = optuna.storages.RDBStorage(f"sqlite:///{path}", engine_kwargs=wait)
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


def load_study(storage: "RDBStorage", name: str) -> "Study":
    """The study called `name`, begun if it is new."""
    import optuna

    return optuna.create_study(storage=storage, study_name=name, direction="minimize", load_if_exists=True)


def add_trial(study: "Study", params: Params, space: Space, origin: str) -> None:
    """Add a running trial in one transaction: whoever is killed leaves it whole or not at all.

    Raises:
        ValueError: if a parameter is missing, unknown or out of range.
    """
    study.add_trial(_running(params, space, {"origin": origin}))


def draw(study: "Study", space: Space, number: int, batch: int, seed: int) -> Params:
    """Parameters of trial `number`, from what batches before its own found (TPE, Bergstra et al. 2011).

    Trials of its own batch count as running, whether or not they are finished by now, so that a study that was
    interrupted, or given more trials, draws what it would have drawn at once.
    """
    import optuna

    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=N_RANDOM, multivariate=True, constant_liar=True)
    seen = optuna.create_study(sampler=sampler, direction="minimize")
    first = number - number % batch
    for trial in study.get_trials(deepcopy=False)[:number]:
        seen.add_trial(trial if trial.number < first else _running(trial.params, space))
    return seen.ask(dict(space)).params


def last_best(storage: "RDBStorage", name: str, last_day: str, space: Space) -> Params | None:
    """Best parameters of the study that last ended a trial among those that `name` shares all but its digest with.

    Studies that were scored on days after `last_day` are passed over: they know the future of a backtest. None without
    one, or if its parameters no longer lie in `space`.
    """
    import optuna

    family = name.rpartition("/")[0] + "/"
    names = [each for each in optuna.get_all_study_names(storage) if each.startswith(family) and each != name]
    studies = [load_study(storage, each) for each in names]
    earlier = [study for study in studies if study.user_attrs.get(LAST_DAY, LATEST) <= last_day]
    ended = [trials for study in earlier if (trials := complete(study.get_trials(deepcopy=False)))]
    if not ended:
        return None
    newest = max(ended, key=lambda trials: max(str(trial.datetime_complete) for trial in trials))
    with suppress(ValueError):
        return _running(best_of(newest).params, space).params
    return None


def writable(study: "Study", trial: "FrozenTrial") -> "Trial":
    """A stored trial as one that values and attributes can be added to."""
    from optuna.trial import Trial

    return Trial(study, trial._trial_id)


def complete(trials: "Iterable[FrozenTrial]") -> "list[FrozenTrial]":
    """Trials that were scored on every fold."""
    return [trial for trial in trials if trial.state.name == "COMPLETE"]


def best_of(trials: "Sequence[FrozenTrial]") -> "FrozenTrial":
    """The complete trial with the smallest value, the earlier one in a tie."""
    return min(trials, key=lambda trial: (trial.value, trial.number))


def is_hopeless(value: float, rivals: Sequence[float]) -> bool:
    """Whether a trial is worse than the median of complete ones after as many folds (Golovin et al. 2017)."""
    return len(rivals) >= N_TO_PRUNE and value > median(rivals)


def importance(trials: "Sequence[FrozenTrial]", seed: int) -> dict[str, float]:
    """Share of the variance of values that each parameter explains, largest first (fANOVA, Hutter et al. 2014).

    Empty where too few `trials` are complete, or all have the same value.
    """
    import optuna

    scored = complete(trials)
    if len(scored) < N_TO_EXPLAIN or len({trial.value for trial in scored}) == 1:
        return {}
    study = optuna.create_study(direction="minimize")
    study.add_trials(scored)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))


def _running(params: Params, space: Space, attrs: Params | None = None) -> "FrozenTrial":
    import optuna

    running = optuna.trial.TrialState.RUNNING
    return optuna.trial.create_trial(state=running, params=params, distributions=dict(space), user_attrs=attrs)
