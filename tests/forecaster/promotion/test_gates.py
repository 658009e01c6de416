import pytest

from forecaster.promotion.champion import Champion
from forecaster.promotion.gates import challenge_gates, sanity_gates
from forecaster.settings import PromotionConfig
from tests.forecaster.promotion.conftest import RECIPE, a_contest, a_duel
from tests.forecaster.promotion.test_champion import champion, reign

LIMITS = PromotionConfig()


def failed(gates: object) -> list[str]:
    return [gate.name for gate in gates if not gate.passed]


def told(gates: object, name: str) -> str:
    return next(gate.told for gate in gates if gate.name == name)


def test_a_run_without_a_fault_passes_every_sanity_gate(candidate):
    assert failed(sanity_gates(candidate(), a_contest(), LIMITS)) == []


@pytest.mark.parametrize(
    ("changes", "shows", "name"),
    [
        ({}, {"n_missing": 1}, "finite"),
        ({}, {"n_test": 0}, "finite"),
        ({}, {"ratios": {1: 1.021}}, "not worse than zero"),
        ({}, {"ratios": {1: None}}, "not worse than zero"),
        ({"coverage_90": {1: 0.849}}, {}, "coverage"),
        ({"coverage_90": {1: 0.951}}, {}, "coverage"),
        ({"coverage_90": {1: None}}, {}, "coverage"),
        ({"coverage_90": {}}, {}, "coverage"),
        ({"leak": "TCN's 1-day skill is +3 %."}, {}, "no leakage alarm"),
        ({"degraded": ("tcn was lost.",)}, {}, "not degraded"),
        ({"smoke": ("1 epochs, at least 30 are needed.",)}, {}, "full settings"),
    ],
)
def test_each_fault_fails_its_own_sanity_gate_alone(candidate, changes, shows, name):
    assert failed(sanity_gates(candidate(**changes), a_contest(**shows), LIMITS)) == [name]


@pytest.mark.parametrize(("horizon", "coverage"), [(1, 0.851), (7, 0.821), (30, 0.741)])
def test_the_longer_the_horizon_the_wider_the_bounds_of_coverage(candidate, horizon, coverage):
    recipe = RECIPE.model_copy(update={"horizons": (horizon,)})
    for value, expected in ((coverage, []), (coverage - 0.002, ["coverage"])):
        given = candidate(recipe=recipe, coverage_90={horizon: value})
        assert failed(sanity_gates(given, a_contest(ratios={horizon: 1.0}), LIMITS)) == expected


def test_two_percent_worse_than_zero_is_still_allowed(candidate):
    gates = list(sanity_gates(candidate(), a_contest(ratios={1: 1.0199}), LIMITS))
    assert failed(gates) == []
    assert "1 day: +2.0 %" in told(gates, "not worse than zero")


def against(candidate, holder: Champion | None = None, **shows: object) -> list[object]:
    return list(challenge_gates(candidate, holder or champion("champion"), a_contest(**shows), LIMITS))


def test_an_equal_challenger_passes_every_gate(candidate):
    assert failed(against(candidate(), duel=a_duel())) == []


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"loss": 1.0051}, "loss"),
        ({"p_value": 0.099}, "not significantly worse"),
        ({"differing_labels": 0.02}, "comparable"),
        ({"n_pooled": 1}, "comparable"),
    ],
)
def test_each_weakness_beside_the_champion_fails_its_own_gate_alone(candidate, changes, name):
    assert failed(against(candidate(), duel=a_duel(**changes))) == [name]


def test_a_loss_half_a_percent_larger_and_forecasts_without_a_difference_are_allowed(candidate):
    assert failed(against(candidate(), duel=a_duel(loss=1.00499, p_value=None))) == []


def test_a_champion_that_cannot_be_judged_is_said_to_be_so(candidate):
    gates = against(candidate(), problem="The champion can no longer be judged. Its models are gone.")
    assert failed(gates) == ["comparable"]
    assert "models are gone" in told(gates, "comparable")


def test_without_a_common_day_nothing_can_be_compared(candidate):
    assert "no test day is common" in told(against(candidate()), "comparable")


def test_a_recipe_that_was_rolled_back_is_not_promoted_unasked(candidate):
    digest = candidate().recipe.digest
    holder = champion("a").followed_by(reign("b", digest)).rolled_back_to_previous()
    assert failed(against(candidate(), holder, duel=a_duel())) == ["not rolled back"]


def test_a_run_of_older_days_does_not_replace_a_newer_one(candidate):
    assert failed(against(candidate(as_of="2024-12-31"), duel=a_duel())) == ["not older"]
