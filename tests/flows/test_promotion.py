"""`retrain promote` and `retrain rollback`, on runs made by hand; MLflow is not asked."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flows import promotion
from flows.cli import retrain
from forecaster.promotion.champion import read_champion
from tests.forecaster.promotion.conftest import RECIPE, forecasts
from tests.forecaster.promotion.conftest import candidate as candidate
from tests.forecaster.promotion.conftest import root as root
from tests.forecaster.promotion.conftest import save as save

Y = [1.0, -1.0, 1.0, -1.0]


@pytest.fixture
def mirrored(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr(promotion, "_mirror", lambda *given: told.append(given[:3]))
    return told


@pytest.fixture
def call(root: Path, mirrored: list[tuple[str, ...]]) -> Callable[..., Result]:
    return lambda *args: CliRunner().invoke(retrain, [*args, "--artifacts-dir", str(root)], prog_name="retrain")


@pytest.fixture
def saved(candidate, save) -> Callable[..., None]:
    def make(run: str, share: float) -> None:
        recipe = RECIPE.model_copy(update={"seed": ord(run)})
        save(run, candidate(forecasts(Y, [share * y for y in Y]), recipe=recipe))

    return make


def test_a_first_champion_a_refusal_a_forced_one_and_the_way_back(root: Path, call, saved, mirrored):
    saved("a", 0.9)
    first = call("promote", "--crypto", "btc")
    assert (first.exit_code, "BTC a: first." in first.output) == (0, True)
    saved("b", 0.1)
    refused = call("promote", "--crypto", "BTC")
    assert refused.exit_code == 1
    assert "BTC b: refused. loss:" in refused.output
    assert "  ok  finite" in refused.output
    assert "  NO  loss" in refused.output
    assert "Served: a." in refused.output
    assert "retrain promote --crypto BTC --run b --force" in refused.output
    assert call("promote", "--crypto", "BTC", "--run", "b", "--force").exit_code == 0
    assert read_champion(root, "BTC", "folder").run == "b"
    again = call("promote", "--crypto", "BTC", "--run", "b")
    assert (again.exit_code, "BTC b: unchanged." in again.output) == (0, True)
    back = call("rollback", "--crypto", "BTC")
    assert back.exit_code == 0
    assert "BTC: a is served again" in back.output
    assert "Taken back: b. Before it: none." in back.output
    assert mirrored == [("BTC", "folder", run) for run in ("a", "b", "b", "a")]


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (("rollback", "--crypto", "BTC"), "BTC: expected a champion. Received: none on real bars"),
        (("rollback", "--crypto", "BTC", "--simulated"), "none on simulated bars"),
        (("promote", "--crypto", "BTC", "--run", "z"), "BTC: expected a saved run. Received: z"),
        (("promote", "--crypto", "ETH"), "ETH: expected saved runs."),
        (("promote", "--crypto", "SOL"), "--crypto: expected"),
        (("promote", "--crypto", "BTC,ETH", "--run", "a"), "--run: expected one coin beside it."),
        (("promote",), "Missing option '--crypto'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_with_what_to_do(call, saved, args, complaint):
    saved("a", 0.9)
    result = call(*args)
    assert result.exit_code == 2
    assert complaint in result.output
    assert result.output.count("\n") == 1


def test_a_registry_that_fails_costs_no_promotion(root: Path, saved, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> str:
        raise OSError("the database is gone")

    monkeypatch.setattr("tasks.registry.mirror_champion", broken)
    saved("a", 0.9)
    result = CliRunner().invoke(retrain, ["promote", "--crypto", "BTC", "--artifacts-dir", str(root)])
    assert result.exit_code == 0
    assert "not moved: OSError: the database is gone" in result.output
    assert read_champion(root, "BTC", "folder").run == "a"
