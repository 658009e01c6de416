"""Which columns a model sees: those that say most about the targets, on train rows only."""

from collections.abc import Callable, Collection, Iterable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from scipy.stats import rankdata
from sklearn.feature_selection import mutual_info_regression

from forecaster.settings import Config, Merit, SelectConfig
from forecaster.split import Span
from forecaster.store import Artifact, Store
from forecaster.windows import LOG_CLOSE, Floats, log_returns

NEAR = 90  # days: closer shifts still share days with windows and labels


class Score(Config):
    """What one column says about each horizon's log-return, by each merit, and its best mean rank (1 is best).

    Mutual information is in nats; rank correlation is in units of what chance alone gives.
    """

    column: str
    merits: dict[Merit, dict[int, float]]
    mean_rank: float


class Selection(Config):
    """Columns in the order of the model's inputs: those that won a place, best first, then the cross-asset columns."""

    columns: tuple[str, ...]
    scores: tuple[Score, ...]
    dropped: dict[str, str] = Field(default_factory=dict)


def select(
    rows: pd.DataFrame,
    train: Span,
    horizons: tuple[int, ...],
    cross_asset: tuple[str, ...],
    config: SelectConfig,
    given: tuple[str, ...] = (),
) -> Selection:
    """Rank columns by what they say about the log-returns, averaged over horizons as ranks; merits take turns.

    Args:
        rows: features and `log_close` of the train part, one row per day.
        train: origins to learn from; rows after `train.last` are used for the labels of those origins alone.
        horizons: days ahead.
        cross_asset: columns that do not compete, but join whatever is selected unless they are empty here.
        config: how many columns, by which merits, how many missing days are allowed, seed.
        given: columns that came with the bars; where `favours_given`, they have the first choice of half the places.

    Raises:
        ValueError: if no column but the cross-asset ones can be used.
    """
    inside = train.mask(pd.DatetimeIndex(rows.index))
    y = log_returns(rows[LOG_CLOSE].to_numpy(), horizons)[inside]  # (n, n_horizons)
    seen = rows.loc[: pd.Timestamp(train.last)].drop(columns=LOG_CLOSE)
    dropped = _unusable(seen, cross_asset, config)
    ranked = seen.columns.difference([*dropped, *cross_asset], sort=False)
    if ranked.empty:
        raise ValueError(
            f"Expected a usable column between {train.first} and {train.last}. Received: {dropped}. Give more days."
        )
    x = seen[ranked].fillna(seen[ranked].median())[inside[: len(seen)]]
    scores = _scores(x, y, horizons, config)
    best = _places([score.column for score in scores], given if config.favours_given else (), config.max_features)
    return Selection(
        columns=(*best, *(column for column in cross_asset if column not in dropped)),
        scores=tuple(scores),
        dropped=dropped,
    )


def _places(ranked: list[str], first: Collection[str], n_places: int) -> list[str]:
    """The best `n_places` of `ranked`, after the best of `first` have taken up to half of them."""
    favoured = [column for column in ranked if column in first][: n_places // 2]
    others = [column for column in ranked if column not in favoured]
    return [*favoured, *others][:n_places]


class Selected(Config):
    """Names of the selected columns, and where the scores behind them are kept."""

    columns: tuple[str, ...]
    selection: Artifact


def select_unit(
    root: Path,
    part: Artifact,
    train: Span,
    horizons: tuple[int, ...],
    cross_asset: tuple[str, ...],
    config: SelectConfig,
    given: tuple[str, ...] = (),
) -> Selected:
    """`select` from a stored part into the store."""
    store = Store(root)
    selection = select(store.frame(part), train, horizons, cross_asset, config, given)
    return Selected(columns=selection.columns, selection=store.put_json(selection.model_dump(mode="json")))


def _unusable(seen: pd.DataFrame, cross_asset: tuple[str, ...], config: SelectConfig) -> dict[str, str]:
    missing = seen.isna().mean()
    constant = seen.nunique() <= 1
    reasons = {}
    for column in seen.columns:
        limit = 1.0 if column in cross_asset else config.max_missing
        if missing[column] >= 1 or missing[column] > limit:
            reasons[column] = f"{missing[column]:.0%} of its train days are missing"
        elif constant[column] and column not in cross_asset:
            reasons[column] = "constant on train"
    return reasons


def _scores(x: pd.DataFrame, y: Floats, horizons: tuple[int, ...], config: SelectConfig) -> list[Score]:
    """Best first: each merit in turn names its best column that is not named yet."""
    merits = {merit: _MERITS[merit](x, y, config) for merit in config.merits}  # (n_columns, n_horizons) each
    mean_ranks = np.column_stack(
        [pd.DataFrame(-values).rank(method="average").mean(axis=1) for values in merits.values()]
    )  # (n_columns, n_merits)
    places = mean_ranks.argsort(axis=0, kind="stable").argsort(axis=0)
    order = np.lexsort((places.argmin(axis=1), places.min(axis=1)))
    return [
        Score(
            column=str(x.columns[i]),
            merits={m: dict(zip(horizons, values[i].tolist(), strict=True)) for m, values in merits.items()},
            mean_rank=float(mean_ranks[i].min()),
        )
        for i in order
    ]


def mutual_information(x: pd.DataFrame, y: Floats, config: SelectConfig) -> Floats:
    """Nearest-neighbour estimate in nats (Kraskov et al. 2004): `(n_columns, n_horizons)`.

    It sees any kind of dependence, but of two slow series it finds much by chance.
    """
    estimate = partial(mutual_info_regression, x, n_neighbors=config.n_neighbors, random_state=config.seed, n_jobs=1)
    return np.column_stack([estimate(target) for target in y.T])


def rank_correlation(x: pd.DataFrame, y: Floats, config: SelectConfig) -> Floats:
    """`rank_correlations` of a frame's columns: `(n_columns, n_horizons)`."""
    return rank_correlations(x.to_numpy().T, y)


def rank_correlations(columns: Iterable[Floats], y: Floats) -> Floats:
    """Spearman's correlation, without sign, in units of its root mean square by chance: `(n_columns, n_horizons)`.

    Chance is what the same two series give at every far circular shift against each other (surrogates as of Theiler
    et al. 1992), so that slow columns, which correlate with overlapping returns by accident, must show more. Columns
    are asked for one by one: all shifts of all at once would take a dozen times their memory.
    """
    targets = np.fft.rfft(standard_ranks(y), axis=0)
    return np.array([_beyond_chance(column, targets) for column in columns])


def _beyond_chance(column: Floats, targets: NDArray[np.complex128]) -> Floats:
    """Correlation of a column `(n,)` with each target, given as spectra of their ranks: `(n_horizons,)`."""
    n = len(column)
    lag = np.arange(n)
    is_far = np.minimum(lag, n - lag) > min(NEAR, n // 4)
    spectrum = np.conj(np.fft.rfft(standard_ranks(column[:, None]), axis=0))
    correlation = np.fft.irfft(spectrum * targets, n, axis=0) / n  # (n_shifts, n_horizons)
    chance = np.sqrt(np.square(correlation[is_far]).mean(axis=0))
    return np.asarray(np.abs(correlation[0]) / np.maximum(chance, 1e-12))


def standard_ranks(values: Floats) -> Floats:
    """Ranks of each column of `(n, n_columns)` with mean 0 and variance 1; zero where all are equal."""
    ranks = np.empty(values.shape)
    for column, ranked in zip(values.T, ranks.T, strict=True):  # one by one, for the sake of memory
        ranked[:] = rankdata(column)
        ranked -= ranked.mean()
        ranked /= max(ranked.std(), 1e-12)
    return ranks


_MERITS: dict[Merit, Callable[[pd.DataFrame, Floats, SelectConfig], Floats]] = {
    "rank_correlation": rank_correlation,
    "mutual_information": mutual_information,
}
