"""Bars of one coin: found, cut at the last closed day, checked, and long enough."""

import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

import pandas as pd

from forecaster.market.checks import clean
from forecaster.market.errors import BarsError
from forecaster.market.files import find_file, read_table
from forecaster.market.simulated import simulate
from forecaster.settings import DataConfig, SplitConfig

MIN_SCORED_ORIGINS = 30  # purged origins that val and test must each keep, or their scores mean nothing


@dataclass(frozen=True)
class Bars:
    """Checked daily bars of one coin.

    Attributes:
        coin: ticker.
        frame: index `date` (UTC midnight, no zone, one row per day, no gaps); float64 `open high low close volume`,
            then further numeric columns, in which NaN may occur.
        source: kind of market.
        sha256: of the input file's bytes, or of the simulated frame's.
        findings: what was left out, mended or noticed, one sentence each.
        path: name of the input file; None for the simulated market.
    """

    coin: str
    frame: pd.DataFrame
    source: Literal["simulated", "folder"]
    sha256: str
    findings: tuple[str, ...]
    path: str | None

    @property
    def simulated(self) -> bool:
        """Whether no real market stands behind these bars."""
        return self.source == "simulated"

    @property
    def first(self) -> date:
        """First day."""
        return _day(self.frame.index[0])

    @property
    def last(self) -> date:
        """Last day."""
        return _day(self.frame.index[-1])

    @property
    def name(self) -> str:
        """The file's name, or that there is none: what an error message starts with."""
        return self.path or f"simulated {self.coin}"


def load_bars(coin: str, config: DataConfig, today: date | None = None) -> Bars:
    """Bars of `coin` up to `config.as_of`, by default up to the last closed UTC day.

    Args:
        coin: ticker; the file is `{data_dir}/{coin}.parquet` or `.csv`.
        config: where bars come from. Without a `data_dir` the simulated market serves.
        today: the UTC day that is still open. Default: the clock's. Its bar, and any later one, is never used.

    Raises:
        BarsError: if the file is missing or unreadable, or a row in use breaks what a bar must satisfy.
    """
    last_closed = (today or datetime.now(UTC).date()) - timedelta(days=1)
    as_of = min(config.as_of or last_closed, last_closed)
    if config.data_dir is None:
        return _simulated(coin, config, as_of)
    file = find_file(config.data_dir, coin)
    content = _read(file)
    try:
        table, dropped = read_table(content, file.suffix)
        kept, cut = _cut(table, as_of)
        frame, findings = clean(kept)
    except BarsError as error:
        raise BarsError(f"{file.name}: {error}") from error
    return Bars(coin, frame, "folder", hashlib.sha256(content).hexdigest(), (*dropped, *cut, *findings), file.name)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BarsError(f"{file.name}: Expected a readable file. Received: {error}. Check its permissions.") from error


def stale_days(bars: Bars, as_of: date | None = None) -> int:
    """Days by which the last bar is older than `as_of`, by default the last closed UTC day; 0 if it is not older.

    The simulated market ends on a fixed date: without an `as_of` it is never stale.
    """
    if as_of is None:
        as_of = bars.last if bars.simulated else datetime.now(UTC).date() - timedelta(days=1)
    return max(0, (as_of - bars.last).days)


def rows_needed(split: SplitConfig) -> int:
    """Rows up to the anchor date from which every part keeps enough origins, once each boundary is purged.

    Train must give the last out-of-fold fold its `min_fold_origins`, of which the purge before the held-out part takes
    `max(horizons)`; val and test must keep `MIN_SCORED_ORIGINS` each. Only train pays for the first lookback: windows
    of later parts may reach back into the part before.
    """
    purge = max(split.horizons)
    last_fold_share = split.n_folds / (split.n_folds + 1)
    train_origins = math.ceil((split.min_fold_origins + purge) / last_fold_share)
    scored = MIN_SCORED_ORIGINS + purge
    return max(
        math.ceil((train_origins + split.lookback - 1 + purge) / split.train),
        math.ceil(scored / split.val),
        math.ceil(scored / (1 - split.train - split.val)),
    )


def require_length(bars: Bars, split: SplitConfig) -> None:
    """Refuse a coin whose history is too short for the lookback, the horizons and the folds asked for.

    Raises:
        BarsError: naming rows available, rows needed, and what was left out of the file.
    """
    since_epoch = (bars.last - date(1970, 1, 1)).days
    since_anchor = min(since_epoch % split.anchor_days, len(bars.frame))  # newer days only join test
    needed = rows_needed(split) + since_anchor
    if len(bars.frame) < needed:
        raise BarsError(
            f"{bars.name}: history is too short for a lookback of {split.lookback} days, horizons of up to "
            f"{max(split.horizons)} days and {split.n_folds} folds: at least {needed} daily rows are needed. Received: "
            f"{len(bars.frame)} usable rows, {bars.first} to {bars.last}. Supply older bars, leave {bars.coin} out, or "
            f"shorten the lookback or the folds.{''.join(' ' + finding for finding in bars.findings)}"
        )


def _simulated(coin: str, config: DataConfig, as_of: date) -> Bars:
    market = simulate(seed=config.seed, signal=config.signal).bars
    if coin not in market:
        raise BarsError(
            f"Expected a coin of the simulated market: {', '.join(market)}. Received: {coin}. Set a data directory."
        )
    whole = market[coin]
    frame, cut = _cut(whole, as_of)
    if frame.empty:
        raise BarsError(
            f"The simulated market starts on {_day(whole.index[0])}. Received: as-of {as_of}. Choose a later day."
        )
    sha256 = hashlib.sha256(whole.to_numpy().tobytes()).hexdigest()
    findings = ("The data are simulated: no real market stands behind these numbers.", *cut)
    return Bars(coin, frame, "simulated", sha256, findings, None)


def _cut(frame: pd.DataFrame, as_of: date) -> tuple[pd.DataFrame, list[str]]:
    kept = frame[frame.index <= pd.Timestamp(as_of)]
    n_left_out = len(frame) - len(kept)
    if not n_left_out:
        return kept, []
    return kept, [f"{n_left_out} row(s) after {as_of} are left out: beyond the as-of date, or of a day not yet closed."]


def _day(stamp: pd.Timestamp) -> date:
    return stamp.date()
