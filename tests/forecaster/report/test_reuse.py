"""The sentence that says what a night reused, and why it computed the rest."""

from typing import Literal

import pytest

from forecaster.report.reuse import n_reused, reuse
from forecaster.report.schema import Step


def step(name: str, cache: Literal["hit", "miss", "always"] = "hit", because: str = "") -> Step:
    return Step(name=name, cache=cache, because=because)


OTHER = [step("prepare-BTC", "miss", "never ran before"), step("fit-BTC-ridge-judged", "miss", "never ran before")]


def test_a_night_that_fitted_nothing_says_so() -> None:
    steps = [*OTHER, step("fit-BTC-tcn-judged"), step("fit-BTC-tcn-fold-1"), step("refit-BTC-tcn")]
    assert reuse(steps) == "Reused: all 3 fits. Nothing that they depend on changed."
    assert n_reused(steps) == "3 of 3"


def test_a_new_bar_computes_serving_refits_because_the_bars_changed() -> None:
    why = "changed: input spec.fold.train.last, input parts"
    steps = [step("fit-BTC-tcn-judged"), step("fit-BTC-tcn-fold-1"), step("refit-BTC-tcn", "miss", why)]
    assert reuse(steps) == "Reused: 2 of 3 fits. Computed: 1 serving refit, because the bars changed."
    assert n_reused(steps) == "2 of 3"


def test_a_first_night_counts_every_kind_of_fit() -> None:
    names = ["fit-BTC-tcn-judged", "fit-BTC-tcn-fold-1", "fit-BTC-tcn-fold-2", "refit-BTC-tcn", "fit-BTC-tcn-walk-1"]
    told = reuse([step(name, "miss", "never ran before") for name in names])
    assert told == (
        "Reused: 0 of 5 fits. Computed: 1 judged fit, 2 fold fits, 1 serving refit, 1 walk-forward fit, because they "
        "never ran before."
    )


@pytest.mark.parametrize(
    ("because", "words"),
    [
        ("changed: source of forecaster.fitting, forecaster.models.tcn", "the code changed"),
        ("changed: version of keras", "the version of keras changed"),
        ("changed: input spec.training.epochs, input spec.settings.filters, input columns",
         "the training settings, the model's settings and the selected columns changed"),
        ("its result is gone or altered: objects/ab", "what they had stored is gone or altered"),
        ("it has not finished before", "they were not finished before"),
        ("its key could not be computed: OSError: gone", "its key could not be computed: OSError: gone"),
    ],
)  # fmt: skip
def test_reasons_are_said_in_words(because: str, words: str) -> None:
    assert reuse([step("fit-BTC-tcn-judged", "miss", because)]).endswith(f"1 judged fit, because {words}.")


def test_different_reasons_stand_apart() -> None:
    steps = [
        step("fit-BTC-tcn-judged", "miss", "never ran before"),
        step("refit-BTC-tcn", "miss", "changed: input parts"),
    ]
    assert reuse(steps).endswith(
        "1 judged fit, because they never ran before; 1 serving refit, because the bars changed."
    )


def test_a_night_without_models_reused_nothing() -> None:
    assert reuse(OTHER) == "Reused: nothing. No model was fitted."
