"""Whether a feature knows the future, asked before anything is trained.

Columns of ours are computed anew on histories that end earlier: what they said of the days before must stay the same.
Columns that came with the bars cannot be recomputed: they are suspected if they correlate with returns to come, of one
later day or up to one, far beyond what their correlation with past returns, and chance, allow.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from forecaster.market import load_bars
from forecaster.prepare import crossed_columns, feature_rows
from forecaster.settings import Coin, Config, DataConfig
from forecaster.store import Artifact, Store
from forecaster.windows import LOG_CLOSE, Floats

N_DATES = 3  # on which histories end
FIRST_SHARE = 0.5  # of all days, before which none ends: features are slow
NEAR = 1e-9  # difference of two features that are equal, in units of the larger
NO_MARKET = 0.4  # rank correlation with a return to come that no honest column of daily bars has shown
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


@dataclass(frozen=True)
class _Returns:
    """Returns to come on each day, a column each: those of the next so many days, and those of one of these days alone.

    Attributes:
        coming: the returns `(n_days, n_returns)`; their names say which they are.
        past: the same over days that are gone.
        spans: days that each covers `(n_returns,)`: over so many days its values overlap.
        repeated: rank correlation of what is past with what comes `(n_returns,)`, without sign.
    """

    coming: pd.DataFrame
    past: pd.DataFrame
    spans: Floats
    repeated: Floats

    @classmethod
    def of(cls, log_close: "pd.Series[float]", most: int) -> Self:
        """Up to `most` days ahead."""
        days, daily = range(1, most + 1), log_close.diff()
        coming = {f"the next {k} day(s)": log_close.shift(-k) - log_close for k in days}
        coming |= {f"the day {k} days ahead": daily.shift(-k) for k in days[1:]}
        past = [*(log_close.diff(k) for k in days), *(daily for _ in days[1:])]
        spans = np.array([*days, *(1 for _ in days[1:])], float)
        table = pd.DataFrame(coming)
        gone = pd.concat(past, axis=1).set_axis(table.columns, axis=1)
        return cls(table, gone, spans, _rank_correlations(table, gone)[0])


def suspicious_columns(rows: pd.DataFrame, names: Iterable[str], horizons: tuple[int, ...]) -> tuple[str, ...]:
    """A sentence per column that knows more of a return to come than an honest one can.

    Args:
        rows: features and `log_close` by day.
        names: columns that came with the bars.
        horizons: days ahead; a return over any number of days up to the last one is looked at.
    """
    log_close = rows[LOG_CLOSE]
    returns = _Returns.of(log_close, max(horizons))
    return tuple(sentence for name in names if (sentence := _suspicion(name, rows[name], log_close, returns)))


def _suspicion(name: str, values: pd.Series, log_close: pd.Series, returns: _Returns) -> str | None:
    """What a column, its change or its ratio to the close knows of a return to come, if too much."""
    for shown in _looks(values, log_close):
        table = pd.DataFrame(dict.fromkeys(returns.coming, shown))
        found, n = _rank_correlations(returns.coming, table)
        # What knows the past knows so much of what comes as the one repeats itself in the other.
        chance = _rank_correlations(returns.past, table)[0] * returns.repeated + N_SIGMA * np.sqrt(returns.spans / n)
        guilty = (n > N_SIGMA * returns.spans) & (found > np.maximum(NO_MARKET, chance))
        if guilty.any():
            worst = int(np.argmax(np.where(guilty, found, 0)))
            return (
                f"{name} came with the bars and has a rank correlation of {found[worst]:.2f} with the return of "
                f"{returns.coming.columns[worst]}: it seems to know the future."
            )
    return None


def _looks(values: pd.Series, log_close: pd.Series) -> list[pd.Series]:
    """A column as it is, its daily change, and if it is positive its ratio to the close: a price is known by that."""
    looks = [values, values.diff()]
    if (values.dropna() > 0).all():
        looks.append(pd.Series(np.log(values.to_numpy(float)), values.index) - log_close)
    return looks


def _rank_correlations(one: pd.DataFrame, other: pd.DataFrame) -> tuple[Floats, Floats]:
    """Spearman's without sign, column by column, 0 where it is not defined; and how many days have both, at least 1."""
    both = np.isfinite(one) & np.isfinite(other)
    found = one.where(both).rank().corrwith(other.where(both).rank()).abs().fillna(0)
    return found.to_numpy(float), both.sum().clip(lower=1).to_numpy(float)
