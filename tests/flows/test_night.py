"""Whole nights on a real Prefect server, with LightGBM and the baselines: what is reused, what survives what."""

import json
import logging
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from filelock import FileLock

from flows.fits import spec_of
from flows.retrain import refuse_unattended_simulation
from forecaster.config import RunConfig
from forecaster.plots.draw import PLOT_NAMES, PlotInputs, draw_unit
from forecaster.saving import verify
from forecaster.store import Artifact
from tasks.runtime import runtime
from tests.flows.conftest import House, Watcher

# Prefect's and MLflow's own deprecations are theirs to mend.
pytestmark = [pytest.mark.flow, pytest.mark.filterwarnings("default")]


def missed(report: dict[str, Any]) -> dict[str, str]:
    """Steps that ran although they are cached, and why."""
    return {step["name"]: step["because"] for step in report["steps"] if step["cache"] == "miss"}


def fits(names: Any) -> set[str]:
    return {name for name in names if name.startswith(("fit-", "refit-"))}


PLOTS = {*PLOT_NAMES, "uncertainty.png", "forecast.png"}  # of a night without tuning and walk-forward


def newest_report(house: House) -> dict[str, Any]:
    folder = max((house.root / "training_output").iterdir(), key=lambda path: path.stat().st_mtime)
    return json.loads((folder / "training_report.json").read_text())


def test_a_night_leaves_models_report_pictures_and_a_pointer(first_night: House) -> None:
    pointer = json.loads((first_night.root / "artifacts/BTC/latest-folder.json").read_text())
    saved = first_night.root / "artifacts" / pointer["folder"]
    verify(saved)
    assert {p.name for p in saved.iterdir()} >= {"lightgbm", "ridge", "zero", "mean", "advanced_ensemble"}
    assert (saved / "lightgbm" / "serving" / "model_h30.txt").is_file()
    output = first_night.root / "training_output" / f"BTC_{pointer['run']}"
    assert {p.name for p in output.glob("*.png")} == PLOTS
    report = newest_report(first_night)
    assert set(report["models"]) == {"lightgbm"}
    assert set(report["models"]["lightgbm"]["test"]) == {"1", "7", "30"}
    assert report["data"]["simulated"] is False


def test_every_metric_stands_beside_the_baselines(first_night: House) -> None:
    report = newest_report(first_night)
    assert set(report["baselines"]) == {"zero", "mean", "ridge"}
    for rival in (report["models"]["lightgbm"], report["ensemble"], *report["baselines"].values()):
        assert set(rival["test"]["7"]) >= {"rmse", "scaled_rmse", "mae", "r2", "directional_accuracy", "skill_vs_zero"}
    assert report["baselines"]["zero"]["test"]["1"]["skill_vs_zero"] == 0


def test_mlflow_shows_a_parent_run_and_a_child_per_model(first_night: House) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{first_night.root / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("BTC")
    runs = client.search_runs([experiment.experiment_id])
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    (parent,) = [run for run in runs if run not in children]
    assert {run.info.run_name for run in children} >= {"lightgbm", "advanced_ensemble", "zero", "ridge"}
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    trees = next(run for run in children if run.info.run_name == "lightgbm")
    assert "test_rmse_h7" in trees.data.metrics
    assert trees.data.params["num_leaves"] == "31"
    assert len(client.get_metric_history(trees.info.run_id, "val_h1_loss")) > 1
    assert {file.path for file in client.list_artifacts(parent.info.run_id, "report")} >= {"report/report.md"}
    assert {file.path for file in client.list_artifacts(trees.info.run_id, "model")} >= {"model/metadata.json"}


def test_the_same_night_again_fits_nothing_even_in_a_moved_folder(house: House) -> None:
    state, watcher = house.run()
    report = house.report(watcher)
    assert state.is_completed()
    assert missed(report) == {}
    assert {how for *_, how in watcher.ended} == {"reused"}
    assert "Reused: all 3 fits. Nothing that they depend on changed." in watcher.outcomes["BTC"].notes
    assert watcher.outcomes["BTC"].reused == "3 of 3"
    page = Path(watcher.outcomes["BTC"].report or "").with_name("report.md").read_text()
    assert "Reused: all 3 fits." in page.split("## Data")[0]


def test_a_new_bar_gives_no_judged_fit_and_one_refit(house: House) -> None:
    house.write_bars("2025-12-21")
    _, watcher = house.run(as_of="2025-12-21")
    because = missed(house.report(watcher))
    assert fits(because) == {"refit-BTC-lightgbm"}
    assert {name.split("-")[0] for name in because} == {
        *("prepare", "audit", "predict", "evaluate", "calibrate", "intervals", "refit", "plot"),
        *("replay", "issue", "grade"),
    }
    assert "stack-BTC" not in because
    assert "input parts" in because["refit-BTC-lightgbm"]
    told = "Reused: 2 of 3 fits. Computed: 1 serving refit, because the bars changed."
    assert told in watcher.outcomes["BTC"].notes


def test_editing_one_model_refits_that_model_alone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(monkeypatch, "forecaster/models/lightgbm.py")
    _, watcher = house.run()
    because = missed(house.report(watcher))
    # Of the two folds the first is too short, and dropped.
    assert fits(because) == {"fit-BTC-lightgbm-judged", "fit-BTC-lightgbm-fold-2", "refit-BTC-lightgbm"}
    assert "source of forecaster.fitting, forecaster.models.lightgbm" in because["fit-BTC-lightgbm-judged"]


def test_editing_a_plot_fits_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(monkeypatch, "forecaster/plots/training.py")
    _, watcher = house.run()
    assert {name.split("-")[0] for name in missed(house.report(watcher))} == {"plot"}


def test_more_epochs_do_not_refit_what_has_none(house: House) -> None:
    _, watcher = house.run(epochs=7)
    assert fits(missed(house.report(watcher))) == set()


def test_a_damaged_artifact_is_made_again(house: House) -> None:
    trees = json.loads((house.root / "artifacts/BTC/latest-folder.json").read_text())
    model = house.root / "artifacts" / trees["folder"] / "lightgbm" / "model_h1.txt"
    twin = next(
        p for p in (house.root / "artifacts/objects").rglob("model_h1.txt") if p.read_text() == model.read_text()
    )
    twin.write_text("broken")
    _, watcher = house.run()
    because = missed(house.report(watcher))
    assert len(fits(because)) == 1
    assert "gone or altered" in next(iter(because.values()))


def test_a_coin_without_its_partner_runs_degraded_and_a_damaged_coin_fails_alone(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("prefect").addHandler(caplog.handler)
    (house.root / "bars" / "ETH.csv").write_text("date,open,high,low,close,volume\n2025-12-19,1,2,0.5,-3,4\n")
    try:
        state, watcher = house.run(crypto=("BTC", "ETH"))
    finally:
        logging.getLogger("prefect").removeHandler(caplog.handler)
    assert state.is_failed()
    assert "ETH: FAILED BarsError: ETH.csv" in state.message
    failed = [record for record in caplog.records if "ETH.csv" in record.getMessage()]
    assert failed
    assert not any(record.exc_info for record in failed)  # no traceback
    assert watcher.outcomes["BTC"].status == "DEGRADED"
    assert "cross-asset" in watcher.outcomes["BTC"].reasons[0]
    assert not [c for c in house.report(watcher)["features"]["selected"] if c.startswith("eth_")]


def test_a_killed_worker_costs_one_retry(market: dict[str, pd.DataFrame], server: None, tmp_path: Path) -> None:
    house = House(tmp_path / "house", market)
    house.root.mkdir()
    house.write_bars()

    def kill() -> None:
        slot = next(slot for slot in runtime().pool._busy if slot.is_alive())
        os.kill(slot.pid, signal.SIGKILL)

    state, watcher = house.run(Watcher(on_epoch=kill))
    steps = house.report(watcher)["steps"]
    assert state.is_completed()
    assert watcher.outcomes["BTC"].status == "OK"
    assert sum(step["retries"] for step in steps) == 1


def test_a_failing_mlflow_costs_no_fit_and_is_told(house: House) -> None:
    state, watcher = house.run(tracking_uri="sqlite:////proc/nowhere/mlflow.db")
    assert state.is_completed()
    assert watcher.outcomes["BTC"].status == "DEGRADED"
    assert "MLflow" in house.report(watcher)["reasons"][0]


def test_a_lost_model_leaves_the_coin_running_on_the_others(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.fits.spec_of", broken_spec_of)
    state, watcher = house.run(no_dlinear=False, epochs=1)
    assert state.is_completed()
    report = house.report(watcher)
    assert report["status"] == "DEGRADED"
    assert "dlinear was lost" in report["reasons"][0]
    assert set(report["models"]) == {"lightgbm"}


def test_a_report_that_cannot_be_written_costs_no_fit_and_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(target: Path, text: str) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("tasks.report.write_text", full)
    state, watcher = house.run()
    assert state.is_completed()
    assert watcher.outcomes["BTC"].status == "DEGRADED"
    assert "No space left" in watcher.outcomes["BTC"].reasons[0]


def test_a_plot_that_fails_costs_no_other(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(monkeypatch, "forecaster/plots/training.py")
    monkeypatch.setattr("tasks.plot.draw_unit", draw_all_but_one)
    _, watcher = house.run()
    report = house.report(watcher)
    assert [reason for reason in report["reasons"] if "loss_curves.png could not be drawn" in reason]
    assert set(report["plots"]) == PLOTS - {"loss_curves.png"}


def test_a_second_run_of_a_coin_waits_for_the_first(house: House) -> None:
    lock = FileLock(house.root / "artifacts" / "BTC" / ".folder.lock", thread_local=False)
    lock.acquire()
    timer = threading.Timer(8, lock.release)
    timer.start()
    started = time.monotonic()
    state, watcher = house.run()
    assert state.is_completed()
    assert time.monotonic() - started >= 8
    assert watcher.said == ["waiting: another run of BTC is under way"]


def test_a_cancelled_night_keeps_what_was_finished(
    market: dict[str, pd.DataFrame], server: None, tmp_path: Path
) -> None:
    house = House(tmp_path / "house", market)
    house.root.mkdir()
    house.write_bars()

    def cancel() -> None:
        runtime().pool.close()

    state, watcher = house.run(Watcher(on_epoch=cancel))
    assert state.is_cancelled()
    assert watcher.outcomes["BTC"].status == "CANCELLED"
    _, watcher = house.run()
    assert "prepare-BTC" not in missed(house.report(watcher))
    assert watcher.outcomes["BTC"].status == "OK"


def test_a_scheduled_run_without_bars_refuses_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    class Scheduled:
        class flow_run:
            auto_scheduled = True

    monkeypatch.setattr("flows.retrain.FlowRunContext.get", lambda: Scheduled)
    with pytest.raises(ValueError, match="Set the parameter `data_dir`"):
        refuse_unattended_simulation(RunConfig())


def edit(monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    """Pretend that one source file was edited."""
    from tasks import source

    read = source._read

    def edited(name: str, path: Path, mtime_ns: int) -> tuple[str, tuple[str, ...]]:
        digest, imports = read(name, path, mtime_ns)
        return ("edited" if path.as_posix().endswith(file) else digest), imports

    monkeypatch.setattr(source, "_read", edited)


def broken_spec_of(data: Any, model: str, *rest: Any, **keywords: Any) -> Any:
    """A spec that makes the network fail in its worker as a bug would."""
    spec = spec_of(data, model, *rest, **keywords)
    return spec.model_copy(update={"settings": {}}) if model == "dlinear" else spec


def draw_all_but_one(root: Path, name: str, inputs: PlotInputs) -> Artifact:
    if name == "loss_curves.png":
        raise ValueError("no ink")
    return draw_unit(root, name, inputs)
