"""The registry's alias, on a client that remembers what it is told: MLflow itself is exercised by `test_log`."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tasks.registry import mirror_champion, registered_name


class Client:
    """As much of MLflow's registry as the mirror uses."""

    def __init__(self, logged: dict[str, str]) -> None:
        self.logged, self.names, self.versions, self.aliases = logged, set(), [], {}

    def get_registered_model(self, name: str) -> None:
        from mlflow.exceptions import MlflowException

        if name not in self.names:
            raise MlflowException("none")

    def create_registered_model(self, name: str, tags: dict[str, str]) -> None:
        self.names.add(name)

    def search_model_versions(self, query: str) -> list[Any]:
        return [each for each in self.versions if f"'{each.name}'" in query]

    def create_model_version(self, name: str, source: str, run_id: str, tags: dict[str, str], model_id: str) -> Any:
        version = SimpleNamespace(name=name, version=str(len(self.versions) + 1), tags=tags, source=source)
        self.versions.append(version)
        return version

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        self.aliases[name, alias] = version

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        self.aliases.pop((name, alias), None)

    def get_experiment_by_name(self, name: str) -> Any:
        return SimpleNamespace(experiment_id="1")

    def search_logged_models(self, experiments: list[str], query: str) -> list[Any]:
        run = query.split("'")[1]
        return [SimpleNamespace(model_id=self.logged[run], source_run_id="parent")] if run in self.logged else []


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], Client]:
    def make(logged: dict[str, str]) -> Client:
        made = Client(logged)
        monkeypatch.setattr("mlflow.MlflowClient", lambda uri: made)
        return made

    return make


def test_the_alias_follows_the_champion_and_goes_back_with_it(client):
    registry = client({"a": "m-1", "b": "m-2"})
    for run in ("a", "b", "a"):
        told = mirror_champion("BTC", "folder", run, "sqlite:///none.db")
    assert registry.aliases == {("BTC-forecaster", "champion"): "1"}
    assert [version.source for version in registry.versions] == ["models:/m-1", "models:/m-2"]
    assert told == "models:/BTC-forecaster@champion is version 1, run a"


def test_a_run_without_a_loadable_model_is_not_mirrored_and_registers_nothing(client):
    registry = client({})
    with pytest.raises(LookupError, match="Expected the loadable model of BTC a in MLflow"):
        mirror_champion("BTC", "folder", "a", "sqlite:///none.db")
    assert registry.names == set()


def test_no_alias_is_left_on_another_run_than_the_one_that_is_served(client):
    registry = client({"a": "m-1"})
    mirror_champion("BTC", "folder", "a", "sqlite:///none.db")
    with pytest.raises(LookupError):
        mirror_champion("BTC", "folder", "b", "sqlite:///none.db")
    assert registry.aliases == {}


def test_simulated_bars_have_a_registered_model_of_their_own():
    assert registered_name("BTC", "folder") != registered_name("BTC", "simulated")
