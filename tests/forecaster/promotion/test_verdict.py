from pathlib import Path

import pytest

from forecaster.promotion import verdict as module
from forecaster.promotion.candidate import RunGoneError, find_run, smoke_settings
from forecaster.promotion.champion import read_champion
from forecaster.promotion.contest import contest_unit
from forecaster.promotion.verdict import Verdict, conclude, is_unchanged
from forecaster.settings import PromotionConfig
from tests.forecaster.promotion.conftest import RECIPE, a_contest, forecasts

OTHER = RECIPE.model_copy(update={"seed": 7})
GOOD = [0.5, -0.5, 0.5, -0.5]
Y = [1.0, -1.0, 1.0, -1.0]


@pytest.fixture
def judge(root: Path, candidate, save):
    """A run's night: save it, compare it, decide."""

    def judged(run: str, y_hat: list[float], **changes: object) -> Verdict:
        made = candidate(forecasts(Y, y_hat), **changes)
        champion = read_champion(root, "BTC", "folder")
        found = None
        if not is_unchanged(made, champion):
            found = contest_unit(root, made, champion.saved if champion else None)
        return conclude(root, made, save(run, made), found)

    return judged


def served(root: Path) -> str | None:
    champion = read_champion(root, "BTC", "folder")
    return champion and champion.run


def test_the_first_run_that_passes_becomes_champion(root: Path, judge):
    found = judge("a", GOOD)
    assert (found.verdict, found.champion, found.before) == ("first", "a", None)
    assert served(root) == "a"


def test_the_first_run_must_pass_the_sanity_gates_too(root: Path, judge):
    found = judge("a", GOOD, degraded=("tcn was lost.",))
    assert (found.verdict, found.champion) == ("refused", None)
    assert found.reasons == ("not degraded: tcn was lost.",)
    assert served(root) is None


def test_the_same_recipe_is_unchanged_and_its_newer_refit_is_served(root: Path, judge):
    judge("a", GOOD)
    found = judge("b", GOOD)
    assert (found.verdict, found.champion, found.before, found.gates) == ("unchanged", "b", "a", ())
    champion = read_champion(root, "BTC", "folder")
    assert (champion.run, champion.previous) == ("b", ())
    assert champion.renewed_at is not None


def test_an_unchanged_recipe_without_all_its_refits_leaves_the_older_ones_in_service(root: Path, judge):
    judge("a", GOOD)
    found = judge("b", GOOD, unserved=("tcn",))
    assert (found.verdict, found.champion) == ("unchanged", "a")
    assert "No serving refit of tcn" in found.reasons[0]
    assert served(root) == "a"


def test_an_unchanged_recipe_suspected_of_a_leak_leaves_the_older_refits_in_service(root: Path, judge):
    judge("a", GOOD)
    found = judge("b", GOOD, leak="skill of 9 % at one day")
    assert (found.verdict, found.champion, served(root)) == ("unchanged", "a", "a")
    assert "leak is suspected tonight (skill of 9 % at one day)" in found.reasons[0]


def test_an_unchanged_recipe_that_knows_fewer_days_leaves_the_newer_refits_in_service(root: Path, judge):
    judge("a", GOOD)
    assert judge("b", GOOD, as_of="2025-01-05").champion == served(root) == "a"


def test_a_better_recipe_is_promoted_and_the_old_champion_remembered(root: Path, judge):
    judge("a", [0.0] * 4)
    found = judge("b", GOOD, recipe=OTHER)
    assert (found.verdict, found.champion, found.before) == ("promoted", "b", "a")
    # Errors of 0.5 against 1: half the loss.
    assert found.reasons == ("Its loss differs by -50.00 % from that of a on 4 common days.",)
    assert [each.run for each in read_champion(root, "BTC", "folder").previous] == ["a"]


def test_a_worse_recipe_is_refused_and_the_champion_stays(root: Path, judge):
    judge("a", GOOD)
    found = judge("b", [0.0, -0.1, 0.0, 0.0], recipe=OTHER)
    assert (found.verdict, found.champion, found.before) == ("refused", "a", "a")
    assert [gate.name for gate in found.gates if not gate.passed] == ["loss", "not significantly worse"]
    assert served(root) == "a"


def test_simulated_and_real_runs_have_champions_of_their_own(root: Path, judge):
    judge("a", GOOD)
    assert judge("b", GOOD, source="simulated", recipe=OTHER).verdict == "first"
    assert served(root) == "a"
    assert read_champion(root, "BTC", "simulated").run == "b"


def test_force_serves_what_was_refused_and_says_so(root: Path, candidate, save):
    made = candidate(smoke=("1 epochs, at least 30 are needed.",))
    found = conclude(root, made, save("a", made), a_contest(), forced=True)
    assert found.verdict == "first"
    assert found.reasons[0].startswith("Forced by hand, although full settings: 1 epochs")
    assert read_champion(root, "BTC", "folder").why == found.reasons[0]


def test_a_promotion_that_fails_leaves_the_champion_untouched(
    root: Path, judge, candidate, save, monkeypatch: pytest.MonkeyPatch
):
    judge("a", GOOD)
    before = (root / "BTC" / "champion-folder.json").read_bytes()

    def broken(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(module, "write_champion", broken)
    with pytest.raises(OSError, match="the disk is full"):
        judge("b", GOOD, recipe=OTHER)
    assert (root / "BTC" / "champion-folder.json").read_bytes() == before


def test_settings_of_a_smoke_test_are_named():
    assert smoke_settings(1, 2, 10, PromotionConfig()) == (
        "1 epochs, at least 30 are needed.",
        "2 folds, at least 3 are needed.",
        "10 features, at least 30 are needed.",
    )
    assert smoke_settings(100, 5, 80, PromotionConfig()) == ()


def test_a_run_is_found_by_its_name_and_by_default_it_is_the_latest(root: Path, candidate, save):
    first, second = save("a", candidate()), save("b", candidate())
    assert find_run(root, "BTC", "folder") == second
    assert find_run(root, "BTC", "folder", "a") == first


def test_a_run_that_is_not_there_or_of_other_bars_is_refused_with_what_to_do(root: Path, candidate, save):
    save("a", candidate())
    with pytest.raises(RunGoneError, match=r"Received: z, .*Name one of: a\."):
        find_run(root, "BTC", "folder", "z")
    with pytest.raises(RunGoneError, match=r"expected a saved run. Received: no .*latest-simulated.json"):
        find_run(root, "BTC", "simulated")
    with pytest.raises(RunGoneError, match=r"made on real bars. Leave out `--simulated`"):
        find_run(root, "BTC", "simulated", "a")
