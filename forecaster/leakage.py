"""Whether a feature knows the future, asked before anything is trained.

Columns of ours are computed anew on histories that end earlier: what they said of the days before must stay the same.
Columns that came with the bars cannot be recomputed: they are suspected if they correlate with returns to come far
beyond what their correlation with past returns, and chance, allow.
"""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.market import load_bars
from forecaster.prepare import crossed_columns, feature_rows
from forecaster.settings import Coin, Config, DataConfig
from forecaster.store import Artifact, Store
from forecaster.windows import LOG_CLOSE, log_returns

N_DATES = 3  # on which histories end
FIRST_SHARE = 0.5  # of all days, before which none ends: features are slow
NEAR = 1e-9  # difference of two features that are equal, in units of the larger
NO_MARKET = 0.5  # rank correlation with a return to come that no honest column of daily bars has shown
N_SIGMA = 5.0  # of chance


class Audit(Config):
    """What was found.

    Attributes:
        days: last days of the shortened histories.
        n_columns: columns computed anew.
        differing: those that said something else on some day.
        suspicions: a sentence per column that came with the bars and knows too much.
    """

    days: tuple[date, ...]
    n_columns: int
    differing: tuple[str, ...]
    suspicions: tuple[str, ...]


def audit_unit(
    root: Path, coin: Coin, data: DataConfig, rows: Artifact, given: tuple[str, ...], horizons: tuple[int, ...]
) -> Audit:
    """Audit the features in `rows`; `given` names those that came with the bars.

    Raises:
        AssertionError: if one of our own features knows later days: a bug here, never bad input.
    """
    stored = Store(root).frame(rows)
    bars = load_bars(coin, data)
    crossed, _ = crossed_columns(bars, data)
    days = audit_days(pd.DatetimeIndex(stored.index), data.seed)
    shortened = [feature_rows(bars.frame.loc[:day], _crossed_until(coin, data, day, crossed)) for day in days]
    differing = changed_columns(stored, shortened)
    if differing:
        raise AssertionError(f"The truncation audit failed; nothing was trained. Columns that look ahead: {differing}")
    suspicions = () if bars.simulated else suspicious_columns(stored, given, horizons)
    return Audit(
        days=tuple(day.date() for day in days),
        n_columns=stored.shape[1] - 1 - len(given),
        differing=differing,
        suspicions=suspicions,
    )


def audit_days(index: pd.DatetimeIndex, seed: int) -> list[pd.Timestamp]:
    """Some days of the later half, the newest never among them: the same ones for the same seed and days."""
    first, last = int(len(index) * FIRST_SHARE), len(index) - 1
    places = np.random.default_rng(seed).choice(np.arange(first, last), min(N_DATES, last - first), replace=False)
    return [pd.Timestamp(index[place]) for place in sorted(places)]


def _crossed_until(coin: Coin, data: DataConfig, day: pd.Timestamp, crossed: pd.DataFrame) -> pd.DataFrame:
    """Cross-asset columns from bars that end on `day`."""
    if crossed.empty:
        return crossed.loc[:day]
    cut = data.model_copy(update={"as_of": day.date()})
    return crossed_columns(load_bars(coin, cut), cut)[0]


def changed_columns(whole: pd.DataFrame, shortened: Iterable[pd.DataFrame]) -> tuple[str, ...]:
    """Columns that a shorter history gives other values on days that both have."""
    changed: dict[str, None] = {}
    for short in shortened:
        now = whole.loc[short.index, list(short.columns)].to_numpy(float)
        same = np.isclose(short.to_numpy(float), now, rtol=NEAR, atol=NEAR, equal_nan=True).all(axis=0)
        changed |= dict.fromkeys(map(str, short.columns[~same]))
    return tuple(changed)


def suspicious_columns(rows: pd.DataFrame, names: Iterable[str], horizons: tuple[int, ...]) -> tuple[str, ...]:
    """A sentence per column that knows more of a return to come than an honest one can.

    Args:
        rows: features and `log_close` by day.
        names: columns that came with the bars.
        horizons: days ahead.
    """
    log_close = rows[LOG_CLOSE]
    found = (_suspicion(name, rows[name], log_close, h) for name in names for h in horizons)
    return tuple({sentence.split(" ", 1)[0]: sentence for sentence in found if sentence}.values())


def _suspicion(name: str, values: pd.Series, log_close: pd.Series, horizon: int) -> str | None:
    """What a column, its change or its ratio to the close knows of the return `horizon` days ahead, if too much."""
    coming = pd.Series(log_returns(log_close.to_numpy(float), (horizon,))[:, 0], log_close.index)
    past, repeated = log_close.diff(horizon), abs(_rank_correlation(log_close.diff(horizon), coming))
    for shown in _looks(values, log_close):
        found, n = abs(_rank_correlation(shown, coming)), int((shown.notna() & coming.notna()).sum())
        known = abs(_rank_correlation(shown, past)) * repeated
        if n > N_SIGMA * horizon and found > max(NO_MARKET, known + N_SIGMA * np.sqrt(horizon / n)):
            return (
                f"{name} came with the bars and has a rank correlation of {found:.2f} with the return of the next "
                f"{horizon} day(s): it seems to know the future."
            )
    return None


def _looks(values: pd.Series, log_close: pd.Series) -> list[pd.Series]:
    """A column as it is, its daily change, and if it is positive its ratio to the close: a price is known by that."""
    looks = [values, values.diff()]
    if (values.dropna() > 0).all():
        looks.append(pd.Series(np.log(values.to_numpy(float)), values.index) - log_close)
    return looks


def _rank_correlation(a: pd.Series, b: pd.Series) -> float:
    """Spearman's; 0 where it is not defined."""
    both = pd.DataFrame({"a": a, "b": b}).replace([np.inf, -np.inf], np.nan).dropna().rank()
    return float(both["a"].corr(both["b"])) if both.nunique().min() > 1 else 0.0
