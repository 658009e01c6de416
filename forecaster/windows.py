"""A base matrix and the days on which its windows end: windows themselves are never stored.

A data set of windows costs memory in proportion to the base matrix, not to `n * lookback`.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

LOG_CLOSE = "log_close"  # the column of a part's rows from which targets are computed; never a feature


@dataclass(frozen=True)
class Windows:
    """Windows of one series, each ending on its origin.

    Attributes:
        base: features of every day, scaled, without gaps: `(n_days, n_features)` float32.
        origin: row of `base` that is the last day inside each window: `(n,)`.
        y: log-return from each origin to `h` days later: `(n, n_horizons)`; NaN where that day has not closed.
        lookback: days in a window.
    """

    base: Floats
    origin: Ints
    y: Floats
    lookback: int

    def __post_init__(self) -> None:
        if len(self.origin) and self.origin.min() < self.lookback - 1:
            raise ValueError(
                f"The first origin must leave room for a window of {self.lookback} days. "
                f"Received: origin={self.origin.min()}"
            )

    def __len__(self) -> int:
        return len(self.origin)

    @property
    def n_features(self) -> int:
        """Columns of the base matrix."""
        return int(self.base.shape[1])

    @property
    def x(self) -> Floats:
        """The windows, gathered: `(n, lookback, n_features)`. Costs memory: take a batch first."""
        view = sliding_window_view(self.base, self.lookback, axis=0)  # (n_days - lookback + 1, n_features, lookback)
        return np.moveaxis(view, -1, 1)[self.origin - self.lookback + 1]

    def take(self, which: Any) -> Self:
        """The windows at `which` (positions, slice or mask), over the same base matrix."""
        return replace(self, origin=self.origin[which], y=self.y[which])

    @property
    def labelled(self) -> Self:
        """Only the windows whose every horizon has closed."""
        return self.take(np.isfinite(self.y).all(axis=1))


def log_returns(log_close: Floats, horizons: tuple[int, ...]) -> Floats:
    """`log(close[t+h] / close[t])` for every day `t` and horizon `h`: `(n_days, n_horizons)`, NaN past the end."""
    y = np.full((len(log_close), len(horizons)), np.nan)
    for column, h in enumerate(horizons):
        if h < len(log_close):
            y[:-h, column] = log_close[h:] - log_close[:-h]
    return y


def make_windows(base: Floats, log_close: Floats, lookback: int, horizons: tuple[int, ...]) -> Windows:
    """Every window of `base` that has a full lookback, with targets from `log_close` `(n_days,)`."""
    origin = np.arange(lookback - 1, len(base))
    return Windows(base, origin, log_returns(log_close, horizons)[origin], lookback)
