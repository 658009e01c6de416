"""Bars in, one artifact per part out: a step that is given train cannot be touched by a new bar in test."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.features import category_of, cross_asset, engineer
from forecaster.market import Bars, BarsError, load_bars, require_length, stale_days
from forecaster.market.digest import month_digests
from forecaster.settings import Coin, Config, DataConfig, SplitConfig, partner_of
from forecaster.split import (
    AuditRow,
    Boundaries,
    Fold,
    audit,
    find_boundaries,
    judged_fold,
    oof_folds,
    serving_fold,
    up_to_anchor,
)
from forecaster.store import Artifact, Store
from forecaster.windows import LOG_CLOSE


class DataSummary(Config):
    """Where the bars came from and what was found in them."""

    source: str
    simulated: bool
    first: date
    last: date
    rows: int
    sha256: str
    findings: tuple[str, ...]
    stale_days: int


class Parts(Config):
    """Rows of features and `log_close`. Val and test begin a lookback early, so that their first windows are full.

    No artifact holds a day that lies after its part, so no label of one part can be computed from another's rows.
    `anchored` ends on the anchor date, so that it is the same on every night until the next anchor.
    """

    train: Artifact
    val: Artifact
    test: Artifact
    all: Artifact
    anchored: Artifact


class Prepared(Config):
    """All that later steps need to know about one coin's data; rows are behind `parts`.

    `given` names the columns that came with the bars; `months` and `partner_months` hold the digest of each month of
    the coin's own bars and of its partner's, the latter nothing where these could not be used.
    """

    coin: Coin
    data: DataSummary
    degraded: tuple[str, ...]
    n_engineered: int
    cross_asset: tuple[str, ...]
    given: tuple[str, ...]
    months: dict[str, str]
    partner_months: dict[str, str]
    parts: Parts
    boundaries: Boundaries
    judged: Fold
    serving: Fold
    folds: tuple[Fold, ...]
    dropped_folds: tuple[str, ...]
    audit: tuple[AuditRow, ...]


def prepare(coin: Coin, data: DataConfig, split: SplitConfig, store: Store) -> Prepared:
    """Load and check bars, engineer features, cut them into parts.

    Raises:
        BarsError: if the coin's own bars cannot be used. A partner's cannot fail the coin: it loses six columns.
    """
    bars = load_bars(coin, data)
    require_length(bars, split)
    crossed, degraded = crossed_columns(bars, data)
    rows = feature_rows(bars.frame, crossed)
    n_engineered = rows.shape[1] - 1
    days = pd.DatetimeIndex(rows.index)
    boundaries = find_boundaries(days, split)
    judged = judged_fold(days, boundaries, split)
    folds, dropped = oof_folds(days, judged, split)
    return Prepared(
        coin=coin,
        data=_summary(bars, data),
        degraded=degraded,
        n_engineered=n_engineered,
        cross_asset=tuple(crossed.columns),
        given=tuple(name for name in map(str, rows) if name != LOG_CLOSE and category_of(name) == "extra"),
        months=month_digests(bars.frame),
        partner_months=_months_of_partner(bars, data),
        parts=_parts(rows, boundaries, split, store),
        boundaries=boundaries,
        judged=judged,
        serving=serving_fold(days, split),
        folds=tuple(folds),
        dropped_folds=tuple(dropped),
        audit=tuple(_clean(audit(days, boundaries, [judged, *folds], split))),
    )


def feature_rows(bars: pd.DataFrame, crossed: pd.DataFrame) -> pd.DataFrame:
    """Engineered and cross-asset columns, then `log_close`, for every day of checked `bars`."""
    own = engineer(bars)
    taken = {name: f"extra_{name}" for name in (*crossed, LOG_CLOSE) if name in own}  # the input may bring such names
    rows = own.rename(columns=taken).join(crossed)
    rows[LOG_CLOSE] = np.log(bars["close"])
    return rows


def crossed_columns(bars: Bars, data: DataConfig) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Columns about the partner for the days of `bars`, and why they are missing or end early, if so."""
    partner = partner_of(bars.coin)
    try:
        other = load_bars(partner, data)
    except BarsError as error:
        reason = f"No cross-asset columns: the bars of its partner {partner} cannot be used ({error})"
        return pd.DataFrame(index=bars.frame.index), (reason,)
    late = (
        f"The bars of its partner {partner} end on {other.last}, before its own: newer cross-asset values are missing."
    )
    return cross_asset(bars.frame, other.frame, bars.coin, partner), (late,) if other.last < bars.last else ()


def _months_of_partner(bars: Bars, data: DataConfig) -> dict[str, str]:
    """Digests of the partner's months of which no day is still to come, for its bars may be late; or cannot be used."""
    try:
        other = load_bars(partner_of(bars.coin), data)
    except BarsError:
        return {}
    months = month_digests(other.frame.loc[: bars.frame.index[-1]])
    return {m: each for m, each in months.items() if other.last >= bars.last or m < f"{other.last:%Y-%m}"}


def _parts(rows: pd.DataFrame, boundaries: Boundaries, split: SplitConfig, store: Store) -> Parts:
    days = pd.DatetimeIndex(rows.index)
    val = int(days.searchsorted(pd.Timestamp(boundaries.val)))
    test = int(days.searchsorted(pd.Timestamp(boundaries.test)))
    before = split.lookback - 1
    return Parts(
        train=store.put_frame(rows.iloc[:val]),
        val=store.put_frame(rows.iloc[val - before : test]),
        test=store.put_frame(rows.iloc[test - before :]),
        all=store.put_frame(rows),
        anchored=store.put_frame(rows.loc[up_to_anchor(days, split)]),
    )


def _summary(bars: Bars, data: DataConfig) -> DataSummary:
    return DataSummary(
        source=bars.source,
        simulated=bars.simulated,
        first=bars.frame.index[0].date(),
        last=bars.frame.index[-1].date(),
        rows=len(bars.frame),
        sha256=bars.sha256,
        findings=bars.findings,
        stale_days=stale_days(bars, data.as_of),
    )


def _clean(rows: list[AuditRow]) -> list[AuditRow]:
    """Refuse to train on parts whose labels cross: this would be a bug here, never bad input."""
    if crossing := [row for row in rows if not row.is_clean]:
        raise AssertionError(f"The label audit failed; nothing was trained. Crossing: {crossing}")
    return rows


def prepare_unit(root: Path, coin: Coin, data: DataConfig, split: SplitConfig) -> Prepared:
    """`prepare` into the store below `root`."""
    return prepare(coin, data, split, Store(root))
