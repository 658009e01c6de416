"""MLflow: one experiment per coin, one parent run per coin and night, one child run per model.

Nothing here knows Prefect: a process of its own does this work, and need not spend seconds on importing it. (It does
where Prefect's engine started the run: spawned processes import the main module of their parent.) It uses
`MlflowClient` with explicit run ids, since coins log side by side.
"""

import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel, ConfigDict

from tasks import sqlite
from tasks.loadable import save_forecaster

MODEL_TRAINING = {
    "mlflow.experimentKind": "custom_model_development"
}  # a hint to the UI, which not every version takes
MAX_ENTRIES = 1000  # of one `log_batch`
MAX_POINTS = 50  # of one curve
FORECASTER = "forecaster"  # name of the loadable model
CARD = "model_card.md"
CURVES = "curves.html"


class ModelLog(BaseModel):
    """What one child run shows.

    Attributes:
        params: settings.
        metrics: final figures.
        curves: records per epoch, each with `epoch`; their other values become metrics by step.
        folder: files to keep, or None.
    """

    model_config = ConfigDict(frozen=True)

    params: dict[str, Any]
    metrics: dict[str, float]
    curves: list[dict[str, float]] = []
    folder: Path | None = None


class NightLog(BaseModel):
    """What the parent run shows; `models` become its children."""

    model_config = ConfigDict(frozen=True)

    coin: str
    run: str
    tags: dict[str, str]
    params: dict[str, Any]
    metrics: dict[str, float]
    folders: dict[str, Path]
    models: dict[str, ModelLog]


def log_night(night: NightLog, tracking_uri: str) -> str:
    """Log one coin's night and return the parent run's id. A run that could not be logged whole is marked FAILED."""
    client, experiment = _experiment(tracking_uri, night.coin)
    parent = client.create_run(experiment, run_name=f"{night.coin} {night.run}", tags=night.tags).info.run_id
    try:
        _log(client, parent, night.params, night.metrics, [], night.folders)
        for model, entry in night.models.items():
            _log_model(client, experiment, parent, model, entry)
    except BaseException:
        client.set_terminated(parent, "FAILED")
        raise
    client.set_terminated(parent)
    return str(parent)


class AdvancedLog(BaseModel):
    """What is added to a logged night.

    Attributes:
        coin: ticker.
        run: name of the saved run.
        folder: the saved run, which becomes a model that `mlflow.pyfunc.load_model` loads.
        cards: markdown per child run. `PARENT_RUN_ID` and `TRACKING_URI` in it are replaced by what they name.
        curves: an HTML page of the parent run, or None.
        tags: of the model.
    """

    model_config = ConfigDict(frozen=True)

    coin: str
    run: str
    folder: Path
    cards: dict[str, str]
    curves: Path | None = None
    tags: dict[str, str] = {}


def log_further(night: AdvancedLog, parent: str, tracking_uri: str) -> str:
    """Add curves, model cards and a loadable model to the run `parent`; return the model's URI."""
    client, experiment = _experiment(tracking_uri, night.coin)
    if night.curves is not None:
        _log_curves(client, parent, night.curves)
    _log_cards(client, experiment, parent, night.cards, sqlite.resolved(tracking_uri))
    return _log_forecaster(client, experiment, parent, night)


def _log_curves(client: Any, parent: str, page: Path) -> None:
    with TemporaryDirectory() as folder:
        named = Path(folder) / CURVES
        shutil.copyfile(page, named)  # in the store it is named by its content
        client.log_artifact(parent, str(named))


def _log_cards(client: Any, experiment: str, parent: str, cards: Mapping[str, str], tracking_uri: str) -> None:
    """A card is a file of its child run, and its description where it is short enough to be one."""
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NOTE
    from mlflow.utils.validation import MAX_TAG_VAL_LENGTH

    children = client.search_runs([experiment], f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}'")
    for child in children:
        if (card := cards.get(child.info.run_name)) is None:
            continue
        text = card.replace("PARENT_RUN_ID", parent).replace("TRACKING_URI", tracking_uri)
        client.log_text(child.info.run_id, text, CARD)
        if len(text) <= MAX_TAG_VAL_LENGTH:
            client.set_tag(child.info.run_id, MLFLOW_RUN_NOTE, text)


def _log_forecaster(client: Any, experiment: str, parent: str, night: AdvancedLog) -> str:
    """Log the saved run as a model of the parent run; one that cannot be logged whole is marked FAILED."""
    from mlflow.entities import LoggedModelOutput

    tags = {"coin": night.coin, "run": night.run, **night.tags}
    model = client.create_logged_model(
        experiment, name=FORECASTER, source_run_id=parent, tags=tags, model_type="forecaster"
    )
    try:
        with TemporaryDirectory() as folder:
            save_forecaster(night.folder, Path(folder) / "model", run_id=parent, model_id=model.model_id)
            client.log_model_artifacts(model.model_id, str(Path(folder) / "model"))
        client.log_outputs(parent, [LoggedModelOutput(model.model_id, step=0)])
    except BaseException:
        client.finalize_logged_model(model.model_id, "FAILED")
        raise
    client.finalize_logged_model(model.model_id, "READY")
    return f"models:/{model.model_id}"


def _log_model(client: Any, experiment: str, parent: str, model: str, entry: ModelLog) -> None:
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    child = client.create_run(experiment, run_name=model, tags={MLFLOW_PARENT_RUN_ID: parent}).info.run_id
    folders = {} if entry.folder is None else {"model": entry.folder}
    try:
        _log(client, child, entry.params, entry.metrics, entry.curves, folders)
    except BaseException:
        client.set_terminated(child, "FAILED")
        raise
    client.set_terminated(child)


def _thinned(curve: list[Mapping[str, float]]) -> list[Mapping[str, float]]:
    """The first, every so-manieth and the last: trees have hundreds of rounds, each a row per figure."""
    every = -(-len(curve) // MAX_POINTS)
    return [record for i, record in enumerate(curve, start=1) if i % every == 0 or i in (1, len(curve))]


def _log(
    client: Any,
    run: str,
    params: Mapping[str, Any],
    metrics: Mapping[str, float],
    curves: Iterable[Mapping[str, float]],
    folders: Mapping[str, Path],
) -> None:
    from mlflow.entities import Metric, Param

    stamp = int(time.time() * 1000)
    points = [Metric(name, float(value), stamp, 0) for name, value in metrics.items()]
    points += [
        Metric(name, float(value), stamp, int(record["epoch"]))
        for record in _thinned(list(curves))
        for name, value in record.items()
        if name != "epoch"
    ]
    first = MAX_ENTRIES - len(params)  # in one batch with them: each waits for the disk several times
    client.log_batch(run, points[:first], [Param(name, str(value)) for name, value in params.items()])
    for start in range(first, len(points), MAX_ENTRIES):
        client.log_batch(run, points[start : start + MAX_ENTRIES])
    for name, folder in folders.items():
        client.log_artifacts(run, str(folder), name)


def import_ahead(tracking_uri: str) -> None:
    """Import what logging will need, which takes a second or two, and let it look at what is installed."""
    import mlflow.pyfunc
    from mlflow.utils.requirements_utils import warn_dependency_requirement_mismatches

    warn_dependency_requirement_mismatches([f"mlflow=={mlflow.__version__}"])
    if sqlite.file_of(tracking_uri) is not None:
        import mlflow.store.tracking.sqlalchemy_store
        from sqlalchemy.orm import configure_mappers

        configure_mappers()


def _experiment(tracking_uri: str, coin: str) -> tuple[Any, str]:
    """A client and the id of the coin's experiment; database and experiment are made once, one process at a time."""
    from mlflow import MlflowClient

    with sqlite.making(tracking_uri):
        sqlite.write_ahead(tracking_uri)
        sqlite.wait_once(tracking_uri)
        client = MlflowClient(tracking_uri)
        found = client.get_experiment_by_name(coin)
        if found is not None:
            return client, found.experiment_id
        location = sqlite.artifact_location(tracking_uri, coin)
        return client, client.create_experiment(coin, artifact_location=location, tags=MODEL_TRAINING)
