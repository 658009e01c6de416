"""The one interface of six very different models."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

from forecaster.windows import Floats, Windows

Length = tuple[int | float, ...]
OnEpoch = Callable[[int, dict[str, float]], None]  # epoch from 1, its logs


def ignore_epoch(epoch: int, logs: dict[str, float]) -> None:
    """Listen to nothing."""


@dataclass(frozen=True)
class FitSettings:
    """What a fit needs beside data: the model's and the shared settings, seed and target scale.

    Attributes:
        model: the model's own settings (`DLinearConfig`, ...).
        training: what networks share (`TrainingConfig`).
        horizons: days ahead, one output column each.
        target_scale: interquartile range of the train targets per horizon: targets are divided by it, not centred, so
            that a network whose heads are zero forecasts a zero return.
        seed: of this very unit.
        n_threads: threads a fit may use.
    """

    model: Any
    training: Any
    horizons: tuple[int, ...]
    target_scale: tuple[float, ...]
    seed: int = 42
    n_threads: int = 1

    @property
    def horizon_weights(self) -> Floats:
        """`1 / sqrt(h)`: shorter horizons count for more in the loss."""
        return np.asarray(1 / np.sqrt(self.horizons))


class Forecaster(Protocol):
    """Learns from windows; predicts one plain log-return per horizon.

    Attributes:
        settings: what it was made with.
        length_: how long the fit ran until its best weights: epochs, or trees per horizon, then trees per horizon and
            quantile; then, where the forecast was shrunk, what was supported of it, row by row. A refit takes it.
        history_: one record per epoch: `epoch`, `loss`, `val_loss`, `h1_loss`, `val_h1_loss`, ..., `learning_rate`,
            `seconds`; networks also `mae`, `mse`, `val_mae`, `val_mse`.
        n_parameters_: trainable numbers (leaves for trees).
    """

    settings: FitSettings
    length_: Length
    history_: list[dict[str, float]]
    n_parameters_: int

    def __init__(self, settings: FitSettings) -> None: ...

    def fit(self, train: Windows, val: Windows, on_epoch: OnEpoch = ignore_epoch) -> Self:
        """Fit on `train`, stopping early on `val`; windows of both are fully labelled."""
        ...

    def refit(self, train: Windows, length: Length, on_epoch: OnEpoch = ignore_epoch) -> Self:
        """Fit on `train` for `length`, without validation; unlabelled (NaN) horizons are left out of the loss."""
        ...

    def predict(self, windows: Windows) -> Floats:
        """Plain log-returns `(n, n_horizons)` for windows, labelled or not."""
        ...

    def save(self, directory: Path) -> None:
        """Write everything a later `load` needs into an existing empty `directory`, without pickle."""
        ...

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote. The loaded model predicts the same numbers."""
        ...


@runtime_checkable
class QuantileForecaster(Protocol):
    """A fitted model that also says how sure it is."""

    def quantiles(self, windows: Windows, quantiles: tuple[float, ...], n_samples: int, seed: int) -> Floats:
        """Ascending `quantiles` of each forecast, in plain log-returns: `(n, n_horizons, n_quantiles)`.

        Args:
            windows: labelled or not.
            quantiles: ascending shares between 0 and 1.
            n_samples: draws behind them, where the model draws.
            seed: of the draws: the same seed gives the same numbers.
        """
        ...


@dataclass
class Unfitted:
    """State shared by every implementation before it is fitted."""

    settings: FitSettings
    length_: Length = ()
    history_: list[dict[str, float]] = field(default_factory=list)
    n_parameters_: int = 0
