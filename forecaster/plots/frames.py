"""What every plot is handed, and the losses that a zero forecast would have scored on it."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import huber

from forecaster.further import Further
from forecaster.settings import BASELINES, ENSEMBLE, JUDGED, MODELS, TrainingConfig

HUBER_DELTA = TrainingConfig().huber_delta


@dataclass(frozen=True)
class RunFrames:
    """One coin's run, as frames.

    Attributes:
        coin: ticker.
        as_of: last day that the run could see.
        simulated: whether the bars are made up; every plot then says so.
        target_scale: horizon -> interquartile range of the train targets, in log-return.
        history: `model, fold, epoch, loss, val_loss, h1_loss, val_h1_loss, ..., learning_rate, seconds`, a row per
            epoch. Networks: unweighted Huber loss of the scaled target per horizon. LightGBM: a row per boosting round,
            squared error of the scaled target per horizon.
        forecasts: `unique_id, cutoff, ds, horizon, part, y` and a column per model, in log-return.
        scores: `model, part, horizon, n, rmse, scaled_rmse, mae, r2, directional_accuracy, skill_vs_zero`.
        fits: `model, fold, seconds, length, n_epochs, n_parameters` and perhaps `cached`; `length` counts epochs (or
            trees: one number per horizon, or one for all) until the best validation loss.
        attention: rows are cutoffs, columns lags in days (-59 .. 0), each row sums to 1.
        importance: `feature, summary, horizon, gain` of LightGBM.
        weights: `cutoff, horizon, regime` and a column per ensemble member.
        ensemble: `method, why, fallback, fallback_reason, weights {horizon: {member: weight}},
            weight_on_zero {horizon: weight}`.
        further: the report's entries of tuning, uncertainty and walk-forward.
    """

    coin: str
    as_of: date
    simulated: bool
    target_scale: dict[int, float]
    history: pd.DataFrame
    forecasts: pd.DataFrame
    scores: pd.DataFrame
    fits: pd.DataFrame
    attention: pd.DataFrame | None = None
    importance: pd.DataFrame | None = None
    weights: pd.DataFrame | None = None
    ensemble: dict[str, Any] | None = None
    further: Further = field(default_factory=Further)

    @property
    def horizons(self) -> tuple[int, ...]:
        """Days ahead, shortest first."""
        return tuple(sorted(self.target_scale))

    @property
    def trained(self) -> tuple[str, ...]:
        """Models with a judged training curve, in the specification's order."""
        if self.history.empty:
            return ()
        seen = set(self.history.loc[self.history["fold"] == JUDGED, "model"])
        return tuple(model for model in MODELS if model in seen)

    @property
    def forecasters(self) -> tuple[str, ...]:
        """Models with a test forecast, in the specification's order, the ensemble last; no baselines."""
        return tuple(model for model in (*MODELS, ENSEMBLE) if model in self.forecasts and model in self.scored)

    @property
    def scored(self) -> tuple[str, ...]:
        """Everything with a test score: models, ensemble, baselines."""
        if self.scores.empty:
            return ()
        seen = set(self.scores.loc[self.scores["part"] == "test", "model"])
        return tuple(model for model in (*MODELS, ENSEMBLE, *BASELINES) if model in seen)

    def curve(self, model: str, column: str) -> pd.Series:
        """One column of a judged history by epoch (or boosting round); empty where it was not recorded."""
        if column not in self.history:
            return pd.Series(dtype=float)
        rows = self.history[(self.history["model"] == model) & (self.history["fold"] == JUDGED)]
        return rows.set_index("epoch")[column].astype(float).dropna()

    def weighted_loss(self, model: str, prefix: str = "") -> pd.Series:
        """A network's loss without weight penalties, by epoch: sum over horizons of Huber loss / sqrt(h).

        What the optimiser sees may hold an L2 penalty besides, with which a zero forecast cannot be compared.
        """
        parts = [self.curve(model, f"{prefix}h{h}_loss") / np.sqrt(h) for h in self.horizons]
        total: pd.Series = pd.concat(parts, axis=1).sum(axis=1, skipna=False)
        return total.dropna()

    def score(self, model: str, horizon: int, metric: str, part: str = "test") -> float:
        """One figure of the score frame; NaN where it is not there."""
        if self.scores.empty:
            return np.nan
        s = self.scores
        found = s.loc[(s["model"] == model) & (s["part"] == part) & (s["horizon"] == horizon), metric]
        return float(found.iloc[0]) if len(found) else np.nan

    def labelled(self, part: str, horizon: int) -> pd.DataFrame:
        """Forecasts of one part and horizon whose outcome is known."""
        f = self.forecasts
        return f[(f["part"] == part) & (f["horizon"] == horizon)].dropna(subset="y")

    def zero_huber(self, part: str, horizon: int) -> float:
        """Mean Huber loss of forecasting a zero return, on the scaled target."""
        return float(np.mean(huber(HUBER_DELTA, self._scaled(part, horizon)))) if self._n(part, horizon) else np.nan

    def zero_l2(self, part: str, horizon: int) -> float:
        """Mean squared error of forecasting a zero return, on the scaled target."""
        return float(np.mean(self._scaled(part, horizon) ** 2)) if self._n(part, horizon) else np.nan

    def zero_loss(self, part: str) -> float:
        """What `weighted_loss` would be for the zero forecast."""
        return float(sum(self.zero_huber(part, h) / np.sqrt(h) for h in self.horizons))

    def _n(self, part: str, horizon: int) -> int:
        return len(self.labelled(part, horizon))

    def _scaled(self, part: str, horizon: int) -> Any:
        return self.labelled(part, horizon)["y"].to_numpy(dtype=float) / self.target_scale[horizon]
