from datetime import date, timedelta
from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import TimeSeriesSplit

from forecaster.settings import SplitConfig, WalkForwardConfig
from forecaster.split import (
    Fold,
    Span,
    audit,
    expanding_splits,
    find_boundaries,
    judged_fold,
    oof_folds,
    serving_fold,
)
from forecaster.walk_forward import (
    MIN_HELD_OUT,
    audit_walk_forward,
    require_walk_forward,
    walk_days_needed,
    walk_forward_folds,
)

EPOCH = date(1970, 1, 1)
TINY = SplitConfig(
    lookback=3, horizons=(1, 2), train=0.5, val=0.25, anchor_days=10, n_folds=2, min_fold_origins=1, stop_share=0.5
)


def days_of(n: int, first: str = "1970-01-01") -> pd.DatetimeIndex:
    return pd.date_range(first, periods=n, name="date")


def number(day: date) -> int:
    """Days since 1970-01-01: in these worlds the number of the row."""
    return (day - EPOCH).days


def numbers(span: Span | None) -> tuple[int, int] | None:
    return None if span is None else (number(span.first), number(span.last))


def positions(days: pd.DatetimeIndex, span: Span) -> np.ndarray:
    return np.flatnonzero(span.mask(days))


def test_boundaries_of_a_tiny_world():
    # 45 days: the last multiple of ten is day 40, so days 0..40 are divided: 41 * .5 = 20 train, 41 * .75 = 30 in all.
    found = find_boundaries(days_of(45), TINY)
    assert [number(day) for day in (found.first, found.val, found.test, found.last)] == [0, 20, 30, 44]


def test_the_judged_fold_of_a_tiny_world():
    days = days_of(45)
    judged = judged_fold(days, find_boundaries(days, TINY), TINY)
    assert numbers(judged.train) == (2, 17)  # day 2 ends the first window; the labels of day 17 end on day 19
    assert numbers(judged.stop) == (20, 27)
    assert judged.held_out == judged.stop


def test_the_folds_of_a_tiny_world():
    days = days_of(45)
    judged = judged_fold(days, find_boundaries(days, TINY), TINY)
    folds, dropped = oof_folds(days, judged, TINY)
    # 16 origins, 2..17; the two folds hold out 8..12 and 13..17. Before fold 1: 2..7, purged to 2..5, too few to learn
    # from. Before fold 2: 2..12, purged to 2..10; the newer half, 6..10, is to stop on; before it 4 and 5 are purged.
    assert [fold.name for fold in folds] == ["fold-2"]
    assert numbers(folds[0].train) == (2, 3)
    assert numbers(folds[0].stop) == (6, 10)
    assert numbers(folds[0].held_out) == (13, 17)
    assert dropped == ["fold-1 dropped: 4 train origins, at least 6 are needed."]  # 3 to stop on, 2 purged, 1 to learn


@pytest.mark.parametrize("n", [12, 13, 100, 377])
@pytest.mark.parametrize("n_splits", [2, 5, 10])
def test_expanding_splits_are_scikit_learns(n: int, n_splits: int):
    ours = [(list(range(before)), list(range(n)[held_out])) for before, held_out in expanding_splits(n, n_splits)]
    theirs = [(before.tolist(), held.tolist()) for before, held in TimeSeriesSplit(n_splits).split(np.arange(n))]
    assert ours == theirs


def test_the_serving_fold_ends_with_the_newest_label():
    assert numbers(serving_fold(days_of(45), TINY).train) == (2, 43)  # day 44 is the last: tomorrow's return of 43


SETTINGS = list(product((300, 731, 1500), (5, 60), ((1,), (1, 7, 30)), (2, 5)))


@pytest.mark.parametrize(("n", "lookback", "horizons", "n_folds"), SETTINGS)
def test_no_label_of_any_part_or_fold_crosses_into_what_follows(n, lookback, horizons, n_folds):
    config = SplitConfig(lookback=lookback, horizons=horizons, n_folds=n_folds, min_fold_origins=80)
    days, longest = days_of(n, "2015-03-07"), max(horizons)
    boundaries = find_boundaries(days, config)
    judged = judged_fold(days, boundaries, config)
    folds, _ = oof_folds(days, judged, config)
    val, test = days.get_loc(pd.Timestamp(boundaries.val)), days.get_loc(pd.Timestamp(boundaries.test))

    assert positions(days, judged.train)[0] == lookback - 1
    assert positions(days, judged.train)[-1] + longest == val - 1  # as late as possible, and no later
    assert positions(days, judged.stop)[0] == val
    assert positions(days, judged.stop)[-1] + longest == test - 1
    for fold in folds:
        train, stop, held_out = (positions(days, span) for span in (fold.train, fold.stop, fold.held_out))
        assert train[0] == lookback - 1
        assert train[-1] + longest == stop[0] - 1
        assert stop[-1] + longest == held_out[0] - 1
        assert held_out[-1] + longest < val
    assert all(row.is_clean for row in audit(days, boundaries, [judged, *folds], config))


def test_held_out_parts_are_disjoint_and_follow_each_other():
    days = days_of(1500)
    config = SplitConfig()
    judged = judged_fold(days, find_boundaries(days, config), config)
    held_out = [positions(days, fold.held_out) for fold in oof_folds(days, judged, config.model_copy())[0]]
    joined = np.concatenate(held_out)
    np.testing.assert_array_equal(joined, np.arange(joined[0], positions(days, judged.train)[-1] + 1))


def test_a_fold_stops_on_the_newest_share_of_its_own_train_part():
    days, config = days_of(1500), SplitConfig()
    judged = judged_fold(days, find_boundaries(days, config), config)
    for fold in oof_folds(days, judged, config)[0]:
        n_before = positions(days, fold.held_out)[0] - 30 - 59  # origins before the purge
        assert len(positions(days, fold.stop)) == np.ceil(0.15 * n_before)


def test_boundaries_and_folds_stay_put_between_anchors_and_newer_days_join_test():
    config = SplitConfig(min_fold_origins=100)
    anchor = 1500  # a multiple of 30 days since 1970-01-01
    known = None
    for n in range(anchor + 1, anchor + 30):
        days = days_of(n)
        boundaries = find_boundaries(days, config)
        judged = judged_fold(days, boundaries, config)
        found = (boundaries.first, boundaries.val, boundaries.test, judged, oof_folds(days, judged, config))
        known = known or found
        assert found == known
        assert number(boundaries.last) == n - 1
        assert number(serving_fold(days, config).train.last) == n - 2
    assert find_boundaries(days_of(anchor + 31), config).test > boundaries.test


def test_older_days_do_not_matter_to_the_anchor_but_to_the_shares():
    config = SplitConfig(anchor_days=10)
    late = find_boundaries(days_of(100, "1970-01-21"), config)
    assert number(late.first) == 20
    assert number(late.test) == 20 + int(0.85 * 91)  # days 20..110


def test_a_fold_with_too_few_train_origins_is_dropped_with_a_sentence():
    days, config = days_of(1500), SplitConfig(min_fold_origins=250)
    judged = judged_fold(days, find_boundaries(days, config), config)
    folds, dropped = oof_folds(days, judged, config)
    n_origins = len(positions(days, judged.train))
    assert n_origins // 6 < 250 + 30  # so that fold 1 must go
    assert dropped == [
        f"fold-1 dropped: {n_origins - 5 * (n_origins // 6) - 30} train origins, at least 250 are needed."
    ]
    assert [fold.name for fold in folds] == ["fold-2", "fold-3", "fold-4", "fold-5"]


def test_a_history_too_short_for_any_fold_says_so():
    days, config = days_of(140), SplitConfig()
    judged = judged_fold(days, find_boundaries(days, config), config)
    folds, dropped = oof_folds(days, judged, config)
    assert folds == []
    assert len(dropped) == 1
    assert "too few for 5 purged folds" in dropped[0]


def later(span: Span, days: int) -> Span:
    return Span(first=span.first, last=span.last + timedelta(days=days))


@pytest.mark.parametrize("part", ["train", "stop"])
def test_the_audit_flags_a_label_that_crosses_by_one_day(part):
    days, config = days_of(1500), SplitConfig()
    boundaries = find_boundaries(days, config)
    judged = judged_fold(days, boundaries, config)
    folds, _ = oof_folds(days, judged, config)
    for at, fold in enumerate([judged, *folds]):
        planted: list[Fold] = [judged, *folds]
        planted[at] = fold.model_copy(update={part: later(getattr(fold, part), 1)})
        crossing = [row for row in audit(days, boundaries, planted, config) if not row.is_clean]
        assert len(crossing) == 1
        assert crossing[0].last_label == crossing[0].next_part
        assert crossing[0].last_origin == getattr(fold, part).last + timedelta(days=1)


def test_the_audit_flags_held_out_labels_that_reach_into_val():
    days, config = days_of(1500), SplitConfig()
    boundaries = find_boundaries(days, config)
    fold = oof_folds(days, judged_fold(days, boundaries, config), config)[0][-1]
    planted = fold.model_copy(update={"held_out": later(fold.held_out, 1)})
    crossing = [row for row in audit(days, boundaries, [planted], config) if not row.is_clean]
    assert [row.next_part for row in crossing] == [boundaries.val]


def test_the_audit_counts_origins_and_names_their_last_label():
    days = days_of(45)
    boundaries = find_boundaries(days, TINY)
    rows = audit(days, boundaries, [judged_fold(days, boundaries, TINY)], TINY)
    assert [(row.part, number(row.last_label), row.n) for row in rows] == [
        ("train", 19, 16),
        ("val", 29, 8),
        ("test", 44, 13),  # origins 30..42 have both labels
    ]


def test_a_span_contains_both_its_ends():
    span = Span(first=date(1970, 1, 3), last=date(1970, 1, 5))
    assert np.flatnonzero(span.mask(days_of(10))).tolist() == [2, 3, 4]


def test_the_walk_forward_splits_of_a_tiny_world():
    # 145 days, anchor at day 140; labels of at most two days. 20 origins, 2..21, are known before day 24, where the
    # first held-out part begins. Origins 24..138 have all their labels by day 140: 115, in blocks of 58 and 57.
    grown = walk_forward_folds(days_of(145), TINY, WalkForwardConfig(n_splits=2, min_train=20))
    assert [fold.name for fold in grown] == ["walk-1", "walk-2"]
    assert [numbers(fold.held_out) for fold in grown] == [(24, 81), (82, 138)]
    # Known before walk-1: 2..21; the newer half stops the fit, and the labels of 9 close on day 11, before it. Known
    # before walk-2: 2..79, 78 origins.
    assert [numbers(fold.train) for fold in grown] == [(2, 9), (2, 38)]
    assert [numbers(fold.stop) for fold in grown] == [(12, 21), (41, 79)]
    rolled = walk_forward_folds(days_of(145), TINY, WalkForwardConfig(n_splits=2, min_train=20, rolling=True))
    assert rolled[0] == grown[0]
    assert rolled[1].held_out == grown[1].held_out
    assert (numbers(rolled[1].train), numbers(rolled[1].stop)) == ((60, 67), (70, 79))


WALKS = list(product((1300, 2003), (5, 60), ((1,), (1, 7, 30)), (1, 3, 8), (250, 901), (False, True)))


@pytest.mark.parametrize(("n", "lookback", "horizons", "n_splits", "min_train", "rolling"), WALKS)
def test_no_label_of_a_walk_forward_split_crosses(n, lookback, horizons, n_splits, min_train, rolling):
    config = SplitConfig(lookback=lookback, horizons=horizons)
    walking = WalkForwardConfig(n_splits=n_splits, min_train=min_train, rolling=rolling)
    days, longest = days_of(n, "2015-03-07"), max(horizons)
    folds = walk_forward_folds(days, config, walking)
    parts = [[positions(days, span) for span in (f.train, f.stop, f.held_out)] for f in folds]

    for train, stop, held_out in parts:
        assert train[-1] + longest == stop[0] - 1  # as late as possible, and no later
        assert stop[-1] + longest == held_out[0] - 1
        known = stop[-1] + 1 - train[0]
        assert known == min_train if rolling else train[0] == lookback - 1
        assert len(stop) == np.ceil(config.stop_share * known)
    assert parts[0][1][-1] + 1 - (lookback - 1) == min_train
    scored = np.concatenate([held_out for *_, held_out in parts])
    np.testing.assert_array_equal(scored, np.arange(scored[0], scored[-1] + 1))  # one after the other, no gap
    assert max(len(held_out) for *_, held_out in parts) - min(len(held_out) for *_, held_out in parts) <= 1
    anchor = (number(days[-1].date()) // 30) * 30
    assert number(days[scored[-1] + longest].date()) == anchor  # every outcome is known by the anchor
    assert all(row.is_clean for row in audit_walk_forward(days, folds, config))


def test_walk_forward_splits_stay_put_between_anchors():
    config, walking = SplitConfig(), WalkForwardConfig(n_splits=3, min_train=400)
    found = [walk_forward_folds(days_of(n), config, walking) for n in (1501, 1502, 1530, 1531)]  # anchor: day 1500
    assert found[0] == found[1] == found[2]
    assert found[3] != found[0]


def test_walk_forward_needs_every_day_that_it_says_it_needs():
    config, walking = SplitConfig(lookback=10, anchor_days=1), WalkForwardConfig(n_splits=4, min_train=250)
    needed = walk_days_needed(config, walking)
    folds = walk_forward_folds(days_of(needed), config, walking)
    assert [len(positions(days_of(needed), fold.held_out)) for fold in folds] == [MIN_HELD_OUT] * 4
    with pytest.raises(ValueError, match=f"--wf-splits 4 and --wf-min-train 250 need {needed} days") as refused:
        walk_forward_folds(days_of(needed - 1), config, walking)
    assert f"Received: {needed - 1} days." in str(refused.value)


def test_a_walk_forward_train_part_that_stopping_and_purging_would_use_up_is_refused():
    # Of 36 origins 6 stop the fit and 30 are purged before them: none is left. Of 37 one is.
    config = SplitConfig(lookback=10, anchor_days=1)
    with pytest.raises(ValueError, match="at least 37 train origins"):
        require_walk_forward(10_000, config, WalkForwardConfig(min_train=36))
    first = walk_forward_folds(days_of(1000), config, WalkForwardConfig(min_train=37))[0]
    assert numbers(first.train) == (9, 9)


@pytest.mark.parametrize("part", ["train", "stop"])
def test_the_walk_forward_audit_flags_a_label_that_crosses_by_one_day(part):
    days, config = days_of(1500), SplitConfig()
    folds = walk_forward_folds(days, config, WalkForwardConfig(n_splits=2, min_train=400))
    folds[1] = folds[1].model_copy(update={part: later(getattr(folds[1], part), 1)})
    crossing = [row for row in audit_walk_forward(days, folds, config) if not row.is_clean]
    assert [row.part for row in crossing] == [f"walk-2 {part}"]
