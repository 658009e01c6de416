import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from prefect.logging import disable_run_logger

from forecaster.fitting import FitSpec
from forecaster.settings import DLinearConfig, LightGBMConfig, TrainingConfig, TuningConfig
from forecaster.split import Fold, Span
from forecaster.store import Artifact
from forecaster.tuning import Tuned
from forecaster.tuning.trials import TrialScore, trial_unit
from tasks.pool import Pool, PoolClosed, UnitTimedOut, WorkerDied
from tasks.runtime import Runtime, use_runtime
from tasks.steps import StepLog
from tasks.tune import tune

TRAIN = Artifact(path="objects/ab/train.parquet", sha256="ab")
SPAN = Span(first=date(2024, 1, 1), last=date(2024, 2, 1))
SPECS = tuple(
    FitSpec(
        coin="BTC",
        model="dlinear",
        fold=Fold(name=name, train=SPAN, held_out=SPAN),
        lookback=60,
        horizons=(1, 7),
        settings=DLinearConfig(),
        training=TrainingConfig(epochs=5, patience=3),
        seed=42,
    )
    for name in ("fold-4", "fold-5")
)
COLUMNS = {"fold-4": ("rsi_14",), "fold-5": ("atr_14",)}
FOUR = TuningConfig(n_trials=4)


@dataclass
class FakePool:
    """Runs no unit, but remembers which it was given and what it was told to answer."""

    answer: Callable[[FitSpec], TrialScore] = lambda spec: TrialScore(
        end="scored", value=spec.settings.dropout, seconds=10.0
    )
    jobs: int = 2
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, unit: Any, root: Path, spec: FitSpec, *args: Any, on_event: Any, cost: float, timeout: float) -> Any:
        assert unit is trial_unit
        with self.lock:
            self.calls.append((spec, *args))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        on_event(1, {"loss": 0.5})
        try:
            return self.answer(spec)
        finally:
            with self.lock:
                self.at_once -= 1


class Heard:
    """A progress that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def __getattr__(self, what: str) -> Callable[..., None]:
        return lambda *args: self.told.append((what, *args))


@pytest.fixture
def now(tmp_path: Path) -> Runtime:
    return Runtime("BTC", tmp_path, "simulated", pool=FakePool(), progress=Heard(), steps=StepLog())  # type: ignore[arg-type]


def run(
    now: Runtime, specs: tuple[FitSpec, ...] = SPECS, config: TuningConfig = FOUR, timeout: float = 3600.0, **given: Any
) -> Tuned:
    with use_runtime(now), disable_run_logger():
        return tune.fn(specs, given.get("train", TRAIN), given.get("columns", COLUMNS), config, timeout)


def again(now: Runtime, **given: Any) -> dict[str, Any]:
    """The step's record in another night."""
    night = replace(now, steps=StepLog())
    run(night, **given)
    (record,) = night.steps.as_dicts()
    return record


def pool_of(now: Runtime) -> Any:
    return now.pool


def test_every_fold_of_a_trial_is_given_its_columns_and_the_train_part(now: Runtime):
    run(now)
    given = {(spec.fold.name, parts, columns) for spec, parts, columns, _ in pool_of(now).calls}
    assert given == {("fold-4", (TRAIN,), ("rsi_14",)), ("fold-5", (TRAIN,), ("atr_14",))}
    assert len(pool_of(now).calls) == 8


def test_the_study_is_named_by_scope_coin_model_and_content(now: Runtime):
    scope, coin, model, digest = run(now).study.split("/")
    assert (scope, coin, model, len(digest)) == ("simulated", "BTC", "dlinear", 32)


def test_a_second_night_is_a_hit_and_gives_the_same(now: Runtime):
    first = run(now)
    (record,) = now.steps.as_dicts()
    assert (record["name"], record["cache"], record["because"]) == ("tune-BTC-dlinear", "miss", "never ran before")
    assert run(now) == first
    assert again(now)["cache"] == "hit"
    assert len(pool_of(now).calls) == 8


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"train": Artifact(path=TRAIN.path, sha256="cd")}, "input train"),
        ({"columns": {**COLUMNS, "fold-5": ("rsi_14",)}}, "input columns.fold-5"),
        ({"config": FOUR.model_copy(update={"seed": 1})}, "input config.seed"),
        ({"specs": tuple(s.model_copy(update={"seed": 1}) for s in SPECS)}, "input specs"),
    ],
)
def test_other_content_is_another_study_and_the_report_says_what_changed(now: Runtime, given: Any, what: str):
    first = run(now)
    record = again(now, **given)
    assert (record["cache"], record["because"]) == ("miss", f"changed: {what}")
    assert run(now, **given).study != first.study


def test_more_trials_or_another_timeout_are_no_other_study(now: Runtime):
    first = run(now)
    record = again(now, config=TuningConfig(n_trials=6), timeout=7200.0)
    assert (record["cache"], record["because"]) == ("miss", "its study had 4 of 6 trials")
    assert run(now).study == first.study


def test_an_edited_model_is_another_study(now: Runtime, monkeypatch: pytest.MonkeyPatch):
    first = run(now)
    monkeypatch.setattr("tasks.step.source_digest", lambda modules: "edited")
    assert run(now).study != first.study


def test_no_more_units_run_at_once_than_the_pool_has_workers(now: Runtime):
    run(now)
    assert pool_of(now).most_at_once <= 2


def test_units_are_granted_no_more_time_together_than_there_is(now: Runtime):
    tuned = run(now, timeout=30.0)  # each unit takes 10 s
    granted = [seconds for *_, seconds in pool_of(now).calls]
    assert max(granted) <= 15.0
    assert len(granted) <= 5
    assert (tuned.stopped_by, tuned.is_repeatable) == ("timeout", False)


def test_progress_names_trial_and_fold(now: Runtime):
    run(now)
    told: list[tuple[Any, ...]] = now.progress.told  # type: ignore[attr-defined]
    assert ("expect", "BTC", 4) in told
    assert ("epoch", "BTC", "dlinear", "trial-3/fold-5", 1, 5, {"loss": 0.5}) in told
    assert ("done", "BTC", "dlinear", "trial-0/fold-4", "scored 0.1000") in told
    assert told[-1][2].startswith("DLinear tuned: 4 trials, best")


def dying(error: Exception, n_times: int) -> Callable[[FitSpec], TrialScore]:
    """Answers that raise so often, then score."""
    left = iter(range(n_times))
    lock = threading.Lock()

    def answer(spec: FitSpec) -> TrialScore:
        with lock:
            if next(left, None) is not None:
                raise error
        return TrialScore(end="scored", value=spec.settings.dropout)

    return answer


def test_a_dead_worker_costs_a_unit_a_second_try(now: Runtime):
    pool_of(now).jobs = 1
    pool_of(now).answer = dying(WorkerDied("-9"), 1)
    tuned = run(now)
    assert (tuned.n_failed, tuned.is_repeatable) == (0, True)


@pytest.mark.parametrize(("error", "n_times"), [(WorkerDied("-9"), 2), (UnitTimedOut("3 h"), 1)])
def test_a_trial_that_ends_its_worker_again_is_lost_and_the_study_goes_on(now: Runtime, error: Exception, n_times: int):
    pool_of(now).jobs = 1
    pool_of(now).answer = dying(error, n_times)
    tuned = run(now, timeout=1e6)
    assert (tuned.n_trials, tuned.n_failed, tuned.is_repeatable) == (4, 1, False)
    (lost,) = [t["why"] for t in now.store.json(tuned.history) if t["why"]]
    assert lost == f"{type(error).__name__}: {error}"


def test_a_cancelled_run_is_not_a_failed_trial_and_keeps_what_was_scored(now: Runtime):
    pool = pool_of(now)
    pool.jobs = 1
    scored = iter(range(3))

    def answer(spec: FitSpec) -> TrialScore:
        if next(scored, None) is None:
            raise PoolClosed("cancelled")
        return TrialScore(end="scored", value=spec.settings.dropout, seconds=10.0)

    pool.answer = answer
    with pytest.raises(PoolClosed):
        run(now)
    rest = FakePool()
    tuned = run(replace(now, pool=rest))  # type: ignore[arg-type]
    assert len(rest.calls) == 8 - 3
    assert (tuned.n_trials, tuned.n_failed) == (4, 0)


def test_real_trials_are_the_same_with_one_worker_and_with_two(world, tmp_path: Path):
    settings = LightGBMConfig(n_estimators=100, early_stopping=3)
    specs = tuple(
        world.spec("lightgbm", fold).model_copy(update={"settings": settings}) for fold in world.today.folds[-2:]
    )
    columns = {spec.fold.name: world.columns for spec in specs}
    values = []
    for jobs in (1, 2):
        with Pool(jobs) as pool:
            here = Runtime("BTC", tmp_path / str(jobs), "folder", pool=pool, progress=Heard(), steps=StepLog())  # type: ignore[arg-type]
            train = here.store.put_frame(world.rows("train"))
            tuned = run(here, specs, TuningConfig(n_trials=6), train=train, columns=columns)
            history = here.store.json(tuned.history)
        assert [trial.pop("seconds") > 0 for trial in history] == [True] * 6
        assert len(list((here.artifacts_dir / "objects").rglob("*.*"))) == 2  # rows and history: fits leave nothing
        values.append((tuned.value, tuned.best, tuned.importance, history))
    assert values[0] == values[1]
    assert values[0][0] <= 1.0  # a strong signal is planted
