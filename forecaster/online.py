"""Weights that follow each model's recent accuracy, with labels that arrive late."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter

from forecaster.regime import REGIMES, weights_for
from forecaster.windows import Floats

SMALLEST_ERROR = 1e-12  # a squared log-return; keeps the weight of a model without any error finite


def recent_errors(
    squared_errors: Floats, label_day: NDArray[Any], origin_day: NDArray[Any], memory: int = 50
) -> Floats:
    """Exponential moving average of each model's squared error, as known at the close of each origin.

    The label of horizon h at origin s is known from day s + h on, so at origin t only rows with `label_day <= t` count,
    and of those the last `memory`. The k-th newest has weight `(1 - a)**k`, `a = 2 / (memory + 1)`.

    Args:
        squared_errors: `(n, n_models)`, in order of `label_day`; NaN rows (not yet labelled) are passed over.
        label_day: day on which each row's label becomes known: `(n,)`.
        origin_day: days at which the average is asked for: `(m,)`.
        memory: predictions that are looked back upon.

    Returns:
        `(m, n_models)`; NaN rows before any label is known.
    """
    is_labelled = np.isfinite(squared_errors).all(axis=1)
    errors, known_on = squared_errors[is_labelled], label_day[is_labelled]
    if not len(errors):
        return np.full((len(origin_day), squared_errors.shape[1]), np.nan)
    kernel = (1 - 2 / (memory + 1)) ** np.arange(memory)
    total = lfilter(kernel, 1.0, np.ones(len(errors)))
    averages = lfilter(kernel, 1.0, errors, axis=0) / total[:, None]  # (n_labelled, n_models)
    n_known = np.searchsorted(known_on, origin_day, side="right")
    return np.vstack([np.full((1, errors.shape[1]), np.nan), averages])[n_known]


def adapt(prior: Floats, errors: Floats) -> Floats:
    """Prior weights divided by recent mean squared errors, summing to 1: `w_i = (p_i / e_i) / sum_j (p_j / e_j)`.

    Args:
        prior: `(n, n_models)`, each row summing to 1.
        errors: `(n, n_models)` from `recent_errors`; rows of NaN leave the prior as it is.

    Returns:
        `(n, n_models)`.
    """
    weights = prior / np.maximum(np.where(np.isnan(errors), 1.0, errors), SMALLEST_ERROR)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def online_weights(
    frame: pd.DataFrame, regimes: "pd.Series[str]", models: Sequence[str], memory: int = 50
) -> pd.DataFrame:
    """Regime weights adapted to recent accuracy, for every row of a forecast frame of one coin.

    Args:
        frame: `cutoff, ds, horizon, y` and one column per model, in any order of rows; `y` NaN where unlabelled.
        regimes: regime of each `cutoff`, indexed by day.
        models: surviving models.
        memory: predictions that are looked back upon, per horizon.

    Returns:
        One column of weights per model, each row summing to 1, on the frame's index.

    Raises:
        ValueError: if a cutoff and horizon occur twice (several coins?), or a cutoff has no regime.
    """
    if frame.duplicated(["cutoff", "horizon"]).any():
        raise ValueError("Expected one row per cutoff and horizon. Received: several; pass one coin at a time.")
    table = pd.DataFrame({regime: weights_for(regime, models) for regime in REGIMES}).T[list(models)]
    prior = table.loc[list(regimes_on(frame["cutoff"], regimes))].to_numpy()
    weights = np.empty_like(prior)
    for rows in frame.groupby("horizon").indices.values():  # positions
        group = frame.iloc[rows]
        by_label = group.sort_values("ds", kind="stable")
        squared = (by_label[list(models)].to_numpy(float) - by_label[["y"]].to_numpy(float)) ** 2
        errors = recent_errors(squared, by_label["ds"].to_numpy(), group["cutoff"].to_numpy(), memory)
        weights[rows] = adapt(prior[rows], errors)
    return pd.DataFrame(weights, index=frame.index, columns=list(models))


def regimes_on(cutoff: "pd.Series[Any]", regimes: "pd.Series[str]") -> "pd.Series[str]":
    """The regime of each row's cutoff.

    Raises:
        ValueError: if there is no close for a cutoff.
    """
    named = cutoff.map(regimes)
    if named.isna().any():
        raise ValueError(f"Closes must cover every cutoff. Received: none for {sorted(set(cutoff[named.isna()]))[:3]}")
    return named
