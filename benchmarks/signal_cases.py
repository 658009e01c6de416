"""One coin of one market, prepared as a night does, fitted by the library on a pool, and scored on test.

No script of its own: `benchmarks.signals` runs it.
"""

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.planted import plant
from forecaster.fitting import FitResult, FitSpec, fit_unit, predict_unit
from forecaster.judging import judge_unit, stack_unit
from forecaster.prepare import Prepared, prepare
from forecaster.recipes import Recipe, model_settings, select_settings, training_settings
from forecaster.select import select
from forecaster.settings import ENSEMBLE, MODELS, NETWORKS, Coin, DataConfig, SplitConfig, StackingConfig
from forecaster.split import Fold
from forecaster.store import Artifact, Store
from tasks.pool import Pool

REFERENCES = ("ridge", "zero")
ORACLE, FILTER = "oracle", "filter"  # who knows the hidden state; who knows the law and reads the gauges best
Fits = dict[tuple[str, str], FitResult]


@dataclass(frozen=True)
class Case:
    """A coin of a market: of real bars in a folder, or planted."""

    shape: str
    seed: int
    coin: Coin = "BTC"
    data_dir: Path | None = None
    as_of: str = "2025-12-31"


class PreparedCase:
    """A case whose columns are selected; both recipes start from here."""

    def __init__(self, case: Case, root: Path, with_folds: bool) -> None:
        self.case, self.root, self.store, self.split = case, root, Store(root), SplitConfig()
        folder = case.data_dir or root / "bars"
        folder.mkdir(parents=True, exist_ok=True)
        truths = {} if case.data_dir else plant(case.shape, case.seed, folder)
        data = DataConfig(data_dir=folder, as_of=case.as_of)
        self.truth = truths.get(case.coin)
        self.data: Prepared = prepare(case.coin, data, self.split, self.store)
        self.folds = [self.data.judged, *(self.data.folds if with_folds else ())]
        self._columns: dict[tuple[Recipe, str], tuple[str, ...]] = {}

    def columns(self, recipe: Recipe, fold: Fold) -> tuple[str, ...]:
        """What the recipe selects on the fold's own train days."""
        if (recipe, fold.name) not in self._columns:
            self._columns[recipe, fold.name] = self._select(recipe, fold)
        return self._columns[recipe, fold.name]

    def _select(self, recipe: Recipe, fold: Fold) -> tuple[str, ...]:
        rows = self.store.frame(self.data.parts.train)
        data, horizons = self.data, self.split.horizons
        return select(rows, fold.train, horizons, data.cross_asset, select_settings(recipe), data.given).columns


def run(prepared: PreparedCase, recipe: Recipe, models: Sequence[str], pool: Pool) -> tuple[pd.DataFrame, Fits]:
    """Forecasts of val and test beside what happened, one column per model; and the fits."""
    judged_only = [*REFERENCES] if len(prepared.folds) > 1 else [*models, *REFERENCES]
    units = [(m, f) for f in prepared.folds for m in models if len(prepared.folds) > 1]
    units += [(m, prepared.data.judged) for m in judged_only]
    for fold in prepared.folds:  # before the threads share them
        prepared.columns(recipe, fold)
    with ThreadPoolExecutor(len(units)) as threads:
        results = threads.map(lambda unit: _fit(prepared, recipe, *unit, pool), units)
        fits = {(m, f.name): result for (m, f), result in zip(units, results, strict=True)}
        shown = [m for m, f in fits if f == prepared.data.judged.name]
        tests = dict(zip(shown, threads.map(lambda m: _predict(prepared, fits[m, "judged"], pool), shown), strict=True))
    return _judge(prepared, fits, tests, models), fits


def _fit(prepared: PreparedCase, recipe: Recipe, model: str, fold: Fold, pool: Pool) -> FitResult:
    data, parts = prepared.data, prepared.data.parts
    spec = FitSpec(
        coin=data.coin,
        model=model,
        fold=fold,
        lookback=prepared.split.lookback,
        horizons=prepared.split.horizons,
        settings=model_settings(recipe, model),
        training=training_settings(recipe) if model in NETWORKS else None,
        seed=42,
    )
    rows = (parts.train, parts.val) if fold == data.judged else (parts.train,)
    return pool.run(fit_unit, prepared.root, spec, rows, prepared.columns(recipe, fold), cost=_cost(model))


def _cost(model: str) -> float:
    return float(1 + MODELS.index(model) if model in NETWORKS else 0)


def _predict(prepared: PreparedCase, fitted: FitResult, pool: Pool) -> Artifact:
    split = prepared.split
    return pool.run(
        predict_unit, prepared.root, fitted, split.lookback, split.horizons, prepared.data.parts.test
    ).forecasts


def _judge(prepared: PreparedCase, fits: Fits, tests: Mapping[str, Artifact], models: Sequence[str]) -> pd.DataFrame:
    data, parts, root = prepared.data, prepared.data.parts, prepared.root
    judged = {m: _forecasts(fits[m, data.judged.name]) for m in tests}
    scale = dict(zip(prepared.split.horizons, fits["zero", data.judged.name].target_scale, strict=True))
    stacked = None
    if len(prepared.folds) > 1:
        stacked = stack_unit(
            root,
            data.coin,
            {m: judged[m] for m in models},
            {m: tuple(_forecasts(fits[m, fold.name]) for fold in data.folds) for m in models},
            (parts.train, parts.val),
            data.judged,
            scale,
            StackingConfig(),
        )
    result = judge_unit(root, data.coin, judged, tests, stacked, parts.all, data.judged, data.boundaries, scale)
    frame = prepared.store.frame(result.forecasts)
    return frame[frame["part"].isin(["val", "test"])].dropna(subset="y")


def _forecasts(fitted: FitResult) -> Artifact:
    assert fitted.forecasts is not None
    return fitted.forecasts


def scores(frame: pd.DataFrame, fits: Fits, prepared: PreparedCase, recipe: Recipe) -> list[dict[str, Any]]:
    """A record per model and horizon: R2 against the zero forecast, the oracle's, RMSE over zero's on test and val.

    `knows` is the share of the oracle's R2 that is to be expected over many such test parts: how close the forecast is
    to the best one given the hidden state. What came does not enter, and its luck neither.
    """
    case, truth, records = prepared.case, prepared.truth, []
    known = {} if truth is None else {ORACLE: truth.oracle, FILTER: truth.filtered}
    frame = frame.assign(**{name: _looked_up(best, frame) for name, best in known.items() if best is not None})
    models = [m for m in (*MODELS, *REFERENCES, ENSEMBLE, FILTER) if m in frame]
    efforts = {m: _effort(prepared, fits.get((m, prepared.data.judged.name)), recipe) for m in models}
    for horizon, rows in frame.groupby("horizon"):
        val, test = (rows[rows["part"] == part] for part in ("val", "test"))
        best = test[ORACLE] if ORACLE in frame else None
        of_oracle = None if best is None else _r2(test["y"], best)
        for model in models:
            what = {"shape": case.shape, "seed": case.seed, "coin": case.coin, "recipe": recipe, "model": model}
            r2 = _r2(test["y"], test[model])
            knows = None if best is None or not best.any() else _r2(best, test[model])
            how = {"horizon": int(horizon), "r2": r2, "oracle": of_oracle, "ratio": (1 - r2) ** 0.5, "knows": knows}
            how |= {"val_ratio": (1 - _r2(val["y"], val[model])) ** 0.5}
            records.append(what | how | efforts[model])
    return records


def _looked_up(best: pd.DataFrame, frame: pd.DataFrame) -> "pd.Series[float]":
    """The best forecast of each row's cutoff and horizon, on the frame's index."""
    cells = pd.MultiIndex.from_frame(frame[["cutoff", "horizon"]])
    return best.stack().reindex(cells).set_axis(frame.index)


def _r2(y: "pd.Series[float]", y_hat: "pd.Series[float]") -> float:
    """Against the zero forecast, not against the mean of what nobody knew."""
    return 1 - float(((y.to_numpy() - y_hat.to_numpy()) ** 2).sum() / (y.to_numpy() ** 2).sum())


def _effort(prepared: PreparedCase, fitted: FitResult | None, recipe: Recipe) -> dict[str, float | None]:
    """Training steps until the best weights, all of them, and seconds of the fit."""
    if fitted is None or fitted.model not in NETWORKS:
        return {"best_step": None, "steps": None, "seconds": fitted.seconds if fitted else None}
    training = training_settings(recipe)
    windows = training.epoch_windows or fitted.n_train * (1 + training.n_copies)
    epoch, n_epochs = -(-windows // training.batch_size), len(prepared.store.json(fitted.history))
    return {"best_step": fitted.length[0] * epoch, "steps": n_epochs * epoch, "seconds": fitted.seconds}


def case_scores(
    case: Case, recipes: Sequence[Recipe], models: Sequence[str], pool: Pool, with_folds: bool
) -> list[dict[str, Any]]:
    """Scores of a case under each recipe, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = PreparedCase(case, Path(folder), with_folds)
        records = []
        for recipe in recipes:
            records += scores(*run(prepared, recipe, models, pool), prepared, recipe)
    return records
