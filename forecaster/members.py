"""Which models an ensemble still has, and what becomes of their weights when one is lost."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd


def surviving(frame: pd.DataFrame, models: Sequence[str]) -> tuple[str, ...]:
    """Those of `models` that forecast every row of `frame`; a model without a column, or with none but NaN, is lost.

    Raises:
        ValueError: if no model survives, or one lacks only some of the forecasts.
    """
    n_known = {m: int(np.isfinite(frame[m]).sum()) for m in models if m in frame}
    if partial := {m: n for m, n in n_known.items() if 0 < n < len(frame)}:
        raise ValueError(f"Every model must forecast all {len(frame)} rows or none. Received: {partial}")
    if not any(n_known.values()):
        raise ValueError(f"Expected forecasts of at least one out of {list(models)}. Received: {list(frame.columns)}")
    return tuple(m for m, n in n_known.items() if n)


def fitted_to_none(oof: pd.DataFrame | None, val: pd.DataFrame, models: Sequence[str]) -> list[pd.DataFrame]:
    """Days to which none of `models` was fitted, oldest first: what folds held out, if all forecast it, and val."""
    if oof is None or not set(models) <= set(oof) or not np.isfinite(oof[[*models]]).all(axis=None):
        return [val]
    return [oof, val]


def without_lost(weights: Mapping[str, float], models: Sequence[str]) -> dict[str, float]:
    """Convex weights of the survivors, scaled up until they and the zero return sum to 1 again."""
    kept = {m: w for m, w in weights.items() if m in models}
    total = 1 - sum(w for m, w in weights.items() if m not in models)
    return {m: w / total for m, w in kept.items()}
