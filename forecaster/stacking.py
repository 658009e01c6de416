"""Two ways to learn from out-of-fold predictions how far each model can be trusted."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from forecaster.settings import StackingConfig
from forecaster.windows import Floats

if TYPE_CHECKING:
    import lightgbm as lgb


def labelled(frame: pd.DataFrame, horizon: int, models: Sequence[str]) -> tuple[Floats, Floats]:
    """Predictions `(n, n_models)` and targets `(n,)` of one horizon, where the target is known."""
    rows = frame[(frame["horizon"] == horizon) & np.isfinite(frame["y"])]
    return rows[list(models)].to_numpy(float), rows["y"].to_numpy(float)


@dataclass
class MetaLearner:
    """One small LightGBM per horizon, from the models' predictions to the target, both in units of the target scale.

    Attributes:
        config: number and size of the trees.
        target_scale: interquartile range of the train targets per horizon.
        models_: members, in the order of the trees' columns.
        boosters_: fitted trees per horizon.
    """

    config: StackingConfig
    target_scale: Mapping[int, float]
    models_: tuple[str, ...] = ()
    boosters_: dict[int, "lgb.Booster"] = field(default_factory=dict)

    def fit(self, oof: pd.DataFrame, models: Sequence[str]) -> Self:
        """Learn from out-of-fold predictions: a forecast frame with labels and one column per model."""
        self.models_ = tuple(models)
        self.boosters_ = {h: self._fit_horizon(oof, h) for h in self.target_scale}
        return self

    def _fit_horizon(self, oof: pd.DataFrame, horizon: int) -> "lgb.Booster":
        import lightgbm as lgb

        x, y = labelled(oof, horizon, self.models_)
        scale = self.target_scale[horizon]
        data = lgb.Dataset(x / scale, y / scale, feature_name=list(self.models_), params={"verbosity": -1})
        return lgb.train(self._params(), data, num_boost_round=self.config.n_estimators)

    def _params(self) -> dict[str, Any]:
        return {
            "objective": "regression",
            "max_depth": self.config.max_depth,
            "num_leaves": self.config.num_leaves,
            "reg_alpha": self.config.reg_alpha,
            "learning_rate": 0.05,
            "min_child_samples": 50,  # as for the base model: neighbouring targets overlap, so leaves must not be small
            "seed": self.config.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }

    def predict(self, frame: pd.DataFrame) -> "pd.Series[float]":
        """Plain log-returns for the rows of a forecast frame, on its index."""
        y_hat = pd.Series(np.nan, index=frame.index)
        for h, booster in self.boosters_.items():
            rows = (frame["horizon"] == h).to_numpy()
            if rows.any():
                x = frame.loc[rows, list(self.models_)].to_numpy(float) / self.target_scale[h]
                y_hat[rows] = np.asarray(booster.predict(x, num_threads=1)) * self.target_scale[h]
        return y_hat

    @property
    def importances(self) -> dict[int, dict[str, float]]:
        """Share of the trees' gain per horizon and member; all 0 for trees that never split."""
        gains = {h: booster.feature_importance("gain") for h, booster in self.boosters_.items()}
        return {h: dict(zip(self.models_, (g / max(g.sum(), 1e-300)).tolist(), strict=True)) for h, g in gains.items()}

    def save(self, directory: Path) -> None:
        """Write `meta_learner.json` and one `meta_learner_h{h}.txt` per horizon."""
        scale = {str(h): s for h, s in self.target_scale.items()}
        state = {"config": self.config.model_dump(), "target_scale": scale, "models": self.models_}
        (directory / "meta_learner.json").write_text(json.dumps(state, indent=2))
        for h, booster in self.boosters_.items():
            (directory / f"meta_learner_h{h}.txt").write_text(booster.model_to_string())

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote."""
        import lightgbm as lgb

        state = json.loads((directory / "meta_learner.json").read_text())
        scale = {int(h): s for h, s in state["target_scale"].items()}
        boosters = {h: lgb.Booster(model_str=(directory / f"meta_learner_h{h}.txt").read_text()) for h in scale}
        return cls(StackingConfig(**state["config"]), scale, tuple(state["models"]), boosters)


@dataclass
class ConvexStack:
    """A weighted mean of the models and a zero return, shrunk half-way towards the zero return.

    Attributes:
        shrinkage: share of the models' fitted weight that moves to the zero return.
        weights_: per horizon and model; what is missing to 1 lies on the zero return.
    """

    shrinkage: float = 0.5
    weights_: dict[int, dict[str, float]] = field(default_factory=dict)

    def fit(self, oof: pd.DataFrame, models: Sequence[str]) -> Self:
        """Least squares on out-of-fold predictions, per horizon: weights >= 0, with the zero return's summing to 1."""
        for h in sorted(set(oof["horizon"])):
            weights = (1 - self.shrinkage) * convex_weights(*labelled(oof, h, models))
            self.weights_[int(h)] = dict(zip(models, weights.tolist(), strict=True))
        return self


def convex_weights(x: Floats, y: Floats) -> Floats:
    """Minimise `||y - x w||` over `w >= 0, sum(w) <= 1`: `(n_models,)`; the slack is the zero return's weight.

    With the zero return as a last member the weights sum to 1, and `y - x w = A w` with `A = y - x`. For a fixed
    direction w the least value of `s^2 ||A w||^2 + (s - 1)^2` over s > 0 is `||A w||^2 / (1 + ||A w||^2)`, which grows
    with `||A w||`: so plain non-negative least squares on A with a row of ones below finds the direction exactly
    (Lawson and Hanson 1974, chapter 23).
    """
    members = np.column_stack([x, np.zeros(len(x))])
    residuals = y[:, None] - members
    a = residuals / np.linalg.norm(residuals, axis=0).max()
    solution, _ = nnls(np.vstack([a, np.ones(a.shape[1])]), np.append(np.zeros(len(y)), 1.0))
    return np.asarray(solution[:-1] / solution.sum())
