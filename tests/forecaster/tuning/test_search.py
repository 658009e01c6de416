import math
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from forecaster.fitting import FitSpec
from forecaster.settings import Config, DLinearConfig, EnhancedLSTMConfig, TuningConfig
from forecaster.split import Fold, Span
from forecaster.store import Store
from forecaster.tuning import Plan, Tuned, n_finished, tune
from forecaster.tuning.studies import DATABASE, is_hopeless, load_study, open_studies
from forecaster.tuning.trials import TrialScore, TrialUnit

SPAN = Span(first=date(2024, 1, 1), last=date(2024, 2, 1))
Runner = Callable[[Sequence[TrialUnit]], Iterator[tuple[TrialUnit, TrialScore]]]


class Killed(BaseException):
    """The process ends here."""


def plan(
    n_trials: int = 12,
    digest: str = "d1",
    settings: Config | None = None,
    n_folds: int = 2,
    coin: str = "BTC",
    seed: int = 42,
    last_day: date = SPAN.last,
) -> Plan:
    settings = settings or DLinearConfig()
    model = "dlinear" if isinstance(settings, DLinearConfig) else "enhanced_lstm"
    specs = tuple(
        FitSpec(
            coin=coin,
            model=model,
            fold=Fold(name=f"fold-{n}", train=SPAN, held_out=Span(first=SPAN.first, last=last_day)),
            lookback=60,
            horizons=(1,),
            settings=settings,
            training=None,
            seed=1,
        )
        for n in range(1, n_folds + 1)
    )
    return Plan(f"simulated/{coin}/{model}/{digest}", specs, TuningConfig(n_trials=n_trials, seed=seed))


def value_of(unit: TrialUnit) -> float:
    """Small near a learning rate of 3e-4, and half as much again on the second fold."""
    distance = abs(math.log10(unit.spec.settings.learning_rate / 3e-4))
    return (1.0 if unit.spec.fold.name == "fold-1" else 1.5) * (0.9 + distance)


class Bench:
    """Scores units without a fit, and remembers which it was asked for.

    Args:
        order: in which the scores of one call arrive.
        killed_after: so many scores, the process ends.
        out_of_time_after: so many scores, there is no time left.
    """

    def __init__(
        self,
        order: Callable[[list[TrialUnit]], Any] = list,
        killed_after: int | None = None,
        out_of_time_after: int | None = None,
        ends: dict[int, TrialScore] | None = None,
    ) -> None:
        self.order, self.killed_after, self.out_of_time_after = order, killed_after, out_of_time_after
        self.ends, self.units = ends or {}, list[str]()

    def __call__(self, units: Sequence[TrialUnit]) -> Iterator[tuple[TrialUnit, TrialScore]]:
        for unit in self.order(list(units)):
            if self.killed_after == len(self.units):
                raise Killed
            if self.out_of_time_after is not None and len(self.units) >= self.out_of_time_after:
                yield unit, TrialScore(end="out of time", seconds=9.0)
                continue
            self.units.append(unit.name)
            yield unit, self.ends.get(unit.number, TrialScore(end="scored", value=value_of(unit), seconds=2.0))


def history(store: Store, tuned: Tuned) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = store.json(tuned.history)
    return found


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "artifacts")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Tuned, list[str]]:
    """A study that nothing disturbed."""
    store, bench = Store(tmp_path_factory.mktemp("whole")), Bench()
    return store, tune(store, plan(), bench), bench.units


def test_the_first_trial_is_the_defaults_and_the_best_is_no_worse(whole):
    store, tuned, _ = whole
    first = history(store, tuned)[0]
    assert first["params"] == {"kernel_size": 25, "dropout": 0.1, "learning_rate": 1e-3}
    assert first["origin"] == "defaults"
    assert tuned.default_value == first["value"] == pytest.approx(1.25 * (0.9 + math.log10(1e-3 / 3e-4)))
    assert tuned.value is not None
    assert tuned.value < tuned.default_value
    assert tuned.settings.learning_rate == tuned.best["learning_rate"]
    assert tuned.value == min(t["value"] for t in history(store, tuned) if t["state"] == "complete")


def test_history_tells_every_trial_in_number_order(whole):
    store, tuned, _ = whole
    trials = history(store, tuned)
    assert [t["number"] for t in trials] == list(range(12))
    assert tuned.n_trials == 12
    assert tuned.n_pruned == sum(t["state"] == "pruned" for t in trials) > 0
    assert {t["seconds"] for t in trials if t["state"] == "complete"} == {4.0}
    assert {t["seconds"] for t in trials if t["state"] == "pruned"} == {2.0}
    assert (tuned.stopped_by, tuned.is_repeatable) == (None, True)


def test_all_trials_of_a_batch_run_one_fold_before_any_runs_the_next(whole):
    _, _, units = whole
    assert units[:8] == [f"trial-{n}/fold-{k}" for k in (1, 2) for n in range(4)]


def test_a_trial_worse_than_the_median_of_earlier_batches_is_pruned(whole):
    store, tuned, _ = whole
    trials = history(store, tuned)
    assert {t["state"] for t in trials[:4]} == {"complete"}  # nothing to compare with
    after_one_fold = sorted(t["value"] / 1.25 for t in trials[:4])
    middle = (after_one_fold[1] + after_one_fold[2]) / 2
    for trial in trials[4:8]:
        value = trial["value"] / (1.25 if trial["state"] == "complete" else 1.0)
        assert (trial["state"] == "pruned") == (value > middle)


def test_few_rivals_make_nothing_hopeless():
    assert not is_hopeless(9.0, [1.0, 1.0, 1.0])
    assert is_hopeless(2.6, [1.0, 2.0, 3.0, 4.0])
    assert not is_hopeless(2.5, [1.0, 2.0, 3.0, 4.0])


def test_the_sampler_learns_where_values_are_small(store: Store):
    trials = history(store, tune(store, plan(32), Bench()))
    distance = [abs(math.log10(t["params"]["learning_rate"] / 3e-4)) for t in trials]
    assert sum(distance[16:]) / 16 < sum(distance[1:8]) / 7


def test_the_parameter_that_matters_is_the_most_important(whole):
    tuned = whole[1]
    assert next(iter(tuned.importance)) == "learning_rate"
    assert sum(tuned.importance.values()) == pytest.approx(1)


def test_the_order_in_which_scores_arrive_changes_nothing(whole, store: Store):
    assert tune(store, plan(), Bench(order=reversed)) == whole[1]


def test_seed_coin_and_number_decide_what_is_drawn(whole, store: Store):
    drawn = {str(t["params"]) for t in history(whole[0], whole[1])[1:]}
    assert len(drawn) == 11
    for other in (plan(4, seed=43), plan(4, coin="ETH")):
        assert not drawn & {str(t["params"]) for t in history(store, tune(store, other, Bench()))[1:]}


@pytest.mark.parametrize("n_scores", [0, 6, 11])
def test_a_killed_study_goes_on_to_the_trials_params_and_values_of_an_undisturbed_one(
    whole, store: Store, n_scores: int
):
    before, after = Bench(killed_after=n_scores), Bench()
    with pytest.raises(Killed):
        tune(store, plan(), before)
    assert tune(store, plan(), after) == whole[1]
    assert sorted(before.units + after.units) == sorted(whole[2])  # no fit was repeated or lost


@pytest.mark.parametrize("n_writes", [2, 7, 13, 30])
def test_a_study_killed_at_any_write_goes_on_as_if_it_had_not_been(
    whole, store: Store, monkeypatch: pytest.MonkeyPatch, n_writes: int
):
    import optuna

    left = iter(range(n_writes))

    def counted(write: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*args: Any, **keywords: Any) -> Any:
            if next(left, None) is None:
                raise Killed
            return write(*args, **keywords)

        return counting

    writes = {optuna.Study: ("add_trial", "tell"), optuna.trial.Trial: ("report", "set_user_attr")}
    with monkeypatch.context() as patch:
        for kind, name in [(kind, name) for kind, names in writes.items() for name in names]:
            patch.setattr(kind, name, counted(getattr(kind, name)))
        with pytest.raises(Killed):
            tune(store, plan(), Bench())
    assert tune(store, plan(), Bench()) == whole[1]


def test_more_trials_go_on_to_what_they_would_have_been_at_once(whole, store: Store):
    fewer, more = Bench(), Bench()
    tuned = tune(store, plan(6), fewer)
    assert tuned.n_trials == 6
    assert tune(store, plan(12), more) == whole[1]
    assert sorted(fewer.units + more.units) == sorted(whole[2])


def test_fewer_trials_of_a_longer_study_are_what_they_would_have_been_alone(whole, store: Store):
    alone = tune(store, plan(6), Bench())
    bench = Bench()
    assert tune(whole[0], plan(6), bench) == alone
    assert bench.units == []


def test_a_finished_study_runs_nothing(whole):
    store, tuned, _ = whole
    assert n_finished(store.root, plan()) == 12
    assert n_finished(store.root, plan(digest="new")) == 0
    bench = Bench()
    assert tune(store, plan(), bench) == tuned
    assert bench.units == []


def test_the_best_of_the_last_other_study_of_coin_and_model_is_tried_second(whole, store: Store):
    last = tune(store, plan(), Bench())
    tune(store, plan(coin="ETH"), Bench())
    second = history(store, tune(store, plan(2, digest="d2"), Bench()))[1]
    assert (second["params"], second["origin"]) == (last.best, "last study")
    third = history(store, tune(store, plan(2, digest="d3"), Bench()))[1]
    assert third["params"] == last.best  # which was the best of the second study too


def test_a_study_that_knows_later_days_tells_a_backtest_nothing(store: Store):
    best = tune(store, plan(), Bench()).best
    later = history(store, tune(store, plan(2, digest="d2", last_day=date(2024, 2, 2)), Bench()))[1]
    assert (later["params"], later["origin"]) == (best, "last study")
    earlier = history(store, tune(store, plan(2, digest="d3", last_day=date(2024, 1, 31)), Bench()))[1]
    assert earlier["origin"] == "sampler"


def test_studies_of_other_content_draw_other_trials(store: Store):
    first, second = (history(store, tune(store, plan(3, digest=d), Bench())) for d in ("d1", "d2"))
    assert first[2]["params"] != second[2]["params"]


def test_without_another_study_or_a_better_best_the_second_trial_is_drawn(store: Store):
    worse = {n: TrialScore(end="failed", why="no") for n in range(1, 4)}
    first = history(store, tune(store, plan(4), Bench(ends=worse)))
    assert first[1]["origin"] == "sampler"
    second = history(store, tune(store, plan(2, digest="d2"), Bench()))  # the last best are the defaults
    assert second[1]["origin"] == "sampler"


def test_a_last_best_that_lies_outside_by_now_is_not_tried(store: Store, monkeypatch: pytest.MonkeyPatch):
    import optuna

    tune(store, plan(4), Bench())
    space = {"kernel_size": optuna.distributions.IntDistribution(25, 25)}
    monkeypatch.setattr("forecaster.tuning.search.search_space", lambda model: space)
    monkeypatch.setattr("forecaster.tuning.search.params_from", lambda model, settings: {"kernel_size": 25})
    second = history(store, tune(store, plan(2, digest="d2"), Bench()))[1]
    assert second["origin"] == "sampler"


def test_a_failing_trial_is_told_so_and_the_others_go_on(whole, store: Store):
    failed = TrialScore(end="failed", why="FloatingPointError: the loss\n  must stay finite", seconds=1.0)
    tuned = tune(store, plan(), Bench(ends={2: failed}))
    trial = history(store, tuned)[2]
    assert (trial["state"], trial["value"], trial["seconds"]) == ("fail", None, 1.0)
    assert trial["why"] == "FloatingPointError: the loss must stay finite"
    assert (tuned.n_trials, tuned.n_failed, tuned.is_repeatable) == (12, 1, True)


def test_a_study_that_lost_a_trial_to_a_dead_worker_is_not_repeatable(store: Store):
    tuned = tune(store, plan(4), Bench(ends={2: TrialScore(end="lost", why="its worker died")}))
    assert (tuned.n_failed, tuned.is_repeatable, tuned.stopped_by) == (1, False, None)
    assert history(store, tuned)[2]["why"] == "its worker died"


def test_if_every_trial_fails_the_reason_is_raised(store: Store):
    failed = {n: TrialScore(end="failed", why="FloatingPointError: boom") for n in range(4)}
    with pytest.raises(RuntimeError, match="Received: 4 that failed, the first with FloatingPointError: boom"):
        tune(store, plan(4), Bench(ends=failed))


@pytest.mark.parametrize("n_scores", [2, 9])
def test_a_study_out_of_time_keeps_what_it_has_says_so_and_goes_on_another_time(whole, store: Store, n_scores: int):
    early, late = Bench(out_of_time_after=n_scores), Bench()
    tuned = tune(store, plan(), early)
    assert (tuned.stopped_by, tuned.is_repeatable) == ("timeout", False)
    assert tuned.n_trials == n_finished(store.root, plan()) < 12
    assert len(early.units) == n_scores
    assert tune(store, plan(), late) == whole[1]
    assert sorted(early.units + late.units) == sorted(whole[2])


def test_without_time_for_a_single_trial_the_defaults_serve(store: Store):
    tuned = tune(store, plan(), Bench(out_of_time_after=0))
    assert (tuned.settings, tuned.best, tuned.value, tuned.n_trials) == (DLinearConfig(), {}, None, 0)
    assert {t["state"] for t in history(store, tuned)} == {"running"}
    assert tuned.importance == {}


def test_the_best_names_no_layer_that_is_not_there(store: Store):
    tuned = tune(store, plan(4, settings=EnhancedLSTMConfig(learning_rate=3e-4)), Bench())
    assert tuned.settings.units == (64, 32)  # the defaults' learning rate is the best there is
    assert "units_2" in tuned.best
    assert "units_3" not in tuned.best


def test_what_is_not_searched_is_kept(store: Store):
    kept = EnhancedLSTMConfig(learning_rate=3e-4)
    units: list[TrialUnit] = []

    def run(todo: Sequence[TrialUnit]) -> Iterator[tuple[TrialUnit, TrialScore]]:
        units.extend(todo)
        return Bench()(todo)

    tune(store, plan(2, settings=kept), run)
    assert all(unit.spec.seed == 1 and type(unit.spec.settings) is EnhancedLSTMConfig for unit in units)
    assert units[0].spec.settings == kept


def test_defaults_outside_of_the_space_are_refused(store: Store):
    with pytest.raises(ValueError, match="kernel_size"):
        tune(store, plan(2, settings=DLinearConfig(kernel_size=99)), Bench())


def test_two_threads_may_begin_studies_in_one_new_file(store: Store):
    from concurrent.futures import ThreadPoolExecutor

    plans = [plan(4, coin=coin) for coin in ("BTC", "ETH", "LTC", "XRP")]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda each: tune(store, each, Bench()), plans))
    assert [tuned.n_trials for tuned in found] == [4] * 4


def test_the_database_can_be_read_by_optunas_own_tools(whole):
    with open_studies(whole[0].root) as storage:
        study = load_study(storage, "simulated/BTC/dlinear/d1")
        assert study.best_params == whole[1].best
        assert study.best_value == whole[1].value
    assert (whole[0].root / DATABASE).is_file()


def test_importing_it_loads_neither_optuna_nor_a_network_library():
    code = "import sys, forecaster.tuning; print(sorted({'optuna', 'tensorflow', 'lightgbm'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
