"""What trees see of a window: five summaries per feature."""

from collections.abc import Sequence
from typing import Any

import lightgbm as lgb
import numpy as np

from forecaster.windows import Floats, Windows

SUMMARIES = ("last", "mean", "std", "trend", "momentum")
MIN_LOOKBACK = 10  # momentum compares the last five days with the five before
CHUNK = 512  # windows gathered at once: 10 MB at 60 days x 86 features


class Summaries(lgb.Sequence):
    """Summaries of windows, computed when LightGBM asks for rows: it keeps bins of them, never the whole matrix."""

    batch_size = CHUNK

    def __init__(self, windows: Windows) -> None:
        self._windows, self._start = windows, -1
        self._rows: Floats = np.empty((0, 0))

    def __len__(self) -> int:
        return len(self._windows)

    def __getitem__(self, index: Any) -> Floats:
        """A row, or the rows of a slice. Single rows are asked for in ascending order."""
        if isinstance(index, slice):
            return summarise(self._windows.take(index))
        start = int(index) // CHUNK * CHUNK
        if start != self._start:
            self._start, self._rows = start, self[start : start + CHUNK]
        row: Floats = self._rows[int(index) - start]
        return row


def summarise(windows: Windows) -> Floats:
    """Five summaries per feature of every window, all features of one summary side by side: `(n, 5 * n_features)`.

    Raises:
        ValueError: if a window is too short for the momentum of five days against the five before.
    """
    if windows.lookback < MIN_LOOKBACK:
        raise ValueError(f"Summaries need {MIN_LOOKBACK} days or more. Received: lookback={windows.lookback}")
    out = np.empty((len(windows), len(SUMMARIES) * windows.n_features))
    for start in range(0, len(windows), CHUNK):
        chunk = slice(start, start + CHUNK)
        out[chunk] = _summarise(windows.take(chunk).x.astype(np.float64))
    return out


def summary_names(features: Sequence[str]) -> list[str]:
    """Names of `summarise`'s columns: `{feature}__{summary}`."""
    return [f"{feature}__{summary}" for summary in SUMMARIES for feature in features]


def _summarise(x: Floats) -> Floats:
    last, first = x[:, -1], x[:, 0]  # (n, n_features)
    momentum = x[:, -5:].mean(axis=1) - x[:, -10:-5].mean(axis=1)
    return np.hstack([last, x.mean(axis=1), x.std(axis=1), last - first, momentum])
