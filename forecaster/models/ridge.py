"""Ridge regression on the last day of the window: the strongest linear baseline that these markets allow."""

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from sklearn.linear_model import Ridge

from forecaster.models.base import OnEpoch, Unfitted, ignore_epoch
from forecaster.models.metadata import load_settings, read_metadata, restore, write_metadata
from forecaster.windows import Floats, Windows


class RidgeForecaster(Unfitted):
    """One ridge regression per horizon (Hoerl & Kennard 1970), `settings.model.alpha` in units of scaled features."""

    name: ClassVar[str] = "ridge"
    coef_: Floats  # (n_horizons, n_features)
    intercept_: Floats  # (n_horizons,)

    def fit(self, train: Windows, val: Windows, on_epoch: OnEpoch = ignore_epoch) -> Self:
        """Fit on the labelled windows of `train`; `val` is not looked at."""
        return self.refit(train.labelled, (), on_epoch)

    def refit(self, train: Windows, length: tuple[int, ...], on_epoch: OnEpoch = ignore_epoch) -> Self:
        """Fit each horizon on the windows where it is labelled."""
        x = train.base[train.origin].astype(np.float64)  # (n, n_features)
        fits = [self._fit_horizon(x, y) for y in train.y.T]
        self.coef_ = np.stack([fit.coef_ for fit in fits])
        self.intercept_ = np.array([fit.intercept_ for fit in fits])
        self.n_parameters_ = self.coef_.size + self.intercept_.size
        return self

    def _fit_horizon(self, x: Floats, y: Floats) -> Ridge:
        is_labelled = np.isfinite(y)
        if not is_labelled.any():
            raise ValueError("Every horizon needs at least one label. Received: a horizon without. Give more days")
        return Ridge(alpha=self.settings.model.alpha).fit(x[is_labelled], y[is_labelled])

    def predict(self, windows: Windows) -> Floats:
        """Plain log-returns `(n, n_horizons)`."""
        predicted: Floats = windows.base[windows.origin].astype(np.float64) @ self.coef_.T + self.intercept_
        return predicted

    def save(self, directory: Path) -> None:
        """Write `metadata.json`, which holds the coefficients."""
        coefficients = {"coef": self.coef_.tolist(), "intercept": self.intercept_.tolist()}
        write_metadata(directory, self.name, self, ("scikit-learn",), **coefficients)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote."""
        content = read_metadata(directory, cls.name)
        model = cls(load_settings(content))
        restore(model, content)
        model.coef_, model.intercept_ = np.asarray(content["coef"]), np.asarray(content["intercept"])
        return model
