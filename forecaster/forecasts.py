"""Stored forecasts of several models as one frame, beside what happened."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from forecaster.store import Artifact, Store
from forecaster.windows import LOG_CLOSE


def log_closes(store: Store, parts: tuple[Artifact, ...]) -> "pd.Series[float]":
    """Logarithm of the close by day, over stored parts that may overlap."""
    joined: pd.Series[float] = pd.concat([store.frame(part)[LOG_CLOSE] for part in parts])
    return joined[~joined.index.duplicated()].sort_index()


def wide_frame(
    store: Store, forecasts: Mapping[str, tuple[Artifact, ...]], log_close: "pd.Series[float]", coin: str
) -> pd.DataFrame:
    """Forecast frame `unique_id, cutoff, ds, horizon, y` and one column per model, in time order."""
    if not forecasts:
        return pd.DataFrame(columns=["unique_id", "cutoff", "ds", "horizon", "y"])
    columns = [_series(store, each).rename(model) for model, each in forecasts.items()]
    wide = pd.concat(columns, axis=1).reset_index().sort_values(["cutoff", "horizon"], ignore_index=True)
    ds = wide["cutoff"] + pd.to_timedelta(wide["horizon"], unit="D")
    known: Any = log_close.reindex(ds).to_numpy() - log_close.reindex(wide["cutoff"]).to_numpy()
    wide.insert(0, "unique_id", coin)
    wide.insert(2, "ds", ds)
    wide.insert(4, "y", known)
    return wide


def _series(store: Store, parts: tuple[Artifact, ...]) -> "pd.Series[float]":
    frame = pd.concat([store.frame(part) for part in parts])
    return frame.drop_duplicates(["cutoff", "horizon"]).set_index(["cutoff", "horizon"])["y_hat"]
