import os
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from forecaster.fitting import FitSpec
from forecaster.market import simulate
from forecaster.prepare import Prepared, prepare
from forecaster.settings import MODEL_CONFIGS, DataConfig, LightGBMConfig, RidgeConfig, SplitConfig
from forecaster.split import Fold
from forecaster.store import Store

os.environ["MPLBACKEND"] = "Agg"  # before anything imports matplotlib: pictures need no display

TODAY = date(2025, 12, 20)  # the bars end later; between two anchors, as is the day after it
SPLIT = SplitConfig(lookback=10, n_folds=3, min_fold_origins=60)
QUICK = {"lightgbm": LightGBMConfig(n_estimators=20, early_stopping=5), "ridge": RidgeConfig(alpha=100)}


@dataclass(frozen=True)
class World:
    """900 days of a simulated market with a strong signal, and BTC prepared today and tomorrow."""

    bars: Path
    store: Store
    today: Prepared
    tomorrow: Prepared
    columns: tuple[str, ...]

    def rows(self, part: str = "all") -> pd.DataFrame:
        return self.store.frame(getattr(self.today.parts, part))

    def spec(self, model: str, fold: Fold) -> FitSpec:
        settings = QUICK.get(model) or MODEL_CONFIGS[model]()
        return FitSpec(
            coin="BTC",
            model=model,
            fold=fold,
            lookback=SPLIT.lookback,
            horizons=SPLIT.horizons,
            settings=settings,
            training=None,
            seed=1,
        )


@pytest.fixture(scope="session")
def bars_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bars")
    market = simulate(seed=7, signal=0.3, n_days=900)
    for coin in ("BTC", "ETH"):
        market.bars[coin].to_parquet(folder / f"{coin}.parquet")
    return folder


@pytest.fixture(scope="session")
def world(bars_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Read-only: what a test adds to the store may not be what another one counts."""
    store = Store(tmp_path_factory.mktemp("store"))
    today, tomorrow = (
        prepare("BTC", DataConfig(data_dir=bars_folder, as_of=day), SPLIT, store)
        for day in (TODAY, TODAY + timedelta(days=1))
    )
    columns = (*(f"gauge_{i}" for i in range(10)), "rsi_14", "eth_return_1d")
    return World(bars_folder, store, today, tomorrow, columns)


@pytest.fixture(scope="session")
def real_bars() -> Path:
    """Folder with a file of real bars per coin, named by the environment variable RETRAIN_BARS."""
    folder = os.environ.get("RETRAIN_BARS")
    if not folder:
        pytest.skip("RETRAIN_BARS names no folder with real bars")
    return Path(folder)
