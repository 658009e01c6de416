"""How far a window lies from those that a model learned from, whatever the model: trees do not extrapolate either.

A window is described by the last value, mean and standard deviation of each column that the models see. Its distance is
the root mean square of these numbers, each in interquartile ranges from its median over the windows of training.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from sklearn.preprocessing import RobustScaler

from forecaster.windows import Floats

N_NAMED = 3  # columns


@dataclass(frozen=True)
class Distance:
    """How far one window lies from those of training.

    Attributes:
        value: distance; windows of training have a median of about 1.
        quantile: share of the windows of training that lie nearer.
        beyond: share of its numbers that no window of training reached, above or below.
        farthest: the columns that contribute most, farthest first.
    """

    value: float
    quantile: float
    beyond: float
    farthest: tuple[str, ...]


def newest_window(features: pd.DataFrame, lookback: int, trained_until: date) -> Distance:
    """Distance of the window that ends on the newest day from those that end by `trained_until`, but for itself.

    Args:
        features: the columns that models see, a row per day without gaps `(n_days, n_columns)`.
        lookback: days in a window.
        trained_until: last day that the models know.

    Raises:
        ValueError: if no other window ends by that day.
    """
    until = pd.Timestamp(trained_until)
    values = features.replace([np.inf, -np.inf], np.nan)
    known = values.loc[:until]
    summaries = window_summaries(values.fillna(known.median()).fillna(0.0), lookback)
    seen = (summaries.index <= until) & (summaries.index < summaries.index[-1])
    if not seen.any():
        raise ValueError(f"Expected windows of {lookback} days up to {until.date()}. Received: {len(known)} days.")
    scaler = RobustScaler().fit(summaries[seen].to_numpy())
    scaled = scaler.transform(summaries.to_numpy())  # (n_windows, 3 * n_columns)
    distances = np.sqrt(np.square(scaled).mean(axis=1))
    return Distance(
        value=float(distances[-1]),
        quantile=float((distances[seen] < distances[-1]).mean()),
        beyond=_beyond(scaled[-1], scaled[seen]),
        farthest=_farthest(scaled[-1], list(map(str, features.columns))),
    )


def window_summaries(values: pd.DataFrame, lookback: int) -> pd.DataFrame:
    """Last value, mean and standard deviation of every column over each full window, on the window's last day.

    `(n_days - lookback + 1, 3 * n_columns)`, all columns of one summary side by side.
    """
    windows = values.rolling(lookback)
    each = (values, windows.mean(), windows.std(ddof=0))
    return pd.concat(each, axis=1, keys=["last", "mean", "std"]).iloc[lookback - 1 :]


def _beyond(own: Floats, known: Floats) -> float:
    return float(((own < known.min(axis=0)) | (own > known.max(axis=0))).mean())


def _farthest(scaled: Floats, columns: list[str]) -> tuple[str, ...]:
    """Columns by the largest of their three numbers."""
    largest = np.abs(scaled).reshape(3, len(columns)).max(axis=0)
    return tuple(columns[i] for i in np.argsort(-largest, kind="stable")[:N_NAMED])
