"""`retrain forecast`, and the end of every night."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from flows import cli
from flows.usage import FORECAST_FLAGS
from forecaster.config import RunConfig
from tests.flows.conftest import LAST_DAY, House


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[RunConfig]:
    """What would have been forecast."""
    configs: list[RunConfig] = []
    monkeypatch.setattr(cli, "_run", lambda config, own, watch: configs.append(config) or 0)
    monkeypatch.setattr(cli, "_boot_server", lambda: None)
    return configs


@pytest.fixture
def call(asked: list[RunConfig]) -> Callable[..., Result]:
    return lambda *args: CliRunner().invoke(cli.retrain, ["forecast", *map(str, args)], prog_name="retrain")


def test_the_command_takes_coins_bars_and_folders_as_a_night_does(
    call: Callable[..., Result], asked: list[RunConfig], tmp_path: Path
) -> None:
    assert call("--crypto", "btc,ETH", "--data-dir", tmp_path, "--as-of", "2025-06-30").exit_code == 0
    (config,) = asked
    assert (config.crypto, config.data_dir, str(config.as_of)) == (("BTC", "ETH"), tmp_path, "2025-06-30")


def test_it_knows_no_flag_of_training(call: Callable[..., Result], asked: list[RunConfig]) -> None:
    found = call("--epochs", "3")
    assert found.exit_code == 2
    assert "--epochs" in found.output
    assert not asked
    assert "--artifacts-dir" in call("--help").output


def test_the_flow_takes_what_the_command_takes_and_so_do_its_deployments() -> None:
    from flows.forecast import forecast

    assert set(forecast.parameters.properties) == set(FORECAST_FLAGS)
    deployments = Path("deployments/prefect.yaml").read_text(encoding="utf-8")
    assert deployments.count("<<: *forecast") == 6


def diary(house: House) -> pd.DataFrame:
    return pd.read_parquet(house.root / "forecasts" / "BTC.parquet")


@pytest.mark.flow
@pytest.mark.filterwarnings("default")
def test_every_night_ends_with_a_forecast_and_the_same_night_again_issues_nothing_anew(house: House) -> None:
    before = diary(house)
    assert before["horizon"].tolist() == [1, 7, 30]
    state, watcher = house.run()
    assert state.is_completed(), state.message
    pd.testing.assert_frame_equal(diary(house), before)
    report = house.report(watcher)
    caches = {step["name"]: step["cache"] for step in report["steps"]}
    assert {caches[f"{name}-BTC"] for name in ("issue", "grade", "audit")} == {"hit"}
    assert list(report["forecast"]["horizons"]) == ["1", "7", "30"]
    assert report["forecast"]["run"] == Path(watcher.outcomes["BTC"].folder or "").name  # of tonight, if equal to last
    assert report["leakage"]["truncation_audit"]["differing"] == []
    assert "forecast.png" in report["plots"]
    assert (Path(watcher.outcomes["BTC"].report or "").parent / "forecast.png").is_file()


def forecast_only(house: House, lines: list[str]) -> Any:
    """What `retrain forecast` runs on the house's bars; its lines are added to `lines`."""
    from flows.forecast import forecast, tell

    token = tell.set(lines.append)
    try:
        return forecast(
            crypto=("BTC",),
            data_dir=house.root / "bars",
            as_of="2025-12-28",
            artifacts_dir=house.root / "artifacts",
            output_dir=house.root / "training_output",
            return_state=True,
        )
    finally:
        tell.reset(token)


@pytest.mark.flow
@pytest.mark.filterwarnings("default")
def test_forecasts_of_earlier_nights_are_graded_when_their_day_has_come(house: House) -> None:
    lines: list[str] = []
    house.write_bars("2025-12-28")
    path = house.root / "forecasts" / "BTC.parquet"
    pd.read_parquet(path).assign(issued=pd.Timestamp(LAST_DAY) + pd.Timedelta(days=1)).to_parquet(path)  # in time
    state = forecast_only(house, lines)
    assert state.is_completed(), state.message
    rows = diary(house)
    assert [str(day.date()) for day in rows["cutoff"].unique()] == [LAST_DAY, "2025-12-28"]
    told = json.loads((house.root / "forecasts" / "BTC.json").read_text())
    assert len(told) == len(rows) == 6
    text = "\n".join(lines)
    assert "Live, 1 day ahead: 1 graded" in text
    assert "Made late" not in text
    assert "8 days before as-of" in text  # the models are a week old and more
    assert list((house.root / "training_output").glob("BTC_2025-12-28_forecast.png"))


@pytest.mark.flow
@pytest.mark.filterwarnings("default")
def test_a_forecast_that_could_not_be_entered_is_told_and_fails_the_run(house: House) -> None:
    (house.root / "forecasts" / "BTC.parquet").write_text("torn")
    lines: list[str] = []
    state = forecast_only(house, lines)
    assert state.is_failed()
    assert "BTC: The diary of forecasts was not kept: DiaryError: Expected a diary" in state.message
    assert any("30 days ahead" in line for line in lines)
