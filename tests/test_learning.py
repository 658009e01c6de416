"""Do the models learn when there is something to learn, and does the ensemble keep still when there is not?

On real bars a dead network looks as good as a live one, so this is where a dead one is found. The library is run
without Prefect: prepare, select, fit on the pool, stack, judge.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from flows.fits import spec_of
from forecaster.config import RunConfig
from forecaster.fitting import FitResult, fit_unit, predict_unit
from forecaster.judging import judge_unit, stack_unit
from forecaster.metrics import skill_vs_zero
from forecaster.prepare import prepare
from forecaster.select import select
from forecaster.settings import BASELINES, MODELS, NETWORKS
from forecaster.significance import diebold_mariano
from forecaster.split import Fold
from forecaster.store import Store
from tasks.pool import Pool

pytestmark = pytest.mark.slow

COIN = "BTC"
# The networks as specified have their best validation loss after the first epoch, so the others are only time.
QUICK = {"epochs": 2, "folds": 2}


class Night:
    """One coin of the simulated market, forecast by every model and by the ensemble."""

    def __init__(self, root: Path, pool: Pool, signal: float) -> None:
        self.root, self.pool, self.store = root, pool, Store(root)
        self.config = RunConfig(signal=signal, **QUICK)
        self.data = prepare(COIN, self.config.data, self.config.split, self.store)

    def forecasts(self) -> pd.DataFrame:
        """Test forecasts with a known outcome."""
        folds = [self.data.judged, *self.data.folds]
        columns = {fold.name: self.columns(fold) for fold in folds}
        units = [(model, fold) for model in MODELS for fold in folds]
        units += [(model, self.data.judged) for model in BASELINES]
        with ThreadPoolExecutor(len(units)) as threads:
            fits = dict(zip(units_names(units), threads.map(lambda u: self.fit(*u, columns), units), strict=True))
            models = [*MODELS, *BASELINES]
            tests = dict(zip(models, threads.map(lambda m: self.predict(fits[m, "judged"]), models), strict=True))
        judged = {model: fits[model, "judged"].forecasts for model in models}
        scale = dict(zip(self.config.split.horizons, fits["zero", "judged"].target_scale, strict=True))
        parts = self.data.parts
        stacked = stack_unit(
            self.root,
            COIN,
            {model: judged[model] for model in MODELS},
            {model: tuple(fits[model, fold.name].forecasts for fold in self.data.folds) for model in MODELS},
            (parts.train, parts.val),
            self.data.judged,
            scale,
            self.config.stacking,
        )
        result = judge_unit(
            self.root, COIN, judged, tests, stacked, parts.all, self.data.judged, self.data.boundaries, scale
        )
        frame = self.store.frame(result.forecasts)
        return frame[frame["part"] == "test"].dropna(subset="y")

    def columns(self, fold: Fold) -> tuple[str, ...]:
        rows, horizons = self.store.frame(self.data.parts.train), self.config.split.horizons
        return select(rows, fold.train, horizons, self.data.cross_asset, self.config.select).columns

    def fit(self, model: str, fold: Fold, columns: dict[str, tuple[str, ...]]) -> FitResult:
        parts = self.data.parts
        rows = (parts.train, parts.val) if fold.name == "judged" else (parts.train,)
        settings = {name: self.config.model(name) for name in (*MODELS, *BASELINES)}
        spec = spec_of(self.data, model, fold, self.config, settings)
        return self.pool.run(fit_unit, self.root, spec, rows, columns[fold.name])

    def predict(self, fitted: FitResult):
        split = self.config.split
        unit = predict_unit, self.root, fitted, split.lookback, split.horizons, self.data.parts.test
        return self.pool.run(*unit).forecasts


def units_names(units: list[tuple[str, Fold]]) -> list[tuple[str, str]]:
    return [(model, fold.name) for model, fold in units]


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(2) as pool:
        yield pool


@pytest.fixture(scope="module")
def planted(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return Night(tmp_path_factory.mktemp("planted"), pool, signal=0.10).forecasts()


@pytest.fixture(scope="module")
def noise(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return Night(tmp_path_factory.mktemp("noise"), pool, signal=0.0).forecasts()


@pytest.mark.parametrize("model", ["ridge", "lightgbm", "tcn", "advanced_ensemble"])
def test_a_planted_signal_is_found_beyond_chance(planted: pd.DataFrame, model: str) -> None:
    rows = planted[planted["horizon"] == 1]
    statistic, p_value = diebold_mariano(rows["y"].to_numpy(), rows[model].to_numpy(), horizon=1)
    assert statistic > 0
    assert p_value < 0.05


def test_the_skill_of_every_model_on_the_planted_signal_is_recorded(
    planted: pd.DataFrame, record_testsuite_property: object
) -> None:
    """The other networks, trained as specified, are poor: recorded, not asserted, but none may be a dead network."""
    for (horizon, model), skill in skills(planted).items():
        record_testsuite_property(f"skill {model} h{horizon}", f"{skill:+.4f}")  # type: ignore[operator]
        print(f"{model:18s} h={horizon:2d}  skill {skill:+.4f}")
    for model in NETWORKS:
        assert planted.loc[planted["horizon"] == 1, model].std() > 0


@pytest.mark.parametrize("horizon", [1, 7, 30])
def test_without_a_signal_the_ensemble_stays_within_one_percent_of_zero(noise: pd.DataFrame, horizon: int) -> None:
    assert skills(noise)[horizon, "advanced_ensemble"] > -0.01


def skills(frame: pd.DataFrame) -> dict[tuple[int, str], float]:
    models = [*MODELS, *BASELINES, "advanced_ensemble"]
    return {
        (int(horizon), model): skill_vs_zero(rows["y"].to_numpy(), rows[model].to_numpy())
        for horizon, rows in frame.groupby("horizon")
        for model in models
    }
