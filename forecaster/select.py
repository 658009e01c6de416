"""Which columns a model sees: mutual information with the targets, on train rows only."""

from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field
from sklearn.feature_selection import mutual_info_regression

from forecaster.settings import Config, SelectConfig
from forecaster.split import Span
from forecaster.store import Artifact, Store
from forecaster.windows import LOG_CLOSE, Floats, log_returns


class Score(Config):
    """Mutual information of one column with each horizon's log-return, in nats, and its mean rank (1 is best)."""

    column: str
    information: dict[int, float]
    mean_rank: float


class Selection(Config):
    """Columns in the order of the model's inputs: the best by mean rank, then the cross-asset columns."""

    columns: tuple[str, ...]
    scores: tuple[Score, ...]
    dropped: dict[str, str] = Field(default_factory=dict)


def select(
    rows: pd.DataFrame, train: Span, horizons: tuple[int, ...], cross_asset: tuple[str, ...], config: SelectConfig
) -> Selection:
    """Rank columns by mutual information (Kraskov et al. 2004) with the log-returns, averaged over horizons as ranks.

    Args:
        rows: features and `log_close` of the train part, one row per day.
        train: origins to learn from; rows after `train.last` are used for the labels of those origins alone.
        horizons: days ahead.
        cross_asset: columns that do not compete, but join whatever is selected unless they are empty here.
        config: how many columns, how many missing days are allowed, seed.

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
    best = [score.column for score in scores[: config.max_features]]
    return Selection(
        columns=(*best, *(column for column in cross_asset if column not in dropped)),
        scores=tuple(scores),
        dropped=dropped,
    )


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
) -> Selected:
    """`select` from a stored part into the store."""
    store = Store(root)
    selection = select(store.frame(part), train, horizons, cross_asset, config)
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
    information = np.column_stack(
        [
            mutual_info_regression(x, y[:, i], n_neighbors=config.n_neighbors, random_state=config.seed, n_jobs=1)
            for i in range(len(horizons))
        ]
    )  # (n_columns, n_horizons)
    mean_rank = pd.DataFrame(-information).rank(method="average").mean(axis=1).to_numpy()
    order = np.argsort(mean_rank, kind="stable")
    return [
        Score(
            column=str(x.columns[i]),
            information={h: float(information[i, j]) for j, h in enumerate(horizons)},
            mean_rank=float(mean_rank[i]),
        )
        for i in order
    ]
