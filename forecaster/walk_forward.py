"""Walk-forward evaluation: how the days are divided for it, and how the splits' forecasts score.

Between the two lie ordinary fits, one per model and split: see `forecaster.fitting`.
"""

from collections.abc import Iterable, Mapping
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.evaluation import SCORES, evaluate
from forecaster.forecasts import log_closes, wide_frame
from forecaster.settings import Config, SplitConfig, WalkForwardConfig
from forecaster.split import AuditRow, Fold, audit_fold, make_fold, up_to_anchor
from forecaster.store import Artifact, Store

WALK = "walk-"  # how the names of the splits begin
MIN_HELD_OUT = 30  # origins of a split below which its scores mean nothing
POOLED = "pooled"  # all held-out origins of all splits together


class Walks(Config):
    """The splits, and the rows of each: from its first window to its last held-out origin, no day more."""

    folds: tuple[Fold, ...]
    parts: tuple[Artifact, ...]
    audit: tuple[AuditRow, ...]


class WalkForward(Config):
    """What the splits forecast and how that scored.

    Attributes:
        folds: the splits.
        audit: their parts and last labels.
        forecasts: `unique_id, cutoff, ds, horizon, split, y` and a column per model, in plain log-returns.
        scores: `model, split, horizon, n`, the metrics, `dm_p` and `dm_p_holm`; `split` may be `pooled`.
        nested: the same as JSON: `splits` -> split -> model -> horizon -> metric, and `pooled` -> model -> ...
    """

    folds: tuple[Fold, ...]
    audit: tuple[AuditRow, ...]
    forecasts: Artifact
    scores: Artifact
    nested: Artifact


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
        folds.append(make_fold(f"{WALK}{number}", days, kept, held_out, config))
    return folds


def audit_walk_forward(days: pd.DatetimeIndex, folds: Iterable[Fold], config: SplitConfig) -> list[AuditRow]:
    """The parts of walk-forward folds. What a fold holds out may reach into the next one's: both are only scored."""
    return [row for fold in folds for row in audit_fold(days, fold, max(config.horizons), None)]


def divide_unit(root: Path, rows: Artifact, split: SplitConfig, walking: WalkForwardConfig) -> Walks:
    """Divide the days, and cut the rows so that no split can be given a day which it must not see.

    Raises:
        ValueError: if the days do not suffice.
        AssertionError: if a label crossed from one part into the next: a bug, never bad input.
    """
    store = Store(root)
    frame = store.frame(rows)
    days = pd.DatetimeIndex(frame.index)
    folds = walk_forward_folds(days, split, walking)
    audit = audit_walk_forward(days, folds, split)
    if crossing := [row for row in audit if not row.is_clean]:
        raise AssertionError(f"The label audit failed; nothing was trained. Crossing: {crossing}")
    parts = tuple(store.put_frame(_seen(frame, fold, split.lookback)) for fold in folds)
    return Walks(folds=tuple(folds), parts=parts, audit=tuple(audit))


def walk_forward_unit(
    root: Path,
    coin: str,
    forecasts: Mapping[str, Mapping[str, Artifact]],
    walks: Walks,
    rows: Artifact,
    target_scale: Mapping[int, float],
) -> WalkForward:
    """Join the splits' held-out forecasts with what happened, and score them per split and pooled.

    Args:
        root: the store.
        coin: ticker.
        forecasts: per model and split, what it forecast of the held-out origins.
        walks: the splits.
        rows: days up to the anchor, for targets.
        target_scale: interquartile range of the judged train targets per horizon: one unit for all splits, that of the
            run's other tables.
    """
    store = Store(root)
    in_order = {model: tuple(each[fold.name] for fold in walks.folds) for model, each in forecasts.items()}
    frame = wide_frame(store, in_order, log_closes(store, (rows,)), coin)
    frame.insert(4, "split", _split_of(frame, walks.folds))
    scores = _scores(frame, list(forecasts), target_scale)
    return WalkForward(
        folds=walks.folds,
        audit=walks.audit,
        forecasts=store.put_frame(frame),
        scores=store.put_frame(scores),
        nested=store.put_json(_nested(scores)),
    )


def _seen(frame: pd.DataFrame, fold: Fold, lookback: int) -> pd.DataFrame:
    assert fold.held_out is not None
    first_origin = int(pd.DatetimeIndex(frame.index).searchsorted(pd.Timestamp(fold.train.first)))
    return frame.iloc[first_origin - lookback + 1 :].loc[: pd.Timestamp(fold.held_out.last)]


def _split_of(frame: pd.DataFrame, folds: tuple[Fold, ...]) -> "pd.Series[str]":
    split = pd.Series("", index=frame.index)
    for fold in folds:
        assert fold.held_out is not None
        split[fold.held_out.mask(pd.DatetimeIndex(frame["cutoff"]))] = fold.name
    return split


def _scores(frame: pd.DataFrame, models: list[str], target_scale: Mapping[int, float]) -> pd.DataFrame:
    each = evaluate(frame.assign(part=frame["split"]), models, target_scale)
    pooled = evaluate(frame.assign(part=POOLED), models, target_scale)
    pooled["dm_p"] = [_dm_p(frame, str(m), int(h)) for m, h in zip(pooled["model"], pooled["horizon"], strict=True)]
    pooled["dm_p_holm"] = holm(pooled["dm_p"])
    return pd.concat([each, pooled], ignore_index=True).rename(columns={"part": "split"})


def _dm_p(frame: pd.DataFrame, model: str, horizon: int) -> float:
    """One-sided p-value that the model beats the zero forecast over all splits; NaN where that cannot be tested.

    Held-out parts follow each other without a gap, so that together they are one series of consecutive origins.
    """
    from forecaster.significance import diebold_mariano  # slow to import, and needed where units run only

    rows = frame[frame["horizon"] == horizon]
    y, y_hat = rows["y"].to_numpy(dtype=float), rows[model].to_numpy(dtype=float)
    if len(y) <= horizon or not np.isfinite([y, y_hat]).all():
        return float("nan")
    return diebold_mariano(y, y_hat, horizon)[1]


def holm(p: "pd.Series[float]") -> "pd.Series[float]":
    """P-values adjusted for their number (Holm 1979); NaN, where nothing was tested, counts for nothing."""
    known = p.dropna().sort_values()
    steps = (known * np.arange(len(known), 0, -1)).cummax().clip(upper=1.0)
    return steps.reindex(p.index)


def _nested(scores: pd.DataFrame) -> dict[str, Any]:
    nested: dict[str, Any] = {"splits": {}, POOLED: {}}
    for row in scores.to_dict("records"):
        is_pooled = row["split"] == POOLED
        where = nested[POOLED] if is_pooled else nested["splits"].setdefault(row["split"], {})
        names = (*SCORES, "dm_p", "dm_p_holm") if is_pooled else SCORES
        metrics = {str(name): float(row[name]) if np.isfinite(row[name]) else None for name in names}
        where.setdefault(row["model"], {})[str(row["horizon"])] = {"n": int(row["n"]), **metrics}
    return nested
