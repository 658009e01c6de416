"""What MLflow is given, in a database of its own: runs and children, and the advanced part that joins them later."""

import json
import os
import site
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecaster.serving import load_run
from tasks.log import log, log_advanced
from tasks.pool import Pool
from tasks.runtime import Runtime, use_runtime
from tasks.steps import StepLog
from tasks.tracking import MAX_ENTRIES, MAX_POINTS, AdvancedLog, ModelLog, NightLog
from tests.conftest import TODAY, World
from tests.saved_run import save_night

# MLflow's own deprecations are its own to mend.
pytestmark = pytest.mark.filterwarnings("default")

CARD = 'set_tracking_uri("TRACKING_URI"); load_model("runs:/PARENT_RUN_ID/forecaster")'
LOAD = """
import importlib.util, sys
sys.path += sys.argv[1].split(":")
assert importlib.util.find_spec("forecaster") is None, "the project must not be importable here"
import mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[2])
model, same = (mlflow.pyfunc.load_model(uri) for uri in sys.argv[3].split())
assert model.metadata.model_id == same.metadata.model_id
bars = pd.read_parquet(sys.argv[4])
model.predict(bars, params={"n_origins": 2}).to_parquet(sys.argv[5])
try:
    model.predict(bars.groupby("coin").tail(100))
except Exception as error:
    print(error)
"""


@pytest.fixture(scope="module")
def saved(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_night(world, tmp_path_factory.mktemp("saved") / "20251220T003000Z")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("house")


@pytest.fixture(scope="module")
def uri(house: Path) -> str:
    return f"sqlite:///{house / 'mlflow.db'}"


@pytest.fixture(scope="module", autouse=True)
def _runtime(house: Path) -> Iterator[None]:
    silent: Any = None
    with use_runtime(Runtime("BTC", house / "artifacts", "test", Pool(0), silent, StepLog())):
        yield


def night(folder: Path | None = None) -> NightLog:
    models = {
        "lightgbm": ModelLog(params={"num_leaves": 31}, metrics={"test_rmse_h1": 0.02}, folder=folder),
        "zero": ModelLog(params={}, metrics={"test_rmse_h1": 0.03}),
    }
    return NightLog(
        coin="BTC", run="night", tags={"status": "OK"}, params={"seed": 1}, metrics={}, folders={}, models=models
    )


def advanced(saved: Path, **changed: Any) -> AdvancedLog:
    parts: dict[str, Any] = {"coin": "BTC", "run": saved.name, "folder": saved, "cards": {"lightgbm": CARD}}
    return AdvancedLog(**(parts | changed))


@pytest.fixture(scope="module")
def parent(saved: Path, uri: str) -> str:
    return log.fn(night(saved / "lightgbm"), uri)


@pytest.fixture(scope="module")
def model_uri(saved: Path, house: Path, uri: str, parent: str, _runtime: None) -> str:
    (house / "0a1b.html").write_text("<html></html>")
    return log_advanced.fn(advanced(saved, curves=house / "0a1b.html", tags={"simulated": "False"}), parent, uri)


@pytest.fixture(scope="module")
def client(uri: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(uri)


def child(client: Any, parent: str, name: str) -> Any:
    experiment = client.get_experiment_by_name("BTC").experiment_id
    runs = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    return next(run for run in runs if run.info.run_name == name)


def test_where_a_process_is_kept_for_mlflow_it_does_the_logging(house: Path, tmp_path: Path):
    silent: Any = None
    uri = f"sqlite:///{tmp_path / 'apart.db'}"
    with Pool(1) as apart:
        before = apart.run(os.getpid)
        now = Runtime("BTC", house / "artifacts", "test", Pool(0), silent, StepLog(), logging_pool=apart)
        with use_runtime(now):
            assert now.log_apart(os.getpid) == before
            parent = log.fn(night(), uri)
            with pytest.raises(Exception, match=r"two.*lines"):
                log.fn(night().model_copy(update={"params": {"two\nlines": 1}}), uri)
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    assert client.get_run(parent).info.status == "FINISHED"
    statuses = {run.info.status for run in client.search_runs([client.get_run(parent).info.experiment_id])}
    assert "FAILED" in statuses


def test_a_night_is_a_parent_run_with_a_child_per_model(client: Any, parent: str):
    assert client.get_run(parent).info.status == "FINISHED"
    trees = child(client, parent, "lightgbm")
    assert trees.data.params == {"num_leaves": "31"}
    assert trees.data.metrics == {"test_rmse_h1": 0.02}
    assert "model/metadata.json" in {file.path for file in client.list_artifacts(trees.info.run_id, "model")}


def test_a_card_is_a_file_and_the_description_of_its_child_run(client: Any, parent: str, uri: str, model_uri: str):
    trees = child(client, parent, "lightgbm")
    expected = f'set_tracking_uri("{uri}"); load_model("runs:/{parent}/forecaster")'
    assert trees.data.tags["mlflow.note.content"] == expected
    path = client.download_artifacts(trees.info.run_id, "model_card.md")
    assert Path(path).read_text() == expected
    assert "mlflow.note.content" not in child(client, parent, "zero").data.tags


def test_a_card_too_long_for_a_description_is_still_a_file(client: Any, saved: Path, uri: str):
    parent = log.fn(night(), uri)
    log_advanced.fn(advanced(saved, cards={"lightgbm": "x" * 8001}), parent, uri)
    trees = child(client, parent, "lightgbm")
    assert "mlflow.note.content" not in trees.data.tags
    assert [file.path for file in client.list_artifacts(trees.info.run_id)] == ["model_card.md"]


def test_the_curves_are_a_file_of_the_parent_run(client: Any, parent: str, model_uri: str):
    assert "curves.html" in {file.path for file in client.list_artifacts(parent)}


def test_the_model_belongs_to_its_run_and_is_ready(client: Any, parent: str, model_uri: str):
    model = client.get_logged_model(model_uri.removeprefix("models:/"))
    assert (model.name, model.status.value, model.source_run_id) == ("forecaster", "READY", parent)
    assert model.tags.items() >= {"coin": "BTC", "run": "20251220T003000Z", "simulated": "False"}.items()
    assert [output.model_id for output in client.get_run(parent).outputs.model_outputs] == [model.model_id]


def test_the_model_holds_code_and_files_but_no_pickle_and_no_cache(house: Path, client: Any, model_uri: str):
    folder = model_folder(client, model_uri)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"MLmodel", "pyfunc.py", "code/forecaster/serving/saved.py"} <= files
    assert "artifacts/20251220T003000Z/lightgbm/serving/model_h1.txt" in files
    assert not [name for name in files if name.endswith((".pkl", ".pickle", ".pyc")) or "cloudpickle" in name]
    requirements = (folder / "requirements.txt").read_text().split()
    assert {name.split("==")[0] for name in requirements} >= {"mlflow", "lightgbm", "ta-lib", "pandas"}
    assert not [name for name in requirements if name.startswith("tensorflow")]  # no network is served


def model_folder(client: Any, model_uri: str) -> Path:
    location = client.get_logged_model(model_uri.removeprefix("models:/")).artifact_location
    return Path(location.removeprefix("file://"))


def test_the_model_forecasts_in_a_process_that_knows_nothing_of_the_project(
    saved: Path, world: World, uri: str, parent: str, model_uri: str, tmp_path: Path
):
    frames = {coin: pd.read_parquet(world.bars / f"{coin}.parquet").loc[: TODAY.isoformat()] for coin in ("BTC", "ETH")}
    bars = pd.concat([frame.assign(coin=coin) for coin, frame in frames.items()]).reset_index()
    bars.to_parquet(tmp_path / "bars.parquet")
    uris = f"{model_uri} runs:/{parent}/forecaster"
    arguments = [":".join(site.getsitepackages()), uri, uris, tmp_path / "bars.parquet", tmp_path / "out.parquet"]
    # -I and -S: neither the working directory nor an editable install makes the project importable.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LOAD, *map(str, arguments)],
        cwd=tmp_path, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found, expected = pd.read_parquet(tmp_path / "out.parquet"), load_run(saved).forecast(bars, n_origins=2)
    pd.testing.assert_frame_equal(found, expected)
    assert "need the last 1010 daily bars" in done.stdout
    assert "Received: 100 usable bars" in done.stdout


def test_what_goes_in_and_out_is_written_down(client: Any, parent: str, model_uri: str):
    from mlflow.models import Model

    model = Model.load(str(model_folder(client, model_uri)))
    assert model.signature.inputs.input_names()[:3] == ["date", "coin", "open"]
    assert "gauge_9" in model.signature.inputs.input_names()
    assert {"log_return", "price", "notes", "lightgbm"} <= set(model.signature.outputs.input_names())
    assert json.loads(model.signature.params.to_json())[0]["name"] == "n_origins"
    assert model.run_id == parent
    assert model.model_id == model_uri.removeprefix("models:/")


def test_a_model_that_cannot_be_logged_is_marked_and_what_came_before_stays(client: Any, saved: Path, uri: str):
    parent = log.fn(night(), uri)
    with pytest.raises(FileNotFoundError):
        log_advanced.fn(advanced(saved, folder=saved.parent / "nowhere"), parent, uri)
    assert client.get_run(parent).info.status == "FINISHED"
    assert "mlflow.note.content" in child(client, parent, "lightgbm").data.tags
    experiment = client.get_experiment_by_name("BTC").experiment_id
    models = client.search_logged_models([experiment])
    assert [model.status.value for model in models if model.source_run_id == parent] == ["FAILED"]


def test_coins_that_log_side_by_side_do_not_mix(client: Any, saved: Path, uri: str):
    parents = [log.fn(night(), uri) for _ in range(3)]
    current = Runtime("BTC", saved.parent, "test", Pool(0), None, StepLog())

    def add(parent: str) -> str:
        with use_runtime(current):
            return log_advanced.fn(advanced(saved), parent, uri)

    with ThreadPoolExecutor(3) as threads:
        uris = list(threads.map(add, parents))
    owners = [client.get_logged_model(each.removeprefix("models:/")).source_run_id for each in uris]
    assert owners == parents


def test_more_figures_than_one_batch_takes_are_all_logged(client: Any, uri: str):
    names = [f"loss_{i}" for i in range(MAX_ENTRIES // MAX_POINTS + 1)]
    epochs = [{"epoch": epoch, **dict.fromkeys(names, 1.0 / epoch)} for epoch in range(1, MAX_POINTS + 1)]
    model = ModelLog(params={"filters": 32}, metrics={"test_rmse_h1": 0.02}, curves=epochs)
    run = child(client, log.fn(night().model_copy(update={"models": {"tcn": model}}), uri), "tcn")
    for name in names:
        history = client.get_metric_history(run.info.run_id, name)
        assert {point.step: point.value for point in history} == {each["epoch"]: each[name] for each in epochs}
    assert run.data.params == {"filters": "32"}
    assert run.data.metrics["test_rmse_h1"] == 0.02


def test_a_long_curve_is_logged_at_regular_steps_and_with_its_end(client: Any, uri: str):
    epochs = [{"epoch": epoch, "loss": 1.0 / epoch} for epoch in range(1, 2 * MAX_POINTS + 6)]
    model = ModelLog(params={}, metrics={}, curves=epochs)
    run = child(client, log.fn(night().model_copy(update={"models": {"lightgbm": model}}), uri), "lightgbm")
    history = client.get_metric_history(run.info.run_id, "loss")
    steps = [1, *range(3, 2 * MAX_POINTS + 6, 3), 2 * MAX_POINTS + 5]
    assert {point.step: point.value for point in history} == {step: 1.0 / step for step in steps}
