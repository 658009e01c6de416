"""Dated boundaries, purged folds, and the audit that no label crosses from one part into the next.

A part or fold is described by dates, never by positions, so that a step's cache key says exactly which days it saw.
"""

from collections.abc import Iterable
from datetime import date
from math import ceil

import numpy as np
import pandas as pd
from sklearn.model_selection import TimeSeriesSplit

from forecaster.settings import JUDGED, Config, SplitConfig, WalkForwardConfig

WALK = "walk-"  # how the names of walk-forward folds begin
MIN_HELD_OUT = 30  # origins of a walk-forward split below which its scores mean nothing


class Span(Config):
    """Origins from `first` to `last`, both included."""

    first: date
    last: date

    def mask(self, days: pd.DatetimeIndex) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        """Which of `days` lie inside."""
        return np.asarray((days >= pd.Timestamp(self.first)) & (days <= pd.Timestamp(self.last)))


class Fold(Config):
    """One division of origins: learn on `train`, stop early on `stop`, predict `held_out`.

    Two folds are special: `judged` stops on val and holds val out too; `serving` has nothing but train.
    """

    name: str
    train: Span
    stop: Span | None = None
    held_out: Span | None = None


class Boundaries(Config):
    """First days of the parts."""

    first: date
    val: date
    test: date
    last: date


class AuditRow(Config):
    """Origins of one part and the last day that any of their labels reads, which must lie before `next_part`."""

    part: str
    first_origin: date
    last_origin: date
    last_label: date
    n: int
    next_part: date | None = None

    @property
    def is_clean(self) -> bool:
        """Whether every label closes before the next part begins."""
        return self.next_part is None or self.last_label < self.next_part


def find_boundaries(days: pd.DatetimeIndex, config: SplitConfig) -> Boundaries:
    """Split the days up to the last anchor by share; newer days join test.

    The anchor is the last multiple of `anchor_days` since 1970-01-01, so boundaries are a pure function of the bars
    and stay put between anchors: consecutive nights are scored on comparable test parts.
    """
    n = len(up_to_anchor(days, config))
    n_train, n_val = int(n * config.train), int(n * (config.train + config.val))
    return Boundaries(first=_day(days[0]), val=_day(days[n_train]), test=_day(days[n_val]), last=_day(days[-1]))


def up_to_anchor(days: pd.DatetimeIndex, config: SplitConfig) -> pd.DatetimeIndex:
    """The days that decide every boundary: those up to the last multiple of `anchor_days` since 1970-01-01."""
    since_epoch = (days[-1] - pd.Timestamp(0)).days
    anchor = pd.Timestamp(0) + pd.Timedelta(days=since_epoch // config.anchor_days * config.anchor_days)
    return days[days <= anchor]


def judged_fold(days: pd.DatetimeIndex, boundaries: Boundaries, config: SplitConfig) -> Fold:
    """Train up to the purge before val; stop and choose on val up to the purge before test."""
    val, test = (int(days.searchsorted(pd.Timestamp(day))) for day in (boundaries.val, boundaries.test))
    before_test = _purged(days, val, test, config)
    return Fold(
        name=JUDGED, train=_purged(days, config.lookback - 1, val, config), stop=before_test, held_out=before_test
    )


def serving_fold(days: pd.DatetimeIndex, config: SplitConfig) -> Fold:
    """Every origin with at least its shortest label known."""
    return Fold(
        name="serving",
        train=Span(first=_day(days[config.lookback - 1]), last=_day(days[-1 - min(config.horizons)])),
    )


def oof_folds(days: pd.DatetimeIndex, judged: Fold, config: SplitConfig) -> tuple[list[Fold], list[str]]:
    """Expanding folds inside train, purged; and a sentence for each fold too small to keep.

    Each fold's fit stops early on the purged newest share of its own train part; what it holds out is only predicted.
    """
    origins = np.flatnonzero(judged.train.mask(days))  # (n_train_origins,)
    if len(origins) <= (config.n_folds + 1) + max(config.horizons):
        return [], [f"No folds: {len(origins)} train origins are too few for {config.n_folds} purged folds."]
    fewest = max(config.min_fold_origins, ceil((max(config.horizons) + 1) / (1 - config.stop_share)))
    folds, dropped = [], []
    splits = TimeSeriesSplit(config.n_folds, gap=0).split(origins)
    for number, (before, held_out) in enumerate(splits, start=1):
        usable = origins[before[: -max(config.horizons)]]
        if len(usable) < fewest:
            dropped.append(f"fold-{number} dropped: {len(usable)} train origins, at least {fewest} are needed.")
            continue
        folds.append(_fold(f"fold-{number}", days, usable, origins[held_out], config))
    return folds, dropped


def require_walk_forward(n_days: int, config: SplitConfig, walking: WalkForwardConfig) -> None:
    """Refuse a walk-forward evaluation that the days cannot hold.

    Args:
        n_days: days up to the last anchor, see `up_to_anchor`.
        config: windows and horizons.
        walking: the splits asked for.

    Raises:
        ValueError: naming the flags, the days available and the days needed.
    """
    purge = max(config.horizons)
    fewest = ceil((purge + 1) / (1 - config.stop_share))  # what leaves an origin to learn from
    needed = walk_days_needed(config, walking)
    if walking.min_train < fewest or n_days < needed:
        asked = f"--wf-splits {walking.n_splits} and --wf-min-train {walking.min_train}"
        raise ValueError(
            f"{asked} need {needed} days up to the last anchor date, and at least {fewest} train origins. "
            f"Received: {n_days} days. Lower --wf-splits or --wf-min-train, supply older bars, or leave "
            "--walk-forward out."
        )


def walk_days_needed(config: SplitConfig, walking: WalkForwardConfig) -> int:
    """Days up to the anchor that give the first split its train origins and each split `MIN_HELD_OUT` to score.

    Two purges: before the first held-out part, and after the last, whose labels close by the anchor.
    """
    return config.lookback - 1 + walking.min_train + walking.n_splits * MIN_HELD_OUT + 2 * max(config.horizons)


def walk_forward_folds(days: pd.DatetimeIndex, config: SplitConfig, walking: WalkForwardConfig) -> list[Fold]:
    """Splits that walk through the days up to the last anchor; each learns from what was known before it is scored.

    `min_train` counts the origins whose labels close before the first held-out part begins: those learned from, the
    newest `stop_share` on which the fit stops early, and the purge between the two. The labelled origins that follow
    are held out in `n_splits` contiguous blocks whose sizes differ by one at most. Train grows from split to split, or
    keeps its `min_train` newest origins where `rolling`.

    Raises:
        ValueError: if the days do not suffice, see `require_walk_forward`.
    """
    days, purge = up_to_anchor(days, config), max(config.horizons)
    require_walk_forward(len(days), config, walking)
    origins = np.arange(config.lookback - 1, len(days) - purge)  # (n_labelled,)
    folds = []
    for number, held_out in enumerate(np.array_split(origins[walking.min_train + purge :], walking.n_splits), start=1):
        usable = origins[origins < held_out[0] - purge]
        kept = usable[-walking.min_train :] if walking.rolling else usable
        folds.append(_fold(f"{WALK}{number}", days, kept, held_out, config))
    return folds


def audit(days: pd.DatetimeIndex, boundaries: Boundaries, folds: list[Fold], config: SplitConfig) -> list[AuditRow]:
    """Every part of every fold: its origins, its last label day, and the day before which that must lie.

    The judged fold's parts are called train and val, the others carry their fold's name.
    """
    longest, rows = max(config.horizons), []
    for fold in folds:
        if fold.name != JUDGED:
            rows += _audit_fold(days, fold, longest, boundaries.val)
            continue
        assert fold.stop is not None
        rows.append(_audit_row("train", days, fold.train, longest, fold.stop.first))
        rows.append(_audit_row("val", days, fold.stop, longest, boundaries.test))
    test = Span(first=boundaries.test, last=_day(days[-1 - longest]))
    return [*rows, _audit_row("test", days, test, longest, None)]


def audit_walk_forward(days: pd.DatetimeIndex, folds: Iterable[Fold], config: SplitConfig) -> list[AuditRow]:
    """The parts of walk-forward folds. What a fold holds out may reach into the next one's: both are only scored."""
    return [row for fold in folds for row in _audit_fold(days, fold, max(config.horizons), None)]


def _audit_fold(days: pd.DatetimeIndex, fold: Fold, longest: int, next_part: date | None) -> list[AuditRow]:
    assert fold.stop is not None
    assert fold.held_out is not None
    return [
        _audit_row(f"{fold.name} train", days, fold.train, longest, fold.stop.first),
        _audit_row(f"{fold.name} stop", days, fold.stop, longest, fold.held_out.first),
        _audit_row(f"{fold.name} held out", days, fold.held_out, longest, next_part),
    ]


def _fold(
    name: str,
    days: pd.DatetimeIndex,
    usable: "np.ndarray[tuple[int], np.dtype[np.int64]]",
    held_out: "np.ndarray[tuple[int], np.dtype[np.int64]]",
    config: SplitConfig,
) -> Fold:
    n_stop = ceil(len(usable) * config.stop_share)
    return Fold(
        name=name,
        train=_span(days, usable[: -n_stop - max(config.horizons)]),
        stop=_span(days, usable[-n_stop:]),
        held_out=_span(days, held_out),
    )


def _purged(days: pd.DatetimeIndex, first: int, next_part: int, config: SplitConfig) -> Span:
    last = next_part - 1 - max(config.horizons)  # its longest label is the day before `next_part`
    return Span(first=_day(days[first]), last=_day(days[last]))


def _span(days: pd.DatetimeIndex, origins: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Span:
    return Span(first=_day(days[origins[0]]), last=_day(days[origins[-1]]))


def _audit_row(part: str, days: pd.DatetimeIndex, span: Span, longest: int, next_part: date | None) -> AuditRow:
    last = int(np.flatnonzero(span.mask(days))[-1])
    return AuditRow(
        part=part,
        first_origin=span.first,
        last_origin=span.last,
        last_label=_day(days[last + longest]),
        n=int(span.mask(days).sum()),
        next_part=next_part,
    )


def _day(stamp: pd.Timestamp) -> date:
    return stamp.date()
