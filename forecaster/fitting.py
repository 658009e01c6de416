"""The unit of work: one fit of one model on one fold of one coin, from stored rows to a stored model.

Every unit seeds itself from (seed, coin, model, fold), so it gives the same numbers whenever and wherever it runs.
"""

import hashlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.evidence import evidence_weights
from forecaster.models.base import FitSettings, Forecaster, OnEpoch, ignore_epoch
from forecaster.models.registry import model_class
from forecaster.preprocess import Preprocessor, target_scale
from forecaster.settings import JUDGED, NETWORKS, Config
from forecaster.split import Fold, Span
from forecaster.store import Artifact, Store
from forecaster.windows import LOG_CLOSE, Floats, Windows, make_windows


class FitSpec(Config):
    """What decides a fit besides its rows. `training` is None for models that have no epochs."""

    coin: str
    model: str
    fold: Fold
    lookback: int
    horizons: tuple[int, ...]
    settings: Any
    training: Any
    seed: int

    @property
    def unit_seed(self) -> int:
        """A seed of this unit's own."""
        name = f"{self.seed}/{self.coin}/{self.model}/{self.fold.name}"
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])


class FitResult(Config):
    """Where a fitted model lies, what it forecast, and how the fit went."""

    coin: str
    model: str
    fold: str
    folder: Artifact
    forecasts: Artifact | None
    history: Artifact
    length: tuple[int | float, ...]
    target_scale: tuple[float, ...]
    n_parameters: int
    n_train: int
    n_features: int
    device: str
    seconds: float

    @property
    def best_length(self) -> int | list[int]:
        """Epochs until the best weights, or trees per horizon; those of further quantiles are left out."""
        counts = [int(count) for count in self.length[: len(self.target_scale)]]
        return counts[0] if len(self.length) == 1 or self.model in NETWORKS else counts

    @property
    def epochs(self) -> int | None:
        """Epochs until a network's best weights."""
        return int(self.length[0]) if self.model in NETWORKS else None


class Forecasts(Config):
    """Forecasts of a fitted model for the newest part; an LSTM adds where it looked."""

    forecasts: Artifact
    attention: Artifact | None = None


def fit_unit(
    root: Path, spec: FitSpec, parts: Sequence[Artifact], columns: Sequence[str], on_epoch: OnEpoch = ignore_epoch
) -> FitResult:
    """Fit on the fold's train, stop early on its `stop`, and forecast its held-out origins.

    The judged fit forecasts every origin it was given rows for, train included, so that overfitting can be seen.
    """
    store, started = Store(root), time.perf_counter()
    rows = _join(store, parts)
    preprocessor, windows, days = _windows(rows, spec, columns)
    train, stop = _inside(windows, days, spec.fold.train), _inside(windows, days, spec.fold.stop)
    model = _new(spec, train).fit(train.labelled, stop.labelled, on_epoch)
    shown = windows if spec.fold.name == JUDGED else _inside(windows, days, spec.fold.held_out)
    forecasts = forecast_frame(model, shown, days, spec.horizons)
    return _keep(store, spec, model, preprocessor, forecasts, len(train.labelled), started)


def fit_in_memory(
    store: Store, spec: FitSpec, parts: Sequence[Artifact], columns: Sequence[str], on_epoch: OnEpoch = ignore_epoch
) -> tuple[Forecaster, Windows]:
    """Fit as `fit_unit` does, but store nothing: the model, and the labelled windows that the fold holds out."""
    _, windows, days = _windows(_join(store, parts), spec, columns)
    train, stop = _inside(windows, days, spec.fold.train), _inside(windows, days, spec.fold.stop)
    model = _new(spec, train).fit(train.labelled, stop.labelled, on_epoch)
    return model, _inside(windows, days, spec.fold.held_out).labelled


def refit_unit(
    root: Path,
    spec: FitSpec,
    parts: Sequence[Artifact],
    columns: Sequence[str],
    length: tuple[int | float, ...],
    on_epoch: OnEpoch = ignore_epoch,
) -> FitResult:
    """Fit on all days for the length that the judged fit found; horizons not labelled yet are masked by the loss."""
    store, started = Store(root), time.perf_counter()
    preprocessor, windows, days = _windows(_join(store, parts), spec, columns)
    train = _inside(windows, days, spec.fold.train)
    model = _new(spec, train).refit(train, length, on_epoch)
    return _keep(store, spec, model, preprocessor, None, len(train), started)


def predict_unit(root: Path, fitted: FitResult, lookback: int, horizons: tuple[int, ...], part: Artifact) -> Forecasts:
    """Forecast every origin of `part` with a stored model; no target is looked at."""
    store = Store(root)
    folder, rows = store.path(fitted.folder), store.frame(part)
    model, preprocessor = load_model(folder, fitted.model)
    windows = _all_windows(preprocessor, rows, lookback, horizons)
    days = pd.DatetimeIndex(rows.index)
    forecasts = store.put_frame(forecast_frame(model, windows, days, horizons))
    attention = getattr(model, "attention", None)
    if attention is None:
        return Forecasts(forecasts=forecasts)
    weights = pd.DataFrame(attention(windows), index=days[windows.origin])  # (n, lookback)
    weights.columns = [str(lag) for lag in range(1 - lookback, 1)]
    return Forecasts(forecasts=forecasts, attention=store.put_frame(weights))


def load_model(folder: Path, name: str) -> tuple[Forecaster, Preprocessor]:
    """Load a fitted model and the preprocessing that belongs to it from an artifact folder."""
    preprocessor = Preprocessor.from_json((folder / "preprocessing.json").read_text(encoding="utf-8"))
    return model_class(name).load(folder), preprocessor


def forecast_frame(
    model: Forecaster, windows: Windows, days: pd.DatetimeIndex, horizons: tuple[int, ...]
) -> pd.DataFrame:
    """Forecasts in long form: `cutoff`, `horizon`, `y_hat` (plain log-return)."""
    y_hat = np.asarray(model.predict(windows), dtype=np.float64)  # (n, n_horizons)
    cutoff = days[windows.origin]
    return pd.concat(
        [pd.DataFrame({"cutoff": cutoff, "horizon": h, "y_hat": y_hat[:, i]}) for i, h in enumerate(horizons)],
        ignore_index=True,
    )


def _join(store: Store, parts: Sequence[Artifact]) -> pd.DataFrame:
    """Rows of several parts as one frame; the days that a part repeats from the one before are left out."""
    joined = store.frame(parts[0])
    for part in parts[1:]:
        rows = store.frame(part)
        joined = pd.concat([joined, rows[rows.index > joined.index[-1]]])
    return joined


def _windows(
    rows: pd.DataFrame, spec: FitSpec, columns: Sequence[str]
) -> tuple[Preprocessor, Windows, pd.DatetimeIndex]:
    days = pd.DatetimeIndex(rows.index)
    seen = rows.loc[: pd.Timestamp(spec.fold.train.last), list(columns)]
    preprocessor = Preprocessor.fit(seen)
    windows = _all_windows(preprocessor, rows, spec.lookback, spec.horizons)
    if spec.training is None or not spec.training.evidence:
        return preprocessor, windows, days
    weights = evidence_weights(_inside(windows, days, spec.fold.train).labelled, spec.training.evidence)
    preprocessor = preprocessor.weighed(weights)
    return preprocessor, _all_windows(preprocessor, rows, spec.lookback, spec.horizons), days


def _all_windows(preprocessor: Preprocessor, rows: pd.DataFrame, lookback: int, horizons: tuple[int, ...]) -> Windows:
    return make_windows(preprocessor.transform(rows), rows[LOG_CLOSE].to_numpy(), lookback, horizons)


def _inside(windows: Windows, days: pd.DatetimeIndex, span: Span | None) -> Windows:
    if span is None:
        raise ValueError("This fold lacks a part that a fit needs: `stop` and `held_out`. Received: None")
    return windows.take(span.mask(days)[windows.origin])


def _new(spec: FitSpec, train: Windows) -> Forecaster:
    scale: Floats = np.asarray(target_scale(train.y))
    settings = FitSettings(
        model=spec.settings,
        training=spec.training,
        horizons=spec.horizons,
        target_scale=tuple(float(s) for s in scale),
        seed=spec.unit_seed,
    )
    return model_class(spec.model)(settings)


def _keep(
    store: Store,
    spec: FitSpec,
    model: Forecaster,
    preprocessor: Preprocessor,
    forecasts: pd.DataFrame | None,
    n_train: int,
    started: float,
) -> FitResult:
    def write(folder: Path) -> None:
        folder.mkdir()
        model.save(folder)
        (folder / "preprocessing.json").write_text(preprocessor.to_json(), encoding="utf-8")

    return FitResult(
        coin=spec.coin,
        model=spec.model,
        fold=spec.fold.name,
        folder=store.put(write),
        forecasts=None if forecasts is None else store.put_frame(forecasts),
        history=store.put_json([_untimed(record) for record in model.history_]),
        length=model.length_,
        target_scale=model.settings.target_scale,
        n_parameters=model.n_parameters_,
        n_train=n_train,
        n_features=preprocessor.n_features,
        device=_device(),
        seconds=time.perf_counter() - started,
    )


def _untimed(record: dict[str, float]) -> dict[str, float]:
    """Without the seconds: equal fits must have equal histories."""
    return {name: value for name, value in record.items() if name != "seconds"}


def _device() -> str:
    """What this process computes on; TensorFlow is asked only where it is in use."""
    tensorflow = sys.modules.get("tensorflow")
    gpus = tensorflow.config.list_physical_devices("GPU") if tensorflow else []
    return ", ".join(gpu.name for gpu in gpus) or "cpu"
