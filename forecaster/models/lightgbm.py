"""Boosted trees on summaries of the window, one ensemble of trees per horizon (Ke et al. 2017)."""

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, Self

import lightgbm as lgb
import numpy as np
import pandas as pd

from forecaster.evidence import evidence_weights
from forecaster.models.base import Length, OnEpoch, Unfitted, ignore_epoch
from forecaster.models.metadata import load_settings, read_metadata, required_file, restore, write_metadata
from forecaster.models.shrinkage import as_matrix, support
from forecaster.models.summaries import SUMMARIES, Summaries, summarise, summary_names
from forecaster.windows import Floats, Windows

PREDICT_CHUNK = 4096  # windows summarised at once
BINNING_ROWS = 8192  # bins of longer series are found on as many random days: finding them takes three copies


class LightGBMForecaster(Unfitted):
    """Five summaries per feature, one booster per horizon; where settings name quantiles, one more for each of them.

    `length_` holds the trees per horizon, then those per horizon and quantile, then, where forecasts were shrunk, what
    was supported of them. The loss in `history_` is the mean
    squared error of scaled targets, one record per boosting round; it and `n_parameters_` know no quantiles.

    Attributes:
        boosters_: in the order of `length_`.
    """

    name: ClassVar[str] = "lightgbm"
    boosters_: list[lgb.Booster]

    def fit(self, train: Windows, val: Windows, on_epoch: OnEpoch = ignore_epoch) -> Self:
        """Boost until the validation error of an output has not improved for `early_stopping` rounds.

        The error is squared for a forecast, and the pinball loss for a quantile (Koenker & Bassett 1978).
        """
        started = perf_counter()
        train, val = train.labelled, val.labelled
        gains = self._gains(train)
        data = lgb.Dataset(Summaries(train), feature_name=_names(train))
        data_val = lgb.Dataset(Summaries(val), reference=data, feature_name=_names(val))
        rounds: list[dict[str, dict[str, list[float]]]] = [{} for _ in self._outputs]
        self.boosters_ = []
        for (column, quantile), record in zip(self._outputs, rounds, strict=True):
            data.set_label(self._scaled(train, column))  # all horizons have the same windows, binned once
            data_val.set_label(self._scaled(val, column))
            self.boosters_.append(self._boost(data, data_val, record, quantile, gains))
        self._finish(tuple(max(booster.best_iteration, 1) for booster in self.boosters_))
        if self.settings.model.shrinks:
            matrix = support(val.y, self.predict(val), self.settings.horizons)
            self.length_ += tuple(matrix.ravel().tolist())
        self._record(rounds[: len(self.settings.horizons)], perf_counter() - started, on_epoch)
        return self

    def refit(self, train: Windows, length: Length, on_epoch: OnEpoch = ignore_epoch) -> Self:
        """Boost each output for its `length`, on the windows where its horizon is labelled.

        Trees may be followed by what was supported of the forecasts.

        Raises:
            ValueError: if there is not one length per output, or a horizon has no label.
        """
        n, n_supported = len(self.settings.horizons), len(length) - len(self._outputs)
        if n_supported not in (0, n, n * n):
            raise ValueError(
                "A refit needs trees per horizon, then trees per horizon and quantile, "
                f"{len(self._outputs)} in all. Received: {len(length)}. Fit with the same quantiles, and pass `length_`"
            )
        gains = self._gains(train.labelled)
        data = [self._labelled(train, column) for column in range(len(self.settings.horizons))]
        self.boosters_ = [
            lgb.train(self._parameters(quantile) | gains, data[column], num_boost_round=int(n_trees))
            for (column, quantile), n_trees in zip(self._outputs, length, strict=False)
        ]
        self._finish(length)
        self.history_ = []
        return self

    def predict(self, windows: Windows) -> Floats:
        """Plain log-returns `(n, n_horizons)`."""
        predicted: Floats = self._run(range(len(self.settings.horizons)), windows) @ self._support.T
        return predicted

    def quantiles(self, windows: Windows, quantiles: tuple[float, ...], n_samples: int, seed: int) -> Floats:
        """Quantiles of the return, plain log-returns: `(n, n_horizons, n_quantiles)`. Nothing is drawn.

        Each quantile has trees of its own, so neighbours may cross: they are put in order (Chernozhukov et al. 2010).

        Raises:
            ValueError: if the model was not fitted for one of `quantiles`.
        """
        if missing := set(quantiles) - set(self.settings.model.quantiles):
            raise ValueError(
                f"Trees are boosted for each quantile. Received: {sorted(missing)}, fitted for "
                f"{list(self.settings.model.quantiles)}. Fit again with them in `LightGBMConfig.quantiles`"
            )
        places, columns = {output: i for i, output in enumerate(self._outputs)}, range(len(self.settings.horizons))
        found = self._run([places[column, q] for column in columns for q in quantiles], windows)
        return np.sort(found.reshape(len(windows), len(columns), len(quantiles)), axis=-1)

    def importance(self) -> pd.DataFrame:
        """Total gain of every input, as it counted: times its weight where evidence is asked for.

        Returns:
            Columns `feature_index`, `summary`, `horizon`, `gain`.
        """
        frames = []
        for h, booster, n_trees in zip(self.settings.horizons, self.boosters_, self.length_, strict=False):
            gain = booster.feature_importance("gain", iteration=int(n_trees))
            n_features = len(gain) // len(SUMMARIES)
            index, summary = np.tile(np.arange(n_features), len(SUMMARIES)), np.repeat(SUMMARIES, n_features)
            frames.append(pd.DataFrame({"feature_index": index, "summary": summary, "horizon": h, "gain": gain}))
        return pd.concat(frames, ignore_index=True)

    def save(self, directory: Path) -> None:
        """Write `model_h{h}.txt` per horizon, `model_h{h}_q{percent}.txt` per quantile, and `metadata.json`."""
        for file, booster, n_trees in zip(self._files, self.boosters_, self.length_, strict=False):
            booster.save_model(directory / file, num_iteration=int(n_trees))
        write_metadata(directory, self.name, self, ("lightgbm",), n_inputs=self.boosters_[0].num_feature())

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote."""
        content = read_metadata(directory, cls.name)
        model = cls(load_settings(content))
        restore(model, content)
        model.boosters_ = [lgb.Booster(model_file=required_file(directory, file)) for file in model._files]
        return model

    @property
    def _outputs(self) -> list[tuple[int, float | None]]:
        """What each booster forecasts: column of the targets, and quantile of it or None for the mean."""
        columns = range(len(self.settings.horizons))
        return [(c, None) for c in columns] + [(c, q) for c in columns for q in self.settings.model.quantiles]

    @property
    def _files(self) -> list[str]:
        tails = {None: "", **{q: f"_q{f'{100 * q:g}'.zfill(2)}" for q in self.settings.model.quantiles}}
        return [f"model_h{self.settings.horizons[column]}{tails[quantile]}.txt" for column, quantile in self._outputs]

    def _run(self, places: Sequence[int], windows: Windows) -> Floats:
        """Forecasts of the boosters at `places` as plain log-returns: `(n, len(places))`."""
        out = np.empty((len(windows), len(places)))
        for start in range(0, len(windows), PREDICT_CHUNK):
            chunk = slice(start, start + PREDICT_CHUNK)
            x = summarise(windows.take(chunk))
            for column, place in enumerate(places):
                out[chunk, column] = self._run_one(place, x)
        return out

    def _run_one(self, place: int, x: Floats) -> Floats:
        booster, n_trees, scale = self.boosters_[place], self.length_[place], self.settings.target_scale
        scaled = booster.predict(x, num_iteration=int(n_trees), num_threads=self.settings.n_threads)
        return np.asarray(scaled) * scale[self._outputs[place][0]]

    def _parameters(self, quantile: float | None) -> dict[str, Any]:
        own = self.settings.model.model_dump(
            exclude={"n_estimators", "early_stopping", "quantiles", "shrinks", "evidence"}
        )
        goal = {"objective": "regression"} if quantile is None else {"objective": "quantile", "alpha": quantile}
        fixed = {"verbosity": -1, "deterministic": True, "force_row_wise": True}
        fixed["bin_construct_sample_cnt"] = BINNING_ROWS
        return {**own, **goal, **fixed, "num_threads": self.settings.n_threads, "seed": self.settings.seed % 2**31}

    def _gains(self, train: Windows) -> dict[str, list[float]]:
        """The parameter that multiplies the gain of each split by how loudly its column speaks; empty: all alike."""
        if not self.settings.model.evidence:
            return {}
        weights = evidence_weights(train, self.settings.model.evidence)
        return {"feature_contri": np.tile(weights, len(SUMMARIES)).tolist()}

    def _scaled(self, windows: Windows, column: int) -> Floats:
        """Scaled targets of one horizon: `(n,)`, at least one of them a number."""
        y: Floats = windows.y[:, column] / self.settings.target_scale[column]
        if not np.isfinite(y).any():
            h = self.settings.horizons[column]
            raise ValueError(f"Every horizon needs labelled windows. Received: none for {h} days. Give more days")
        return y

    def _labelled(self, windows: Windows, column: int) -> lgb.Dataset:
        """The windows where one horizon is labelled, with that label."""
        y = self._scaled(windows, column)
        is_labelled = np.isfinite(y)
        return lgb.Dataset(Summaries(windows.take(is_labelled)), y[is_labelled], feature_name=_names(windows))

    def _boost(
        self,
        train: lgb.Dataset,
        val: lgb.Dataset,
        record: dict[str, dict[str, list[float]]],
        quantile: float | None,
        gains: dict[str, list[float]],
    ) -> lgb.Booster:
        config = self.settings.model
        stop = lgb.early_stopping(config.early_stopping, verbose=False)
        return lgb.train(
            {**self._parameters(quantile), **gains, "metric": "l2" if quantile is None else "quantile"},
            train,
            num_boost_round=config.n_estimators,
            valid_sets=[val, train],
            valid_names=["val", "training"],  # by this name LightGBM knows not to stop on it
            callbacks=[stop, lgb.record_evaluation(record)],
        )

    def _finish(self, length: Length) -> None:
        self.length_ = length
        self.n_parameters_ = sum(
            tree["num_leaves"]
            for booster, n_trees in list(zip(self.boosters_, length, strict=False))[: len(self.settings.horizons)]
            for tree in booster.dump_model(num_iteration=int(n_trees))["tree_info"]
        )

    @property
    def _support(self) -> Floats:
        """By which the forecasts are multiplied; quantiles stay as they are."""
        n, numbers = len(self.settings.horizons), self.length_[len(self._outputs) :]
        return as_matrix(numbers, n) if numbers else np.eye(n)

    def _record(self, rounds: list[dict[str, dict[str, list[float]]]], seconds: float, on_epoch: OnEpoch) -> None:
        """Fill `history_`; a horizon that has stopped keeps its last value in the weighted sums."""
        losses = {}
        for part, prefix in (("training", ""), ("val", "val_")):
            for h, result in zip(self.settings.horizons, rounds, strict=True):
                losses[f"{prefix}h{h}_loss"] = pd.Series(result[part]["l2"])
        frame = pd.DataFrame(losses).ffill()
        for prefix in ("", "val_"):
            columns = [f"{prefix}h{h}_loss" for h in self.settings.horizons]
            frame[f"{prefix}loss"] = frame[columns] @ self.settings.horizon_weights
        frame["learning_rate"], frame["seconds"] = self.settings.model.learning_rate, seconds / len(frame)
        frame.insert(0, "epoch", np.arange(1, len(frame) + 1))
        self.history_ = [{str(key): value for key, value in logs.items()} for logs in frame.to_dict("records")]
        for i, logs in enumerate(self.history_, start=1):
            on_epoch(i, logs)


def _names(windows: Windows) -> list[str]:
    return summary_names([f"f{i}" for i in range(windows.n_features)])
