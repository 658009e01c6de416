"""Forecast frame in, score frame out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecaster.metrics import METRICS, scaled_rmse
from forecaster.windows import Floats

PARTS = ("train", "val", "test")
SCORES = ("rmse", "scaled_rmse", "mae", "r2", "directional_accuracy", "skill_vs_zero")
COLUMNS = ("model", "part", "horizon", "n", *SCORES)


def evaluate(frame: pd.DataFrame, models: Sequence[str], target_scale: Mapping[int, float]) -> pd.DataFrame:
    """Score every model on every part and horizon.

    Args:
        frame: forecast frame: `part`, `horizon`, `y` and one column per model, in plain log-returns.
        models: columns to score.
        target_scale: interquartile range of the train targets per horizon.

    Returns:
        `model, part, horizon, n, rmse, scaled_rmse, mae, r2, directional_accuracy, skill_vs_zero`, one row per model,
        part and horizon. Only rows with a finite `y` and forecast count; where there are none, `n` is 0 and scores NaN.

    Raises:
        ValueError: if a model has no column.
    """
    if missing := sorted(set(models) - set(frame.columns)):
        raise ValueError(f"Every model to score needs a column. Received: no {missing} in {list(frame.columns)}")
    groups = {(str(part), int(str(h))): rows for (part, h), rows in frame.groupby(["part", "horizon"], sort=False)}
    rows = [
        {"model": model, "part": part, "horizon": h, **_score(group["y"], group[model], target_scale[h])}
        for model in models
        for (part, h), group in groups.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _score(y: "pd.Series[float]", y_hat: "pd.Series[float]", target_scale: float) -> dict[str, float]:
    """All metrics over the rows where both are known."""
    known = np.isfinite(y) & np.isfinite(y_hat)
    pair: tuple[Floats, Floats] = (y[known].to_numpy(float), y_hat[known].to_numpy(float))
    if not known.any():
        return {"n": 0, **dict.fromkeys(SCORES, np.nan)}
    scores = {name: metric(*pair) for name, metric in METRICS.items()}
    return {"n": int(known.sum()), "scaled_rmse": scaled_rmse(*pair, target_scale), **scores}


def as_nested(scores: pd.DataFrame, model: str) -> dict[str, dict[str, dict[str, Any]]]:
    """One model's scores as JSON has them: part -> horizon -> metric, NaN as None.

    Raises:
        ValueError: if the model was not scored.
    """
    rows = scores[(scores["model"] == model) & scores["part"].isin(PARTS)]
    if rows.empty:
        raise ValueError(f"Expected a scored model. Received: {model}; scored: {sorted(set(scores['model']))}")
    nested: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows.to_dict("records"):
        metrics = {name: float(row[name]) if np.isfinite(row[name]) else None for name in SCORES}
        nested.setdefault(row["part"], {})[str(row["horizon"])] = {"n": int(row["n"]), **metrics}
    return nested
