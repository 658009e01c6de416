from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.promotion import contest
from forecaster.promotion.candidate import JudgedRecipe
from forecaster.promotion.contest import compare, contest_unit
from tests.forecaster.promotion.conftest import RECIPE, forecasts

NAN = float("nan")


def errors(challenger: list[float], champion: list[float], horizon: int = 1) -> pd.DataFrame:
    """Forecasts of a price that never moves: what is forecast is the error."""
    cutoff = pd.date_range("2025-01-01", periods=len(challenger))
    return pd.DataFrame(
        {"cutoff": cutoff, "horizon": horizon, "y": 0.0, "challenger": challenger, "champion": champion}
    )


def test_losses_are_squared_errors_over_the_square_of_the_scale():
    found = compare(errors([2.0, 4.0], [2.0, 2.0]), (1,), {1: 2.0})
    assert found.losses[1] == pytest.approx((np.sqrt((1 + 4) / 2), 1.0))
    assert (found.loss, found.champion_loss) == pytest.approx((np.sqrt(2.5), 1.0))


def test_pooled_over_horizons_each_counts_the_same():
    both = pd.concat([errors([1.0] * 4, [1.0] * 4), errors([3.0] * 3, [1.0] * 3, horizon=2)])
    found = compare(both, (1, 2), {1: 1.0, 2: 1.0})
    assert found.loss == pytest.approx(np.sqrt((1 + 9) / 2))
    assert (found.n, found.n_pooled) == ({1: 4, 2: 3}, 3)


def test_without_a_champion_a_run_is_scored_beside_zero(root: Path, candidate):
    found = contest_unit(root, candidate(forecasts([2.0, -2.0, NAN], [1.0, -1.0, 5.0])), None)
    assert (found.n_test, found.n_missing, found.ratios, found.duel) == (3, 0, {1: 0.5}, None)


def test_a_forecast_that_is_not_finite_is_counted(root: Path, candidate):
    assert contest_unit(root, candidate(forecasts([1.0, 1.0], [1.0, NAN])), None).n_missing == 1


def test_both_are_scored_on_the_days_after_train_and_val_of_both(root: Path, candidate, save):
    champion = save("a", candidate(forecasts([1.0] * 4, [0.0] * 4, first="2025-01-03")))
    challenger = candidate(forecasts([1.0] * 5 + [NAN], [1.0] * 6))
    duel = contest_unit(root, challenger, champion).duel
    assert (str(duel.first), str(duel.last), duel.n) == ("2025-01-03", "2025-01-05", {1: 3})
    assert (duel.loss, duel.champion_loss) == (0.0, 1.0)


def test_the_returns_are_those_that_the_challenger_knows(root: Path, candidate, save):
    champion = save("a", candidate(forecasts([9.0, 1.0, NAN], [1.0, 1.0, 1.0])))
    duel = contest_unit(root, candidate(forecasts([1.0, 1.0, 2.0], [1.0, 1.0, 1.0])), champion).duel
    assert duel.n == {1: 3}
    assert duel.champion_loss == pytest.approx(np.sqrt(1 / 3))
    assert duel.differing_labels == 0.5  # one of the two that both know


def test_days_since_the_champion_was_saved_are_forecast_by_its_judged_models(
    root: Path, candidate, save, monkeypatch: pytest.MonkeyPatch
):
    asked = []

    def replay(folder: Path, rows: pd.DataFrame, since: pd.Timestamp, judged: bool) -> pd.DataFrame:
        asked.append((folder, since, judged))
        frame = forecasts([1.0, NAN], [0.0, 0.0], first=str(since.date()))
        return frame.rename(columns={"advanced_ensemble": "shipped"})

    monkeypatch.setattr(contest, "replay", replay)
    champion = save("a", candidate(forecasts([1.0] * 4, [1.0] * 4)))
    duel = contest_unit(root, candidate(forecasts([1.0] * 5 + [NAN], [1.0] * 6)), champion).duel
    assert asked == [(root / "BTC" / "a", pd.Timestamp("2025-01-05"), True)]
    assert (duel.n, duel.n_replayed) == ({1: 5}, 1)
    assert duel.champion_loss == pytest.approx(np.sqrt(1 / 5))


def test_saved_forecasts_that_reach_far_enough_load_no_model(
    root: Path, candidate, save, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(contest, "replay", lambda *_: pytest.fail("a model was loaded"))
    champion = save("a", candidate(forecasts([1.0] * 5, [1.0] * 5)))
    assert contest_unit(root, candidate(forecasts([1.0] * 5 + [NAN], [1.0] * 6)), champion).duel.n == {1: 5}


def test_a_champion_whose_files_are_gone_cannot_be_judged_and_the_contest_says_so(root: Path, candidate, save):
    champion = save("a", candidate())
    (root / "BTC" / "a" / "forecasts.parquet").unlink()
    found = contest_unit(root, candidate(), champion)
    assert found.duel is None
    assert found.problem.startswith("The champion a can no longer be judged.")


def test_a_champion_whose_judged_models_are_gone_cannot_be_judged_and_the_contest_says_so(root: Path, candidate, save):
    champion = save("a", candidate(forecasts([1.0] * 3, [1.0] * 3)))  # later days need them
    found = contest_unit(root, candidate(forecasts([1.0] * 5, [1.0] * 5)), champion)
    assert "can no longer be judged" in found.problem


def test_parameters_features_stack_and_seed_make_the_recipe_and_nothing_else_does(candidate):
    def digest(**changes: object) -> str:
        return JudgedRecipe(**{**RECIPE.model_dump(), **changes}).digest

    same = {digest(), candidate(coverage_90={1: 0.5}, as_of="2026-01-01").recipe.digest}
    others = {
        digest(models={"tcn": {"filters": 16}}),
        digest(training={"epochs": 3}),
        digest(columns=("rsi_7",)),
        digest(stack="another stack"),
        digest(seed=1),
    }
    assert len(same) == 1
    assert len(others) == 5
    assert not same & others
