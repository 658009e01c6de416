"""Five forecasts become one: four ways to combine them are built, validation chooses one and says how much of it."""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from forecaster.choice import DEFAULT, METHODS, Choice, Method, chances, choose, merits, ratio_to_zero
from forecaster.gate import PerHorizon, gates, whisper_gates
from forecaster.members import fitted_to_none, surviving, without_lost
from forecaster.online import online_weights, regimes_on
from forecaster.regime import MarketRegimeDetector, weights_for
from forecaster.settings import ENSEMBLE, MODELS, StackingConfig
from forecaster.stacking import ConvexStack, MetaLearner

KEYS = ["cutoff", "horizon"]
WEIGHTS_ARE: dict[Method, str] = {
    "best_single": "the model with the smallest val error, too quiet to do much harm; the rest lies on the zero return",
    "best_mean": "weights by skill on the folds' held-out days and val, times the gate from both",
    "convex": "weights of a linear combination, times the gate; the rest lies on the zero return",
    "regime": "weights on the last day: the regime's, divided by recent squared errors, times the gate",
    "stack": "shares of the gain of the meta-learner's trees, times the gate; not weights of a linear combination",
    "weighted_average": "default weights, renormalised over the surviving models, times the gate",
}


@dataclass
class AdvancedEnsemble:
    """A mean of models by skill, or what surely beats it on val: a stack, a convex stack, a regime-weighted mean.

    Where val supports none of them, or much less than the best single model, that one whispers.

    The stacks learn from out-of-fold predictions alone, and the weights and the gate of the mean by skill from these
    and val; otherwise val only gates candidates and chooses between them. Frames are forecast frames of one coin:
    `cutoff, ds, horizon, y` and one column per model, in plain log-returns.

    Attributes:
        config: settings of the candidates.
        members_: models that are combined.
        choice_: the method, and why.
        convex_: fitted convex stack; without weights where there were no out-of-fold rows.
        meta_learner_: fitted LightGBM stack, if there were out-of-fold rows.
        target_scale_: interquartile range of the train targets per horizon.
        merits_: weight of each member in their mean by skill.
        gate_: factor per horizon on the chosen method's forecast, from how it did on val; 1 for a single model.
        whispers_: factor per member and horizon that makes it quiet enough to stand in alone.
    """

    config: StackingConfig = field(default_factory=StackingConfig)
    members_: tuple[str, ...] = ()
    choice_: Choice | None = None
    convex_: ConvexStack | None = None
    meta_learner_: MetaLearner | None = None
    target_scale_: dict[int, float] = field(default_factory=dict)
    merits_: dict[str, float] = field(default_factory=dict)
    gate_: dict[int, float] = field(default_factory=dict)
    whispers_: dict[str, dict[int, float]] = field(default_factory=dict)

    def fit(
        self,
        oof: pd.DataFrame | None,
        val: pd.DataFrame,
        closes: "pd.Series[float]",
        target_scale: Mapping[int, float],
        config: StackingConfig | None = None,
    ) -> Self:
        """Learn the stacks from `oof`, and choose a method on `val`.

        A model without any val forecast is no member; a member that lacks out-of-fold rows is known to the regime
        candidate only.

        Args:
            oof: out-of-fold forecasts; None or no rows leaves nothing to stack.
            val: forecasts of the val part.
            closes: daily closes by date, from well before val on; days after a cutoff are not used for it.
            target_scale: interquartile range of the train targets per horizon.
            config: settings of the candidates.

        Raises:
            ValueError: if no model survived, val has an unlabelled horizon, or closes do not cover a cutoff.
        """
        self.config = config or self.config
        self.target_scale_ = dict(target_scale)
        self.members_ = surviving(val, MODELS)
        self._fit_stacks(oof)
        spans = fitted_to_none(oof, val, self.members_)
        known = pd.concat(spans, ignore_index=True)
        self.merits_ = merits(self._ratios(known, {m: known[m] for m in self.members_}), self.members_)
        combined = {m: self._combine(m, val, closes) for m in METHODS if self._is_fitted(m)}
        factors = {m: gates(self._per_horizon(val, y_hat)) for m, y_hat in combined.items()}
        alike = {m: y_hat * val["horizon"].map(factors[m]) for m, y_hat in combined.items()}
        # More is known of the mean by skill, whose few weights were not fitted to the folds' days one by one.
        factors[DEFAULT] = gates(*(self._per_horizon(rows, self._combine(DEFAULT, rows, closes)) for rows in spans))
        gated = alike | {DEFAULT: combined[DEFAULT] * val["horizon"].map(factors[DEFAULT])}
        forecasts = {str(m): y_hat for m, y_hat in gated.items()} | {m: val[m] for m in self.members_}
        ratios = self._ratios(val, forecasts)
        self.whispers_ = {m: whisper_gates(self._per_horizon(val, val[m])) for m in self.members_}
        single = min(self.members_, key=lambda name: ratios[name])
        ratios |= self._ratios(val, {"best_single": val[single] * val["horizon"].map(self.whispers_[single])})
        self.choice_ = choose(ratios, self.members_, chances(val, alike, list(self.target_scale_)))
        self.gate_ = factors.get(self.method, dict.fromkeys(self.target_scale_, 1.0))
        return self

    def _ratios(self, val: pd.DataFrame, forecasts: Mapping[str, "pd.Series[float]"]) -> dict[str, float]:
        return {name: ratio_to_zero(val, y_hat, list(self.target_scale_)) for name, y_hat in forecasts.items()}

    def _per_horizon(self, val: pd.DataFrame, y_hat: "pd.Series[float]") -> PerHorizon:
        rows = val[["horizon", "y"]].assign(y_hat=y_hat).dropna(subset="y")
        of_each = {h: rows[rows["horizon"] == h] for h in self.target_scale_}
        return {h: (r["y"].to_numpy(float), r["y_hat"].to_numpy(float)) for h, r in of_each.items()}

    def _fit_stacks(self, oof: pd.DataFrame | None) -> None:
        """Fit what learns from out-of-fold rows, where every horizon has some."""
        self.convex_ = self.meta_learner_ = None
        if oof is None or oof.empty:  # an empty frame has no types
            return
        rows = oof[np.isfinite(oof["y"])]
        if not set(self.target_scale_) <= set(rows["horizon"]):
            return
        if members := tuple(m for m in self.members_ if m in rows and np.isfinite(rows[m]).all()):
            self.convex_ = ConvexStack(self.config.shrinkage).fit(rows, members)
            self.meta_learner_ = MetaLearner(self.config, self.target_scale_).fit(rows, members)

    def _is_fitted(self, method: Method) -> bool:
        return method not in ("convex", "stack") or self.convex_ is not None

    def predict(self, frame: pd.DataFrame, closes: "pd.Series[float]") -> "pd.Series[float]":
        """Combined log-returns for the rows of `frame`, on its index.

        The regime candidate walks over the frame's rows in time order and learns from each label once it has closed:
        give it val and test together. Recent rows may be unlabelled. A member without any forecast in `frame` is lost:
        the others' weights are renormalised; a stack, whose trees need it, gives way to the weighted average.

        Raises:
            ValueError: if no member survives, or one lacks only some of the forecasts.
        """
        gate = frame["horizon"].map(self.gate_)
        return (gate * self._combine(self._method_for(frame), frame, closes)).rename(ENSEMBLE)

    def _method_for(self, frame: pd.DataFrame) -> Method:
        """The chosen method, or what replaces it where a member of the stack is lost."""
        method = self._chosen.method
        needed = self.meta_learner_.models_ if self.meta_learner_ else ()
        lost = set(needed) - set(surviving(frame, self.members_))
        if method == "stack" and lost:
            warnings.warn(f"The stack needs {sorted(lost)}, which is lost: weighted average instead.", stacklevel=3)
            return "weighted_average"
        return method

    def _combine(self, method: Method, frame: pd.DataFrame, closes: "pd.Series[float]") -> "pd.Series[float]":
        if method == "stack" and self.meta_learner_ is not None:
            return self.meta_learner_.predict(frame).rename(ENSEMBLE)
        weights = self._weights(method, frame, closes)
        return (weights * frame[list(weights)]).sum(axis=1).rename(ENSEMBLE)

    def _weights(self, method: Method, frame: pd.DataFrame, closes: "pd.Series[float]") -> pd.DataFrame:
        """Weight of each surviving member in each row of `frame`; for the stack, its members' share of the gain."""
        models = surviving(frame, self.members_)
        if method == "regime":
            return online_weights(frame, MarketRegimeDetector().detect(closes), models, self.config.memory)
        per_horizon = {h: self._fixed_weights(method, h, models) for h in self.target_scale_}
        table = pd.DataFrame(per_horizon).T.fillna(0.0)  # a member without out-of-fold rows has no weight in a stack
        return table.loc[frame["horizon"]].set_axis(frame.index)

    def _fixed_weights(self, method: Method, horizon: int, models: tuple[str, ...]) -> dict[str, float]:
        if method == "stack" and self.meta_learner_ is not None:
            return self.meta_learner_.importances[horizon]
        if method == "convex" and self.convex_ is not None:
            return without_lost(self.convex_.weights_[horizon], models)
        if method == "best_mean":
            kept = {m: self.merits_.get(m, 0.0) for m in models}
            total = sum(kept.values())
            return {m: weight / total for m, weight in kept.items()} if total else weights_for(None, models)
        if method == "best_single":
            best = min(models, key=lambda name: self._chosen.val_ratios[name])
            return {m: self.whispers_[m][horizon] if m == best else 0.0 for m in models}
        return weights_for(None, models)

    @property
    def _chosen(self) -> Choice:
        if self.choice_ is None:
            raise RuntimeError("Expected a fitted ensemble. Received: one without a choice. Call `fit` or `load`.")
        return self.choice_

    @property
    def method(self) -> Method:
        """How forecasts are combined: "convex", "regime", "stack", "best_mean", "weighted_average", "best_single"."""
        return self._chosen.method

    @property
    def why(self) -> str:
        """One sentence with every candidate's val ratio."""
        return self._chosen.why

    @property
    def fallback(self) -> bool:
        """Whether the stack was chosen and then given up for the weighted average."""
        return self._chosen.fallback

    @property
    def fallback_reason(self) -> str | None:
        """The warning that goes with a fallback."""
        return self._chosen.fallback_reason

    def weight_path(self, frame: pd.DataFrame, closes: "pd.Series[float]") -> pd.DataFrame:
        """Weights over time: `cutoff, horizon, regime`, one column per member and `zero`, in time order."""
        method = self._method_for(frame)
        weights = self._weights(method, frame, closes).mul(frame["horizon"].map(self.gate_), axis=0)
        zero = 1 - weights.sum(axis=1)
        regime = regimes_on(frame["cutoff"], MarketRegimeDetector().detect(closes))
        path = frame[KEYS].assign(regime=regime).join(weights.assign(zero=zero))
        return path.sort_values(KEYS, ignore_index=True)

    def summary(self, frame: pd.DataFrame, closes: "pd.Series[float]") -> dict[str, Any]:
        """The ensemble as of the last day of `frame`, for a report; JSON-able.

        Returns:
            `method, why, val_ratios, fallback, fallback_reason, regime`, `weights` (horizon -> member -> weight),
            `weights_are` (what these numbers mean), `weight_on_zero` and `gate` (horizon -> number; no gate
            for a single model).
        """
        newest = self.weight_path(frame, closes).groupby("horizon").last()
        weights = newest.drop(columns=["cutoff", "regime", "zero"]).to_dict("index")
        return {
            **self._chosen.model_dump(),
            "regime": str(MarketRegimeDetector().detect(closes[closes.index <= frame["cutoff"].max()]).iloc[-1]),
            "weights": {str(h): row for h, row in weights.items()},
            "weights_are": WEIGHTS_ARE[self._method_for(frame)],
            "weight_on_zero": {str(h): float(w) for h, w in newest["zero"].items()},
            "gate": {} if self.method == "best_single" else {str(h): g for h, g in self.gate_.items()},
        }

    def save(self, directory: Path) -> None:
        """Write `ensemble.json` and the meta-learner's files into an existing `directory`."""
        convex = {str(h): w for h, w in self.convex_.weights_.items()} if self.convex_ else None
        scale = {str(h): s for h, s in self.target_scale_.items()}
        state = {"config": self.config.model_dump(), "members": self.members_, "target_scale": scale, "convex": convex}
        state |= {"choice": self._chosen.model_dump(), "gate": {str(h): g for h, g in self.gate_.items()}}
        whispers = {m: {str(h): w for h, w in per_horizon.items()} for m, per_horizon in self.whispers_.items()}
        state |= {"merits": self.merits_, "whispers": whispers}
        text = json.dumps(state, indent=2, allow_nan=False)
        (directory / "ensemble.json").write_text(text)
        if self.meta_learner_:
            self.meta_learner_.save(directory)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote. The loaded ensemble predicts the same numbers."""
        state = json.loads((directory / "ensemble.json").read_text())
        config = StackingConfig(**state["config"])
        ensemble = cls(config, tuple(state["members"]), Choice(**state["choice"]))
        ensemble.target_scale_ = {int(h): s for h, s in state["target_scale"].items()}
        ensemble.gate_ = {int(h): g for h, g in state["gate"].items()}
        best = dict.fromkeys(state.get("best", ()), 1.0)  # of runs saved when those that were best weighed the same
        ensemble.merits_ = state.get("merits", best)
        full = {m: dict.fromkeys(state["gate"], 1.0) for m in state["members"]}  # of runs whose gate did it alone
        whispers = state.get("whispers", full)
        ensemble.whispers_ = {m: {int(h): w for h, w in whispers[m].items()} for m in whispers}
        if state["convex"] is not None:
            ensemble.convex_ = ConvexStack(config.shrinkage, {int(h): w for h, w in state["convex"].items()})
            ensemble.meta_learner_ = MetaLearner.load(directory)
        return ensemble
