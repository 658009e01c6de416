import numpy as np
import pandas as pd
import pytest

from forecaster.choice import MERIT, choose, merits, ratio_to_zero


def test_the_ratio_is_the_mean_over_horizons_of_labelled_rows():
    frame = pd.DataFrame({"horizon": [1, 1, 7, 7], "y": [1.0, -1.0, 2.0, np.nan]})
    y_hat = pd.Series([0.5, -0.5, 2.0, 9.0])
    assert ratio_to_zero(frame, y_hat, [1, 7]) == pytest.approx((0.5 + 0) / 2)
    assert ratio_to_zero(frame, 0 * y_hat, [1, 7]) == 1


def test_a_horizon_without_labels_is_refused():
    frame = pd.DataFrame({"horizon": [1, 7], "y": [1.0, np.nan]})
    with pytest.raises(ValueError, match="horizon 7"):
        ratio_to_zero(frame, pd.Series([0.0, 0.0]), [1, 7])


def test_the_smallest_ratio_wins_and_says_why():
    choice = choose({"convex": 1.002, "regime": 0.998, "stack": 1.1, "tcn": 0.99}, ["tcn"])
    assert choice.method == "regime"
    assert not choice.fallback
    for figure in ("convex 1.0020", "regime 0.9980", "stack 1.1000", "tcn 0.9900"):
        assert figure in choice.why


def test_the_simpler_candidate_wins_a_tie():
    assert choose({"stack": 1.0, "regime": 1.0, "convex": 1.0, "tcn": 1.0}, ["tcn"]).method == "convex"
    assert choose({"stack": 1.0, "regime": 1.0, "convex": 1.1, "tcn": 1.0}, ["tcn"]).method == "regime"


def test_a_chosen_stack_that_is_worse_than_a_single_model_falls_back():
    choice = choose({"convex": 1.0, "regime": 1.0, "stack": 0.97, "tcn": 0.95, "dlinear": 2.0}, ["dlinear", "tcn"])
    assert choice.method == "weighted_average"
    assert choice.fallback
    assert "tcn with 0.9500" in choice.fallback_reason


def test_a_chosen_stack_that_beats_every_single_model_stays():
    choice = choose({"convex": 1.0, "regime": 1.0, "stack": 0.94, "tcn": 0.95}, ["tcn"])
    assert choice.method == "stack"
    assert choice.fallback_reason is None


def test_without_folds_it_says_that_there_was_no_choice():
    assert choose({"regime": 1.3, "best_mean": 1.0, "tcn": 1.0}, ["tcn"]).why.startswith(
        "There were no out-of-fold rows"
    )


def test_a_model_counts_by_a_power_of_its_skill():
    weights = merits({"tcn": 0.98, "dlinear": 0.99, "transformer": 1.2}, ["tcn", "dlinear", "transformer"])
    assert weights["tcn"] / weights["dlinear"] == pytest.approx(2**MERIT)
    assert weights["transformer"] == 0
    assert sum(weights.values()) == pytest.approx(1)


def test_models_of_which_none_beats_zero_weigh_the_same():
    assert merits({"tcn": 1.0, "dlinear": 1.2}, ["tcn", "dlinear"]) == {"tcn": 0.5, "dlinear": 0.5}


def test_where_every_gate_is_closed_nothing_is_said_to_have_won():
    why = choose({"convex": 1.0, "regime": 1.0, "tcn": 0.99}, ["tcn"]).why
    assert "None of the candidates has a smaller error than the zero forecast" in why
    assert "tcn 0.9900" in why
