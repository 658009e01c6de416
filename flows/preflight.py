"""Before any run is created: do the settings fit the bars?"""

from collections.abc import Callable

import pandas as pd

from forecaster.config import RunConfig
from forecaster.market import Bars, BarsError, load_bars, require_length
from forecaster.settings import SplitConfig
from forecaster.split import find_boundaries, judged_fold, oof_folds, up_to_anchor

MIN_LOOKBACK = 10  # what `--seq-length` allows


def settings_that_do_not_fit(config: RunConfig) -> list[str]:
    """One sentence per coin whose bars are too few for a setting that could be smaller; empty if all is well.

    Bars that are missing, broken or too short for any setting are no fault of the settings: the night reports such a
    coin and goes on with the others.
    """
    complaints = [_complaint(coin, config) for coin in config.crypto]
    return [each for each in complaints if each]


def _complaint(coin: str, config: RunConfig) -> str | None:
    try:
        bars = load_bars(coin, config.data)
    except BarsError as error:
        return _as_of_is_at_fault(coin, config, error)
    if not _suits(bars, config.split):
        return _lookback(bars, config.split)
    return _folds(bars, config) or _walk_forward(bars, config)


def _as_of_is_at_fault(coin: str, config: RunConfig, error: BarsError) -> str | None:
    """The same bars serve without the flag: it is a day before all of them."""
    if config.as_of is None:
        return None
    try:
        first = load_bars(coin, config.data.model_copy(update={"as_of": None})).first
    except BarsError:
        return None
    if config.as_of >= first:
        return None
    return f"--as-of: expected a day on which {coin} has bars; they start on {first}. Received: {config.as_of}. {error}"


def _fits(check: Callable[[], object]) -> str | None:
    try:
        check()
    except ValueError as error:
        return str(error)
    return None


def _lookback(bars: Bars, split: SplitConfig) -> str | None:
    n = len(bars.frame)
    shorter = range(min(split.lookback, n), MIN_LOOKBACK - 1, -1)
    longest = next((days for days in shorter if _suits(bars, _with(split, lookback=days))), None)
    if longest is None and split.lookback < n:
        return None  # not even the shortest lookback would do: too little history, which the night reports
    remedy = f"At most {longest} fits." if longest else "No lookback fits so few: supply older bars."
    return (
        f"--seq-length: expected a lookback that leaves train, val and test of {bars.coin} enough of its {n} days, "
        f"{bars.first} to {bars.last}. Received: {split.lookback}. {remedy}"
    )


def _suits(bars: Bars, split: SplitConfig) -> bool:
    return _fits(lambda: require_length(bars, split)) is None


def _with(split: SplitConfig, **changed: int) -> SplitConfig:
    return split.model_copy(update=changed)


def _folds(bars: Bars, config: RunConfig) -> str | None:
    if (config.no_ensemble and not config.tuned_models) or _has_folds(bars, config.split):
        return None
    fitting = next(
        (n for n in (5, 4, 3, 2) if n < config.folds and _has_folds(bars, _with(config.split, n_folds=n))), 0
    )
    if not fitting:
        return None  # too little history for any, which the report of the night says
    return (
        f"--folds: expected fewer folds, so that each holds enough days of {bars.coin}, {bars.first} to {bars.last}. "
        f"Received: {config.folds}. For instance {fitting} fit."
    )


def _has_folds(bars: Bars, split: SplitConfig) -> bool:
    if not _suits(bars, split):
        return False
    days = pd.DatetimeIndex(bars.frame.index)
    return bool(oof_folds(days, judged_fold(days, find_boundaries(days, split), split), split)[0])


def _walk_forward(bars: Bars, config: RunConfig) -> str | None:
    if not config.walk_forward:
        return None
    from forecaster.walk_forward import require_walk_forward  # its scores import scikit-learn: a second

    n_days = len(up_to_anchor(pd.DatetimeIndex(bars.frame.index), config.split))
    complaint = _fits(lambda: require_walk_forward(n_days, config.split, config.walking))
    return f"{bars.coin}: {complaint}" if complaint else None
