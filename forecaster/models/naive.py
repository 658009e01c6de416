"""Two forecasts that learn next to nothing: what every model has to beat."""

from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from forecaster.models.base import OnEpoch, Unfitted, ignore_epoch
from forecaster.models.metadata import load_settings, read_metadata, restore, write_metadata
from forecaster.windows import Floats, Windows


class NaiveForecaster(Unfitted):
    """Forecasts one constant log-return per horizon."""

    name: ClassVar[str]
    constant_: Floats  # (n_horizons,)

    def fit(self, train: Windows, val: Windows, on_epoch: OnEpoch = ignore_epoch) -> Self:
        """Learn the constants from `train`; `val` is not looked at."""
        return self.refit(train.labelled, (), on_epoch)

    def refit(self, train: Windows, length: tuple[int, ...], on_epoch: OnEpoch = ignore_epoch) -> Self:
        """Learn the constants from whatever each horizon has labelled."""
        raise NotImplementedError

    def predict(self, windows: Windows) -> Floats:
        """The constants for every window: `(n, n_horizons)`."""
        return np.tile(self.constant_, (len(windows), 1))

    def save(self, directory: Path) -> None:
        """Write `metadata.json`, which holds the constants."""
        write_metadata(directory, self.name, self, ("numpy",), constant=self.constant_.tolist())

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote."""
        content = read_metadata(directory, cls.name)
        model = cls(load_settings(content))
        restore(model, content)
        model.constant_ = np.asarray(content["constant"], dtype=np.float64)
        return model


class ZeroForecaster(NaiveForecaster):
    """Tomorrow's price is today's: the random walk."""

    name = "zero"

    def refit(self, train: Windows, length: tuple[int, ...], on_epoch: OnEpoch = ignore_epoch) -> Self:
        """Learn nothing."""
        self.constant_ = np.zeros(len(self.settings.horizons))
        return self


class MeanForecaster(NaiveForecaster):
    """The mean log-return of train: the random walk with drift."""

    name = "mean"

    def refit(self, train: Windows, length: tuple[int, ...], on_epoch: OnEpoch = ignore_epoch) -> Self:
        """Learn one mean per horizon, over the windows where it is labelled.

        Raises:
            ValueError: if a horizon has no label.
        """
        n_labels = np.isfinite(train.y).sum(axis=0)
        if not n_labels.all():
            raise ValueError(f"Every horizon needs a label. Received: {n_labels.tolist()} labels per horizon")
        self.constant_ = np.nanmean(train.y, axis=0, dtype=np.float64)
        self.n_parameters_ = len(self.constant_)
        return self
