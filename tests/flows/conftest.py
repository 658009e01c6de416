import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows.outcome import CoinOutcome
from forecaster.market import simulate

LAST_DAY = "2025-12-20"  # between two anchors, so that one more day moves no boundary
QUICK = {
    "seq_length": 10,
    "max_features": 12,
    "folds": 2,
    "no_dlinear": True,
    "no_tcn": True,
    "no_lstm": True,
    "no_transformer": True,
    "jobs": 2,
}


@pytest.fixture(scope="session")
def server() -> Iterator[None]:
    """One Prefect server for all flow tests: it takes about half a minute to start."""
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@dataclass
class Watcher:
    """A progress that remembers what it was told, and acts on the first epoch, end or word if asked to."""

    outcomes: dict[str, CoinOutcome] = field(default_factory=dict)
    epochs: list[tuple[str, str, str]] = field(default_factory=list)
    ended: list[tuple[str, str, str, str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    on_epoch: Any = None
    on_done: Any = None
    on_say: Any = None

    def expect(self, coin: str, n_units: int) -> None:
        pass

    def epoch(self, coin: str, model: str, fold: str, epoch: int, total: int | None, logs: dict[str, float]) -> None:
        self.epochs.append((coin, model, fold))
        self._act("on_epoch")

    def done(self, coin: str, model: str, fold: str, how: str) -> None:
        self.ended.append((coin, model, fold, how))
        self._act("on_done")

    def say(self, coin: str, text: str) -> None:
        if not text.startswith("saved"):
            self.said.append(text)
            self._act("on_say")

    def finished(self, outcome: CoinOutcome) -> None:
        self.outcomes[outcome.coin] = outcome

    def _act(self, name: str) -> None:
        act = getattr(self, name)
        setattr(self, name, None)
        if act is not None:
            act()


@dataclass
class House:
    """A folder of bars and everything that runs on them leave behind."""

    root: Path
    market: dict[str, pd.DataFrame]

    def write_bars(self, last_day: str = LAST_DAY) -> None:
        (self.root / "bars").mkdir(exist_ok=True)
        for coin, frame in self.market.items():
            frame.loc[:last_day].to_csv(self.root / "bars" / f"{coin}.csv")

    def run(self, watcher: Watcher | None = None, **changed: Any) -> tuple[Any, Watcher]:
        """Run the parent flow; its final state, and what was told along the way."""
        from flows.retrain import progress, retrain

        watcher = watcher or Watcher()
        parameters = {
            "crypto": ("BTC",),
            "data_dir": self.root / "bars",
            "as_of": LAST_DAY,
            "artifacts_dir": self.root / "artifacts",
            "output_dir": self.root / "training_output",
            "tracking_uri": f"sqlite:///{self.root / 'mlflow.db'}",
            **QUICK,
            **changed,
        }
        token = progress.set(watcher)
        try:
            return retrain(**parameters, return_state=True), watcher
        finally:
            progress.reset(token)

    def report(self, watcher: Watcher, coin: str = "BTC") -> dict[str, Any]:
        return json.loads(Path(watcher.outcomes[coin].report or "").read_text())

    def client(self) -> Any:
        """Of the MLflow database."""
        from mlflow import MlflowClient

        return MlflowClient(f"sqlite:///{self.root / 'mlflow.db'}")

    def logged(self, watcher: Watcher, coin: str = "BTC") -> tuple[Any, dict[str, Any]]:
        """What MLflow shows of a night: the parent run, and its children by name."""
        client, name = self.client(), f"{coin} {Path(watcher.outcomes[coin].folder or '').name}"
        runs = client.search_runs([client.get_experiment_by_name(coin).experiment_id])
        (parent,) = [run for run in runs if run.info.run_name == name]
        children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
        return parent, {run.info.run_name: run for run in children}

    def copy_to(self, root: Path) -> "House":
        shutil.copytree(self.root, root)
        return House(root, self.market)


@pytest.fixture(scope="session")
def market() -> dict[str, pd.DataFrame]:
    bars = simulate(seed=7, n_days=1100).bars
    return {coin: bars[coin] for coin in ("BTC", "ETH")}


@pytest.fixture(scope="session")
def first_night(server: None, market: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house in which Bitcoin was retrained once. Copy it before changing it."""
    house = House(tmp_path_factory.mktemp("night") / "house", market)
    house.root.mkdir()
    house.write_bars()
    state, watcher = house.run()
    assert state.is_completed(), state.message
    assert watcher.outcomes["BTC"].status == "OK", watcher.outcomes["BTC"].reasons
    return house


@pytest.fixture
def house(first_night: House, tmp_path: Path) -> House:
    """A moved copy of that house: another folder, the same content."""
    return first_night.copy_to(tmp_path / "house")
