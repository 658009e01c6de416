from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import replay as module
from forecaster.replay import EarlierRun, earlier_runs, replay, retraining_unit
from forecaster.saving import MANIFEST
from forecaster.serving import load_run
from forecaster.store import Artifact, Store, write_json
from tests.conftest import TODAY, World
from tests.saved_run import save_night

LAST = date(2025, 1, 31)


def stored(root: Path, run: str, as_of: str, scope: str = "folder") -> None:
    write_json(root / "BTC" / run / MANIFEST, {"coin": "BTC", "run": run, "scope": scope, "as_of": as_of, "sha256": {}})


def found(root: Path) -> list[tuple[str, int]]:
    return [(run.run, run.age) for run in earlier_runs(root, "BTC", "folder", LAST)]


def test_runs_of_one_seven_and_thirty_days_ago_are_found(tmp_path: Path):
    for run, as_of in (("a", "2025-01-01"), ("b", "2025-01-24"), ("c", "2025-01-29"), ("d", "2025-01-30")):
        stored(tmp_path, run, as_of)
    assert found(tmp_path) == [("d", 1), ("b", 7), ("a", 30)]


def test_the_nearest_run_stands_for_an_age_and_of_one_day_the_newest(tmp_path: Path):
    for run, as_of in (("a", "2025-01-21"), ("b", "2025-01-22"), ("c", "2025-01-22"), ("d", "2025-01-28")):
        stored(tmp_path, run, as_of)
    assert found(tmp_path) == [("d", 3), ("c", 9)]


def test_runs_of_today_of_other_bars_and_of_long_ago_do_not_count(tmp_path: Path):
    stored(tmp_path, "a", "2025-01-31")
    stored(tmp_path, "b", "2025-01-30", scope="simulated")
    stored(tmp_path, "c", "2024-11-01")
    assert found(tmp_path) == []
    assert earlier_runs(tmp_path, "ETH", "folder", LAST) == ()


def test_a_damaged_manifest_of_an_earlier_run_is_passed_over(tmp_path: Path):
    stored(tmp_path, "a", "2025-01-24")
    for run, text in (("b", "torn {"), ("c", "{}")):
        (tmp_path / "BTC" / run).mkdir()
        (tmp_path / "BTC" / run / MANIFEST).write_text(text)
    assert found(tmp_path) == [("a", 7)]


def earlier(run: str, age: int) -> EarlierRun:
    last = date.fromordinal(LAST.toordinal() - age)
    return EarlierRun(run=run, folder=f"BTC/{run}", manifest_sha256="", last=last, age=age)


@pytest.fixture
def rows(tmp_path: Path) -> Artifact:
    return Store(tmp_path).put_frame(pd.DataFrame({"log_close": [0.0]}, index=[pd.Timestamp(LAST)]))


def test_each_model_is_set_beside_older_ones_and_zero_on_the_days_since_its_cut(
    tmp_path: Path, rows: Artifact, monkeypatch: pytest.MonkeyPatch
):
    days = pd.date_range("2025-01-29", "2025-01-31")
    y = [3.0, 4.0, np.nan]  # the last is not labelled yet
    frames = {
        "new": pd.DataFrame({"cutoff": days[1:], "horizon": 1, "y": y[1:], "shipped": [3.0, 9.0]}),
        "old": pd.DataFrame({"cutoff": days, "horizon": 1, "y": y, "shipped": [3.0, 2.0, 9.0]}),
    }
    monkeypatch.setattr(module, "replay", lambda folder, *_: frames[folder.name])
    told = retraining_unit(tmp_path, "BTC", (earlier("new", 1), earlier("old", 2)), rows)
    assert [(str(r.since), r.n, r.zero, r.rmse) for r in told.rows] == [
        ("2025-01-30", 1, 4.0, {1: 1.0, 2: 2.0}),
        ("2025-01-29", 2, pytest.approx(np.sqrt(12.5)), {2: pytest.approx(np.sqrt(2))}),
    ]


def test_a_run_that_cannot_be_replayed_is_left_out_with_the_reason(tmp_path: Path, rows: Artifact):
    told = retraining_unit(tmp_path, "BTC", (earlier("gone", 1),), rows)
    assert (told.runs, told.rows) == ((), ())
    assert "The run gone of 2025-01-30 could not be replayed" in told.left_out[0]


@pytest.fixture(scope="module")
def night(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_night(world, tmp_path_factory.mktemp("replayed") / "night")


@pytest.fixture(scope="module")
def tomorrow(world: World) -> pd.DataFrame:
    return world.store.frame(world.tomorrow.parts.all)


def test_a_replay_says_what_the_run_would_have_said(world: World, night: Path, tomorrow: pd.DataFrame):
    bars = {coin: pd.read_parquet(world.bars / f"{coin}.parquet") for coin in ("BTC", "ETH")}
    days = tomorrow.index[-2:]
    said = load_run(night).forecast({coin: frame.loc[: days[-1]] for coin, frame in bars.items()}, n_origins=1)
    replayed = replay(night, tomorrow, pd.Timestamp(TODAY))
    assert list(replayed["cutoff"].unique()) == list(days)
    newest = replayed[replayed["cutoff"] == days[-1]]
    np.testing.assert_allclose(newest["shipped"], said["log_return"], rtol=1e-6)
    first = replayed[(replayed["cutoff"] == days[0]) & (replayed["horizon"] == 1)]
    assert first["y"].item() == pytest.approx(tomorrow["log_close"].diff().iloc[-1])
    assert newest["y"].isna().all()


def test_judged_models_replay_the_forecasts_that_were_judged(world: World, night: Path, tomorrow: pd.DataFrame):
    stored = pd.read_parquet(night / "forecasts.parquet")
    since = stored["cutoff"].max() - pd.Timedelta(days=3)
    expected = stored[stored["cutoff"] >= since].set_index(["cutoff", "horizon"])
    again = replay(night, tomorrow, since, judged=True).set_index(["cutoff", "horizon"]).loc[expected.index]
    np.testing.assert_allclose(again["lightgbm"], expected["lightgbm"], rtol=1e-6)
    np.testing.assert_allclose(again["shipped"], expected["advanced_ensemble"], rtol=1e-6)
    served = replay(night, tomorrow, since).set_index(["cutoff", "horizon"]).loc[expected.index]
    assert not np.allclose(served["lightgbm"], expected["lightgbm"])


def test_a_run_on_other_bars_is_not_replayed(night: Path, tomorrow: pd.DataFrame):
    other = tomorrow.assign(log_close=tomorrow["log_close"] * 1.1)
    with pytest.raises(ValueError, match=r"Expected a run on these bars.*on 100% of its days"):
        replay(night, other, pd.Timestamp(TODAY))
