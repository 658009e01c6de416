"""What a night does about the champion, without Prefect: the two steps are called as the functions that they wrap."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows import champion
from flows.champion import NOT_ASKED, promote_safely
from flows.progress import Silent
from forecaster.config import RunConfig
from forecaster.promotion.champion import read_champion
from forecaster.promotion.contest import contest_unit
from forecaster.promotion.verdict import Verdict, conclude
from forecaster.saving import Saved
from tasks.runtime import Runtime, use_runtime
from tasks.steps import StepLog
from tests.forecaster.promotion.conftest import RECIPE, forecasts
from tests.forecaster.promotion.conftest import candidate as candidate
from tests.forecaster.promotion.conftest import root as root
from tests.forecaster.promotion.conftest import save as save

Y = [1.0, -1.0, 1.0, -1.0]


@pytest.fixture(autouse=True)
def compared(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Runs that were compared, oldest first."""
    told: list[str] = []

    def contest(made, theirs):
        told.append(theirs.run if theirs else "nobody")
        return contest_unit(root, made, theirs)

    monkeypatch.setattr(champion, "contest", contest)
    monkeypatch.setattr(champion, "promote", lambda made, saved, found: conclude(root, made, saved, found))
    with use_runtime(Runtime("BTC", root, "folder", None, Silent(), StepLog())):
        yield told


@pytest.fixture
def night(candidate, save):
    def end(run: str, share: float = 0.5, promote: bool | None = True, seed: int = 1) -> tuple[Verdict, list[str]]:
        made = candidate(forecasts(Y, [share * y for y in Y]), recipe=RECIPE.model_copy(update={"seed": seed}))
        stored, reasons = save(run, made), []
        saved = Saved(folder=stored.folder, manifest_sha256=stored.manifest_sha256)
        return promote_safely(RunConfig(promote=promote), made, saved, run, reasons), reasons

    return end


def test_nights_of_one_recipe_are_compared_once(night, compared):
    assert [night(run)[0].verdict for run in ("a", "b", "c")] == ["first", "unchanged", "unchanged"]
    assert compared == ["nobody"]


def test_another_recipe_is_compared_with_the_champions_newest_run(night, compared):
    for run, share, seed in (("a", 0.5, 1), ("b", 0.5, 1), ("c", 0.1, 2), ("d", 0.9, 3)):
        found, _ = night(run, share, seed=seed)
    assert found.verdict == "promoted"
    assert compared == ["nobody", "b", "b"]


@pytest.mark.parametrize("promote", [False, None])
def test_a_night_that_nobody_asked_to_promote_leaves_the_champion_alone(root: Path, night, compared, promote):
    night("a")
    found, reasons = night("b", promote=promote)
    assert (found.verdict, found.reasons, found.champion) == ("off", (NOT_ASKED,), "a")
    assert reasons == []
    assert read_champion(root, "BTC", "folder").run == "a"


def test_a_comparison_that_fails_costs_the_night_a_sentence_and_the_champion_nothing(
    root: Path, night, monkeypatch: pytest.MonkeyPatch
):
    night("a")

    def broken(*_: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(champion, "contest", broken)
    found, reasons = night("b", seed=2)
    assert found.verdict == "failed"
    assert reasons == ["It was not judged whether the run is to be served: OSError: the disk is gone"]
    assert read_champion(root, "BTC", "folder").run == "a"
