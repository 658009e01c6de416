"""Boosted trees on summaries of the window, one ensemble of trees per horizon (Ke et al. 2017)."""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, Self

import lightgbm as lgb
import numpy as np
import pandas as pd

from forecaster.models.base import OnEpoch, Unfitted, ignore_epoch
from forecaster.models.metadata import load_settings, read_metadata, required_file, restore, write_metadata
from forecaster.windows import Floats, Windows

SUMMARIES = ("last", "mean", "std", "trend", "momentum")
MIN_LOOKBACK = 10  # momentum compares the last five days with the five before
CHUNK = 512  # windows gathered at once: 10 MB at 60 days x 86 features


class LightGBMForecaster(Unfitted):
    """Five summaries per feature, one booster per horizon; where settings name quantiles, one more for each of them.

    `length_` holds the trees per horizon, then those per horizon and quantile. The loss in `history_` is the mean
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
        data = self._datasets(summarise(train), train)
        data_val = self._datasets(summarise(val), val, data)
        rounds: list[dict[str, dict[str, list[float]]]] = [{} for _ in self._outputs]
        self.boosters_ = [
            self._boost(data[column], data_val[column], record, quantile)
            for (column, quantile), record in zip(self._outputs, rounds, strict=True)
        ]
        self._finish(tuple(max(booster.best_iteration, 1) for booster in self.boosters_))
        self._record(rounds[: len(data)], perf_counter() - started, on_epoch)
        return self

    def refit(self, train: Windows, length: tuple[int, ...], on_epoch: OnEpoch = ignore_epoch) -> Self:
        """Boost each output for its `length`, on the windows where its horizon is labelled.

        Raises:
            ValueError: if there is not one length per output, or a horizon has no label.
        """
        if len(length) != len(self._outputs):
            raise ValueError(
                "A refit needs trees per horizon, then trees per horizon and quantile, "
                f"{len(self._outputs)} in all. Received: {len(length)}. Fit with the same quantiles, and pass `length_`"
            )
        data = self._datasets(summarise(train), train)
        self.boosters_ = [
            lgb.train(self._parameters(quantile), data[column], num_boost_round=n_trees)
            for (column, quantile), n_trees in zip(self._outputs, length, strict=True)
        ]
        self._finish(length)
        self.history_ = []
        return self

    def predict(self, windows: Windows) -> Floats:
        """Plain log-returns `(n, n_horizons)`."""
        x = summarise(windows)
        return np.column_stack([self._run(i, x) for i in range(len(self.settings.horizons))])

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
        x, places = summarise(windows), {output: place for place, output in enumerate(self._outputs)}
        columns = [[self._run(places[h, q], x) for q in quantiles] for h in range(len(self.settings.horizons))]
        return np.sort(np.array(columns).transpose(2, 0, 1), axis=-1)

    def importance(self) -> pd.DataFrame:
        """Total gain of every input: columns `feature_index`, `summary`, `horizon`, `gain`."""
        frames = []
        for h, booster, n_trees in zip(self.settings.horizons, self.boosters_, self.length_, strict=False):
            gain = booster.feature_importance("gain", iteration=int(n_trees))
            n_features = len(gain) // len(SUMMARIES)
            index, summary = np.tile(np.arange(n_features), len(SUMMARIES)), np.repeat(SUMMARIES, n_features)
            frames.append(pd.DataFrame({"feature_index": index, "summary": summary, "horizon": h, "gain": gain}))
        return pd.concat(frames, ignore_index=True)

    def save(self, directory: Path) -> None:
        """Write `model_h{h}.txt` per horizon, `model_h{h}_q{percent}.txt` per quantile, and `metadata.json`."""
        for file, booster, n_trees in zip(self._files, self.boosters_, self.length_, strict=True):
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

    def _run(self, place: int, x: Floats) -> Floats:
        """One booster's forecast as plain log-returns: `(n,)`."""
        booster, n_trees, scale = self.boosters_[place], self.length_[place], self.settings.target_scale
        scaled = booster.predict(x, num_iteration=int(n_trees), num_threads=self.settings.n_threads)
        return np.asarray(scaled) * scale[self._outputs[place][0]]

    def _parameters(self, quantile: float | None) -> dict[str, Any]:
        own = self.settings.model.model_dump(exclude={"n_estimators", "early_stopping", "quantiles"})
        goal = {"objective": "regression"} if quantile is None else {"objective": "quantile", "alpha": quantile}
        fixed = {"verbosity": -1, "deterministic": True, "force_row_wise": True}
        return {**own, **goal, **fixed, "num_threads": self.settings.n_threads, "seed": self.settings.seed % 2**31}

    def _datasets(self, x: Floats, windows: Windows, references: Sequence[lgb.Dataset] = ()) -> list[lgb.Dataset]:
        """One per horizon."""
        pairs = zip_longest(range(len(self.settings.horizons)), references)
        return [self._dataset(x, windows, column, reference) for column, reference in pairs]

    def _dataset(self, x: Floats, windows: Windows, column: int, reference: lgb.Dataset | None = None) -> lgb.Dataset:
        y = windows.y[:, column] / self.settings.target_scale[column]
        is_labelled = np.isfinite(y)
        if not is_labelled.any():
            h = self.settings.horizons[column]
            raise ValueError(f"Every horizon needs labelled windows. Received: none for {h} days. Give more days")
        names = summary_names([f"f{i}" for i in range(windows.n_features)])
        return lgb.Dataset(x[is_labelled], y[is_labelled], reference=reference, feature_name=names)

    def _boost(
        self,
        train: lgb.Dataset,
        val: lgb.Dataset,
        record: dict[str, dict[str, list[float]]],
        quantile: float | None,
    ) -> lgb.Booster:
        config = self.settings.model
        stop = lgb.early_stopping(config.early_stopping, verbose=False)
        return lgb.train(
            {**self._parameters(quantile), "metric": "l2" if quantile is None else "quantile"},
            train,
            num_boost_round=config.n_estimators,
            valid_sets=[val, train],
            valid_names=["val", "training"],  # by this name LightGBM knows not to stop on it
            callbacks=[stop, lgb.record_evaluation(record)],
        )

    def _finish(self, length: tuple[int, ...]) -> None:
        self.length_ = length
        self.n_parameters_ = sum(
            tree["num_leaves"]
            for booster, n_trees in list(zip(self.boosters_, length, strict=True))[: len(self.settings.horizons)]
            for tree in booster.dump_model(num_iteration=int(n_trees))["tree_info"]
        )

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
