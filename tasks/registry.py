"""MLflow's model registry follows the champion's pointer: one registered model per coin and kind of bars.

The pointer file decides what is served; the alias only says so to those who look in MLflow.
"""

from typing import Any

ALIAS = "champion"


def registered_name(coin: str, source: str) -> str:
    """`BTC-forecaster`; simulated bars have one of their own."""
    return f"{coin}-forecaster-simulated" if source == "simulated" else f"{coin}-forecaster"


class NoLoadableModel(LookupError):
    """MLflow has no loadable model of a run that is served."""


def mirror_champion(coin: str, source: str, run: str, tracking_uri: str) -> str:
    """Point the alias `champion` at the version of a run, which is registered if it is not yet; what was done.

    Raises:
        NoLoadableModel: if MLflow has none of that run. No alias is left then: it would name another run.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    client, name = MlflowClient(tracking_uri), registered_name(coin, source)
    try:
        client.get_registered_model(name)
    except MlflowException:
        _logged_model(client, coin, run)  # no empty entry for what cannot be registered
        client.create_registered_model(name, tags={"coin": coin, "source": source})
    try:
        version = _version_of(client, name, run) or _registered(client, name, coin, run)
    except NoLoadableModel:
        client.delete_registered_model_alias(name, ALIAS)
        raise
    client.set_registered_model_alias(name, ALIAS, version)
    return f"models:/{name}@{ALIAS} is version {version}, run {run}"


def _version_of(client: Any, name: str, run: str) -> str | None:
    found = client.search_model_versions(f"name = '{name}'")
    return next((each.version for each in found if each.tags.get("run") == run), None)


def _registered(client: Any, name: str, coin: str, run: str) -> str:
    model = _logged_model(client, coin, run)
    version = client.create_model_version(
        name, source=f"models:/{model.model_id}", run_id=model.source_run_id, tags={"run": run}, model_id=model.model_id
    )
    return str(version.version)


def _logged_model(client: Any, coin: str, run: str) -> Any:
    experiment = client.get_experiment_by_name(coin)
    found = experiment and client.search_logged_models([experiment.experiment_id], f"tags.run = '{run}'")
    if not found:
        raise NoLoadableModel(
            f"Expected the loadable model of {coin} {run} in MLflow. Received: none; it was logged elsewhere, or with "
            "--no-advanced-mlflow. No run has the alias now."
        )
    return found[0]
