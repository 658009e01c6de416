"""Dated boundaries, purged folds, and the audit that no label crosses from one part into the next.

A part or fold is described by dates, never by positions, so that a step's cache key says exactly which days it saw.
"""

from collections.abc import Iterator
from datetime import date
from math import ceil

import numpy as np
import pandas as pd

from forecaster.settings import JUDGED, Config, SplitConfig


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
    for number, (n_before, held_out) in enumerate(expanding_splits(len(origins), config.n_folds), start=1):
        usable = origins[: max(n_before - max(config.horizons), 0)]
        if len(usable) < fewest:
            dropped.append(f"fold-{number} dropped: {len(usable)} train origins, at least {fewest} are needed.")
            continue
        folds.append(make_fold(f"fold-{number}", days, usable, origins[held_out], config))
    return folds, dropped


def expanding_splits(n: int, n_splits: int) -> Iterator[tuple[int, slice]]:
    """How many of `n` come before, and which are held out: `n_splits` equal blocks at the end, in time order.

    What scikit-learn's `TimeSeriesSplit` gives; importing that takes a second, and settings are checked with it.
    """
    size = n // (n_splits + 1)
    for start in range(n - n_splits * size, n, size):
        yield start, slice(start, start + size)


def audit(days: pd.DatetimeIndex, boundaries: Boundaries, folds: list[Fold], config: SplitConfig) -> list[AuditRow]:
    """Every part of every fold: its origins, its last label day, and the day before which that must lie.

    The judged fold's parts are called train and val, the others carry their fold's name.
    """
    longest, rows = max(config.horizons), []
    for fold in folds:
        if fold.name != JUDGED:
            rows += audit_fold(days, fold, longest, boundaries.val)
            continue
        assert fold.stop is not None
        rows.append(_audit_row("train", days, fold.train, longest, fold.stop.first))
        rows.append(_audit_row("val", days, fold.stop, longest, boundaries.test))
    test = Span(first=boundaries.test, last=_day(days[-1 - longest]))
    return [*rows, _audit_row("test", days, test, longest, None)]


def audit_fold(days: pd.DatetimeIndex, fold: Fold, longest: int, next_part: date | None) -> list[AuditRow]:
    """The three parts of a fold; `next_part` begins after what it holds out, None where that is only scored."""
    assert fold.stop is not None
    assert fold.held_out is not None
    return [
        _audit_row(f"{fold.name} train", days, fold.train, longest, fold.stop.first),
        _audit_row(f"{fold.name} stop", days, fold.stop, longest, fold.held_out.first),
        _audit_row(f"{fold.name} held out", days, fold.held_out, longest, next_part),
    ]


def make_fold(
    name: str,
    days: pd.DatetimeIndex,
    usable: "np.ndarray[tuple[int], np.dtype[np.int64]]",
    held_out: "np.ndarray[tuple[int], np.dtype[np.int64]]",
    config: SplitConfig,
) -> Fold:
    """A fold whose fit learns from `usable` origins, but for the newest share, on which it stops, and a purge between.

    Args:
        name: of the fold.
        days: that positions refer to.
        usable: positions of origins whose labels close before the held-out part: `(n,)`.
        held_out: positions of origins that are only predicted: `(m,)`.
        config: share that stops the fit, and horizons that decide the purge.
    """
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
