from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.fitting import FitResult, fit_unit
from forecaster.select import Selected, select_unit
from forecaster.settings import SelectConfig, SplitConfig, WalkForwardConfig
from forecaster.significance import diebold_mariano
from forecaster.split import AuditRow, Fold, Span
from forecaster.store import Artifact, Store
from forecaster.walk_forward import WalkForward, Walks, divide_unit, holm, walk_forward_unit
from forecaster.windows import LOG_CLOSE

SPLIT = SplitConfig(lookback=10, n_folds=3, min_fold_origins=60)  # as the world has it
GROWING = WalkForwardConfig(n_splits=3, min_train=300)
ROLLING = WalkForwardConfig(n_splits=3, min_train=300, rolling=True)
LEARNERS = ("ridge", "lightgbm")
GAUGES = [f"gauge_{i}" for i in range(10)]  # where the world's signal is seen


def walks_of(world, walking: WalkForwardConfig, rows: pd.DataFrame | None = None) -> Walks:
    stored = world.today.parts.anchored if rows is None else world.store.put_frame(rows)
    return divide_unit(world.store.root, stored, SPLIT, walking)


def fit(world, model: str, walks: Walks, number: int) -> FitResult:
    spec = world.spec(model, walks.folds[number - 1])
    return fit_unit(world.store.root, spec, (walks.parts[number - 1],), world.columns)


def weights(world, fitted: FitResult) -> dict[str, bytes]:
    """Every file of a stored model but those that also say how long it took."""
    folder = world.store.path(fitted.folder)
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix == ".txt" or fitted.model == "ridge"}


def altered(world, first: pd.Timestamp, columns: list[str], last: pd.Timestamp | None = None) -> pd.DataFrame:
    rows = world.rows("anchored")
    rows.loc[first:last, columns] *= -3.0
    return rows


@pytest.mark.parametrize("walking", [GROWING, ROLLING])
def test_a_split_is_given_its_first_window_to_its_last_held_out_origin_and_no_day_more(world, walking):
    walks = walks_of(world, walking)
    rows = world.rows("anchored")
    for fold, part in zip(walks.folds, walks.parts, strict=True):
        seen = world.store.frame(part)
        assert seen.index[SPLIT.lookback - 1] == pd.Timestamp(fold.train.first)
        assert seen.index[-1] == pd.Timestamp(fold.held_out.last)
        pd.testing.assert_frame_equal(seen, rows.loc[seen.index], check_freq=False)


def test_a_rolling_train_part_keeps_its_length_and_a_growing_one_grows(world):
    rolling = [len(world.store.frame(part)) for part in walks_of(world, ROLLING).parts]
    assert len({fit(world, "zero", walks_of(world, ROLLING), number).n_train for number in (1, 2, 3)}) == 1
    growing = [fit(world, "zero", walks_of(world, GROWING), number).n_train for number in (1, 2, 3)]
    assert growing == sorted(set(growing))
    assert max(rolling) - min(rolling) <= 1  # held-out blocks may differ by one


def test_a_new_bar_between_anchors_changes_no_split(world):
    tomorrow = divide_unit(world.store.root, world.tomorrow.parts.anchored, SPLIT, GROWING)
    assert tomorrow == walks_of(world, GROWING)


def test_every_split_is_audited(world):
    audit = walks_of(world, GROWING).audit
    assert [row.part for row in audit[:3]] == ["walk-1 train", "walk-1 stop", "walk-1 held out"]
    assert len(audit) == 9
    assert all(row.is_clean for row in audit)
    assert pd.Timestamp(audit[-1].last_label) == world.rows("anchored").index[-1]


def test_a_label_that_crosses_stops_everything(world, monkeypatch: pytest.MonkeyPatch):
    day = world.today.boundaries.val
    crossing = AuditRow(part="walk-1 train", first_origin=day, last_origin=day, last_label=day, n=1, next_part=day)
    monkeypatch.setattr("forecaster.walk_forward.audit_walk_forward", lambda *_: [crossing])
    with pytest.raises(AssertionError, match="walk-1 train"):
        walks_of(world, GROWING)


@pytest.mark.parametrize("model", LEARNERS)
@pytest.mark.parametrize("walking", [GROWING, ROLLING])
def test_altered_held_out_targets_change_neither_weights_nor_forecasts(world, model, walking):
    before = walks_of(world, walking)
    first = pd.Timestamp(before.folds[1].held_out.first)
    after = walks_of(world, walking, altered(world, first, [LOG_CLOSE]))
    assert after.parts[1] != before.parts[1]
    one, other = fit(world, model, before, 2), fit(world, model, after, 2)
    assert weights(world, one) == weights(world, other) != {}
    assert one.forecasts == other.forecasts


@pytest.mark.parametrize("model", LEARNERS)
def test_what_follows_a_split_does_not_even_reach_it(world, model):
    before = walks_of(world, GROWING)
    first = pd.Timestamp(before.folds[1].held_out.last) + pd.Timedelta(days=1)
    after = walks_of(world, GROWING, altered(world, first, [LOG_CLOSE, *world.columns]))
    assert after.parts[:2] == before.parts[:2]
    assert after.parts[2] != before.parts[2]


@pytest.mark.parametrize("model", LEARNERS)
def test_altered_train_targets_do_change_the_weights(world, model):
    before = walks_of(world, GROWING)
    last = pd.Timestamp(before.folds[1].train.last)
    after = walks_of(world, GROWING, altered(world, pd.Timestamp("2000-01-01"), [LOG_CLOSE], last))
    assert weights(world, fit(world, model, before, 2)) != weights(world, fit(world, model, after, 2))


def test_days_before_a_rolling_window_count_for_nothing(world):
    """Not even for scaling, imputation or the choice of columns."""
    walks = walks_of(world, ROLLING)
    before_window = world.store.frame(walks.parts[2]).index[0] - pd.Timedelta(days=1)
    other = walks_of(
        world, ROLLING, altered(world, pd.Timestamp("2000-01-01"), [LOG_CLOSE, *world.columns], before_window)
    )
    assert other.parts[2] == walks.parts[2]
    assert other.parts[0] != walks.parts[0]


def test_columns_are_chosen_on_the_splits_own_train_days(world):
    walks = walks_of(world, GROWING)
    train, config = walks.folds[0].train, SelectConfig(max_features=5)

    def chosen(first: pd.Timestamp) -> Selected:
        part = walks_of(world, GROWING, altered(world, first, [LOG_CLOSE, *GAUGES])).parts[0]
        return select_unit(world.store.root, part, train, (1, 7, 30), world.today.cross_asset, config)

    whole = select_unit(world.store.root, walks.parts[0], train, (1, 7, 30), world.today.cross_asset, config)
    assert chosen(pd.Timestamp(walks.folds[0].stop.first)) == whole
    assert chosen(pd.Timestamp(train.last)) != whole


def test_the_same_seed_gives_the_same_numbers_twice(world):
    walks = walks_of(world, GROWING)
    one, other = fit(world, "lightgbm", walks, 1), fit(world, "lightgbm", walks, 1)
    assert one.forecasts == other.forecasts
    assert weights(world, one) == weights(world, other)


DAYS = pd.date_range("2024-01-01", periods=9, name="date")
RETURNS = np.array([0.01, -0.02, 0.03, -0.01, 0.02, 0.04, -0.03, 0.02])  # of days 1..8


class Tiny:
    """Nine days, one-day returns; two splits hold out origins 2..4 and 5..7."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root)
        self.rows = pd.DataFrame({LOG_CLOSE: np.concatenate([[0.0], RETURNS.cumsum()])}, index=DAYS)
        self.walks = Walks(folds=(self.fold(1, 2, 4), self.fold(2, 5, 7)), parts=(), audit=())

    def fold(self, number: int, first: int, last: int) -> Fold:
        train = Span(first=DAYS[0].date(), last=DAYS[0].date())
        held_out = Span(first=DAYS[first].date(), last=DAYS[last].date())
        return Fold(name=f"walk-{number}", train=train, stop=train, held_out=held_out)

    def forecast(self, number: int, y_hat: np.ndarray) -> Artifact:
        first = {1: 2, 2: 5}[number]
        return self.store.put_frame(pd.DataFrame({"cutoff": DAYS[first : first + 3], "horizon": 1, "y_hat": y_hat}))

    def score(self) -> WalkForward:
        """`half` knows half of every return; `zero` nothing."""
        zero = {f"walk-{n}": self.forecast(n, np.zeros(3)) for n in (2, 1)}  # in no particular order
        half = {"walk-1": self.forecast(1, RETURNS[2:5] / 2), "walk-2": self.forecast(2, RETURNS[5:8] / 2)}
        stored = self.store.put_frame(self.rows)
        return walk_forward_unit(
            self.store.root, "BTC", {"half": half, "zero": zero}, self.walks, stored, {1: 0.02, 7: 1}
        )


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    return Tiny(tmp_path)


def test_forecasts_stand_beside_what_happened_in_time_order_with_the_name_of_their_split(tiny):
    frame = tiny.store.frame(tiny.score().forecasts)
    assert list(frame.columns) == ["unique_id", "cutoff", "ds", "horizon", "split", "y", "half", "zero"]
    assert frame["cutoff"].tolist() == list(DAYS[2:8])
    assert frame["split"].tolist() == ["walk-1"] * 3 + ["walk-2"] * 3
    np.testing.assert_allclose(frame["y"], RETURNS[2:])
    np.testing.assert_allclose(frame["half"], RETURNS[2:] / 2)


def test_scores_by_split_and_pooled_are_those_of_a_hand_calculation(tiny):
    nested = tiny.store.json(tiny.score().nested)
    # Returns held out: .03 -.01 .02 | .04 -.03 .02; squares, in 1e-4: 9 1 4 | 16 9 4, sums 14 and 29, 43 in all.
    zero = {name: each["zero"]["1"]["rmse"] for name, each in {**nested["splits"], "pooled": nested["pooled"]}.items()}
    assert zero == {
        "walk-1": pytest.approx(0.01 * np.sqrt(14 / 3)),
        "walk-2": pytest.approx(0.01 * np.sqrt(29 / 3)),
        "pooled": pytest.approx(0.01 * np.sqrt(43 / 6)),
    }
    half = nested["pooled"]["half"]["1"]
    assert half["rmse"] == pytest.approx(0.005 * np.sqrt(43 / 6))
    assert half["scaled_rmse"] == pytest.approx(0.25 * np.sqrt(43 / 6))
    assert half["mae"] == pytest.approx(0.015 / 6 * 5)  # mean of 3 1 2 4 3 2 is 2.5
    assert (half["skill_vs_zero"], half["directional_accuracy"], half["n"]) == (pytest.approx(0.5), 1.0, 6)
    assert [nested["splits"][f"walk-{i}"]["half"]["1"]["n"] for i in (1, 2)] == [3, 3]
    assert "dm_p" not in nested["splits"]["walk-1"]["half"]["1"]


def test_the_pooled_scores_say_how_likely_such_a_lead_over_zero_is_by_chance(tiny):
    pooled = tiny.store.json(tiny.score().nested)["pooled"]
    assert pooled["half"]["1"]["dm_p"] == pytest.approx(diebold_mariano(RETURNS[2:], RETURNS[2:] / 2, 1)[1])
    assert pooled["half"]["1"]["dm_p_holm"] == pooled["half"]["1"]["dm_p"]  # zero is not tested against itself
    assert pooled["zero"]["1"]["dm_p"] is None
    assert pooled["zero"]["1"]["dm_p_holm"] is None


def test_a_span_no_longer_than_the_horizon_is_not_tested(tiny):
    frames = [pd.DataFrame({"cutoff": DAYS[2:5], "horizon": h, "y_hat": 0.01}) for h in (1, 3)]
    one = {"mean": {"walk-1": tiny.store.put_frame(pd.concat(frames))}}
    walks = tiny.walks.model_copy(update={"folds": tiny.walks.folds[:1]})
    rows = tiny.store.put_frame(tiny.rows)
    found = walk_forward_unit(tiny.store.root, "BTC", one, walks, rows, {1: 0.02, 3: 0.04})
    pooled = tiny.store.json(found.nested)["pooled"]["mean"]
    assert pooled["1"]["dm_p"] is not None
    assert pooled["3"]["n"] == 3
    assert pooled["3"]["dm_p"] is None


def test_holms_correction_of_three_values():
    # Ascending .01 .03 .04: times 3, 2, 1 is .03 .06 .04; the last may not be below the one before it.
    adjusted = holm(pd.Series([0.04, np.nan, 0.01, 0.03]))
    np.testing.assert_allclose(adjusted, [0.06, np.nan, 0.03, 0.06])
    assert holm(pd.Series([0.5, 0.6])).tolist() == [1.0, 1.0]
