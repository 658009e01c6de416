import numpy as np
import pandas as pd
import pytest

from forecaster.choice import best_together, choose, ratio_to_zero


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


def test_the_models_that_do_best_together_are_meant():
    y = np.tile([1.0, -1.0], 10)
    up, down = y + np.tile([1, 1], 10), y - np.tile([1, 1], 10)  # errors that cancel
    frame = pd.DataFrame({"horizon": 1, "y": y, "tcn": up, "dlinear": down, "lightgbm": -3 * y})
    ratios = {m: ratio_to_zero(frame, frame[m], [1]) for m in ("tcn", "dlinear", "lightgbm")}
    assert set(best_together(frame, ratios, list(ratios), [1])) == {"tcn", "dlinear"}


def test_where_it_makes_hardly_a_difference_all_models_are_meant():
    y = np.tile([1.0, -1.0], 10)
    frame = pd.DataFrame({"horizon": 1, "y": y, "tcn": 0.001 * y, "dlinear": 0 * y})
    assert best_together(frame, {"tcn": 0.999, "dlinear": 1.0}, ["tcn", "dlinear"], [1]) == ("tcn", "dlinear")


def test_a_model_that_nothing_helps_is_left_alone():
    y = np.tile([1.0, -1.0], 10)
    frame = pd.DataFrame({"horizon": 1, "y": y, "tcn": y, "dlinear": -y})
    assert best_together(frame, {"tcn": 0.0, "dlinear": 2.0}, ["tcn", "dlinear"], [1]) == ("tcn",)
