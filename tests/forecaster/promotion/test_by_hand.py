from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from forecaster.promotion.by_hand import BusyError, promote_by_hand, roll_back
from forecaster.promotion.champion import NoChampionError, SavedRun, read_champion
from forecaster.saving import MANIFEST
from forecaster.store import write_json
from tests.forecaster.promotion.conftest import RECIPE, forecasts

Y = [1.0, -1.0, 1.0, -1.0]


@pytest.fixture
def saved(candidate, save) -> Callable[..., SavedRun]:
    """A run whose recipe is its own; the larger `share`, the better it forecasts."""

    def make(run: str, share: float = 0.5, **changes: object) -> SavedRun:
        recipe = RECIPE.model_copy(update={"seed": sum(map(ord, run))})
        return save(run, candidate(forecasts(Y, [share * y for y in Y]), **{"recipe": recipe, **changes}))

    return make


def test_by_hand_a_run_is_judged_as_at_night(root: Path, saved):
    saved("a", 0.5)
    assert promote_by_hand(root, "BTC", "folder").verdict == "first"
    saved("b", 0.1)
    assert promote_by_hand(root, "BTC", "folder").verdict == "refused"
    saved("c", 0.9)
    assert promote_by_hand(root, "BTC", "folder", "c").verdict == "promoted"
    assert promote_by_hand(root, "BTC", "folder", "c").verdict == "unchanged"


def test_force_promotes_a_named_run(root: Path, saved):
    saved("a", 0.9)
    promote_by_hand(root, "BTC", "folder")
    saved("b", 0.1)
    assert promote_by_hand(root, "BTC", "folder", "b", forced=True).champion == "b"


def test_force_serves_an_older_refit_of_the_champions_recipe_and_nothing_else_does(root: Path, saved):
    saved("a", 0.9, as_of="2025-01-05", recipe=RECIPE)
    promote_by_hand(root, "BTC", "folder", "a")
    saved("b", 0.9, as_of="2025-01-06", recipe=RECIPE)
    promote_by_hand(root, "BTC", "folder", "b")
    assert promote_by_hand(root, "BTC", "folder", "a").champion == "b"
    forced = promote_by_hand(root, "BTC", "folder", "a", forced=True)
    assert (forced.verdict, forced.champion) == ("unchanged", "a")
    assert read_champion(root, "BTC", "folder").run == "a"


def test_rolled_back_twice_the_first_champion_serves_again(root: Path, saved):
    for run, share in (("a", 0.3), ("b", 0.5), ("c", 0.7)):
        saved(run, share)
        promote_by_hand(root, "BTC", "folder")
    assert [each.run for each in roll_back(root, "BTC", "folder")] == ["c", "b"]
    assert [each.run for each in roll_back(root, "BTC", "folder")] == ["b", "a"]
    assert read_champion(root, "BTC", "folder").run == "a"
    with pytest.raises(NoChampionError, match="a is the first"):
        roll_back(root, "BTC", "folder")


def test_what_was_rolled_back_is_refused_until_it_is_forced(root: Path, saved):
    for run, share in (("a", 0.3), ("b", 0.5)):
        saved(run, share)
        promote_by_hand(root, "BTC", "folder")
    roll_back(root, "BTC", "folder")
    again = promote_by_hand(root, "BTC", "folder", "b")
    assert [gate.name for gate in again.gates if not gate.passed] == ["not rolled back"]
    promote_by_hand(root, "BTC", "folder", "b", forced=True)
    assert read_champion(root, "BTC", "folder").rolled_back == ()


def test_without_a_champion_there_is_nothing_to_roll_back(root: Path, saved):
    saved("a")
    with pytest.raises(NoChampionError, match=r"BTC: expected a champion. Received: none on real bars"):
        roll_back(root, "BTC", "folder")


def test_a_previous_champion_that_was_altered_is_not_served_again(root: Path, saved):
    for run, share in (("a", 0.3), ("b", 0.5)):
        saved(run, share)
        promote_by_hand(root, "BTC", "folder")
    (root / "BTC" / "a" / "forecasts.parquet").write_bytes(b"")
    with pytest.raises(ValueError, match=r"not what was saved.*forecasts.parquet"):
        roll_back(root, "BTC", "folder")
    assert read_champion(root, "BTC", "folder").run == "b"


def test_a_run_saved_before_there_were_promotions_says_what_to_do(root: Path):
    write_json(root / "BTC" / "old" / MANIFEST, {"coin": "BTC", "run": "old", "scope": "folder", "sha256": {}})
    with pytest.raises(ValueError, match=r"The run old cannot be judged.*Retrain the coin"):
        promote_by_hand(root, "BTC", "folder", "old")


def test_a_coin_without_runs_says_what_to_do(root: Path):
    with pytest.raises(ValueError, match=r"ETH: expected saved runs.*Retrain the coin first"):
        promote_by_hand(root, "ETH", "folder")


def test_while_a_night_is_under_way_nothing_is_decided_by_hand(root: Path, saved):
    saved("a")
    with FileLock(root / "BTC" / ".folder.lock"), pytest.raises(BusyError, match="a night under way"):
        promote_by_hand(root, "BTC", "folder")
