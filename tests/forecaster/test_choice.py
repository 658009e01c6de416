import numpy as np
import pandas as pd
import pytest

from forecaster.choice import MERIT, PRIOR, Choice, chances, merits, ratio_to_zero
from forecaster.choice import choose as choose_by


def test_the_ratio_is_the_mean_over_horizons_of_labelled_rows():
    frame = pd.DataFrame({"horizon": [1, 1, 7, 7], "y": [1.0, -1.0, 2.0, np.nan]})
    y_hat = pd.Series([0.5, -0.5, 2.0, 9.0])
    assert ratio_to_zero(frame, y_hat, [1, 7]) == pytest.approx((0.5 + 0) / 2)
    assert ratio_to_zero(frame, 0 * y_hat, [1, 7]) == 1


def test_a_horizon_without_labels_is_refused():
    frame = pd.DataFrame({"horizon": [1, 7], "y": [1.0, np.nan]})
    with pytest.raises(ValueError, match="horizon 7"):
        ratio_to_zero(frame, pd.Series([0.0, 0.0]), [1, 7])


def val_frame(n=200, horizons=(1, 7)):
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=n)
    return pd.concat([pd.DataFrame({"cutoff": days, "horizon": h, "y": rng.normal(size=n)}) for h in horizons]), rng


def test_a_candidate_that_is_surely_better_has_a_small_p_value_and_a_lucky_one_has_not():
    frame, rng = val_frame()
    frame = frame.reset_index(drop=True)
    noise = pd.Series(rng.normal(size=len(frame)))
    forecasts = {"best_mean": 0 * frame["y"], "stack": 0.5 * frame["y"], "regime": 0.05 * noise, "convex": 0 * noise}
    p_values = chances(frame, forecasts, (1, 7))
    assert p_values["stack"] < 1e-6
    assert p_values["regime"] > 0.05
    assert p_values["convex"] is None


def test_a_horizon_counts_in_units_of_its_own_zero_forecast():
    frame, rng = val_frame()
    frame = frame.reset_index(drop=True)
    forecasts = {"best_mean": 0 * frame["y"], "regime": 0.2 * frame["y"] + 0.1 * rng.normal(size=len(frame))}
    far = frame["horizon"].map({1: 1, 7: 100})
    scaled = chances(frame.assign(y=frame["y"] * far), {m: y_hat * far for m, y_hat in forecasts.items()}, (1, 7))
    assert scaled["regime"] == pytest.approx(chances(frame, forecasts, (1, 7))["regime"])


def choose(ratios, members, p_values) -> Choice:
    """The best model is as good when it is made quiet, unless `ratios` say otherwise."""
    return choose_by({"best_single": min(ratios[m] for m in members), **ratios}, members, p_values)


SURE = {"convex": 0.9, "regime": 0.01, "stack": 0.01}
UNSURE = {"convex": 0.9, "regime": 0.06, "stack": 0.4}


def test_the_mean_by_skill_stands_unless_another_beats_it_by_more_than_chance():
    ratios = {"convex": 0.97, "regime": 0.96, "stack": 0.97, "best_mean": 0.98, "tcn": 0.99}
    assert choose(ratios, ["tcn"], UNSURE).method == "best_mean"
    assert choose(ratios, ["tcn"], SURE).method == "regime"
    assert choose(ratios, ["tcn"], dict.fromkeys(SURE)).method == "best_mean"


def test_the_choice_is_told_with_every_figure():
    ratios = {"convex": 0.971, "regime": 0.961, "stack": 0.972, "best_mean": 0.981, "tcn": 0.991}
    unsure, sure = choose(ratios, ["tcn"], UNSURE), choose(ratios, ["tcn"], SURE)
    assert "No candidate has a smaller error than best_mean by more than chance" in unsure.why
    assert "regime has the smallest error, by more than chance" in sure.why
    for figure in ("convex 0.9710", "regime 0.9610", "stack 0.9720", "best_mean 0.9810", "tcn 0.9910"):
        assert figure in unsure.why
        assert figure in sure.why


def test_a_chosen_stack_that_is_worse_than_a_single_model_falls_back():
    ratios = {"best_mean": 1.0, "regime": 1.0, "stack": 0.97, "tcn": 0.95, "dlinear": 2.0}
    choice = choose(ratios, ["dlinear", "tcn"], {"stack": 0.01})
    assert choice.method == "weighted_average"
    assert choice.fallback
    assert "tcn with 0.9500" in choice.fallback_reason


def test_a_chosen_stack_that_beats_every_single_model_stays():
    choice = choose({"best_mean": 1.0, "regime": 1.0, "stack": 0.94, "tcn": 0.95}, ["tcn"], {"stack": 0.01})
    assert choice.method == "stack"
    assert choice.fallback_reason is None


def test_without_folds_it_says_that_there_was_no_choice():
    choice = choose({"regime": 1.3, "best_mean": 1.0, "tcn": 1.0}, ["tcn"], {"regime": 0.99})
    assert choice.why.startswith("There were no out-of-fold rows")


def test_a_model_counts_by_a_power_of_its_skill():
    weights = merits({"lightgbm": 0.98, "dlinear": 0.99, "transformer": 1.2}, ["lightgbm", "dlinear", "transformer"])
    assert weights["lightgbm"] / weights["dlinear"] == pytest.approx(2**MERIT)
    assert weights["transformer"] == 0
    assert sum(weights.values()) == pytest.approx(1)


def test_of_equal_skill_a_model_counts_by_what_is_known_of_its_kind():
    weights = merits({"tcn": 0.99, "dlinear": 0.99}, ["tcn", "dlinear"])
    assert weights["tcn"] / weights["dlinear"] == pytest.approx(PRIOR["tcn"])


def test_models_of_which_none_beats_zero_weigh_the_same():
    assert merits({"tcn": 1.0, "dlinear": 1.2}, ["tcn", "dlinear"]) == {"tcn": 0.5, "dlinear": 0.5}


def test_where_every_gate_is_closed_nothing_is_said_to_have_won_and_the_best_single_model_whispers():
    ratios = {"best_mean": 1.0, "regime": 1.0, "dlinear": 1.0, "tcn": 0.99}
    choice = choose(ratios, ["dlinear", "tcn"], {"regime": None})
    assert choice.method == "best_single"
    assert not choice.fallback
    assert "None of the candidates has a smaller error than the zero forecast: tcn stands in, kept small" in choice.why
    assert "tcn 0.9900" in choice.why


def test_a_mean_that_keeps_less_than_half_of_what_the_best_model_saves_gives_way_to_it():
    ratios = {"best_mean": 0.997, "regime": 1.0, "dlinear": 1.0, "tcn": 0.993}
    choice = choose(ratios, ["dlinear", "tcn"], {"regime": None})
    assert choice.method == "best_single"
    assert "it saves less than 50% of what tcn does, kept small, and that model stands in" in choice.why
    assert choose(ratios | {"best_mean": 0.996}, ["dlinear", "tcn"], {"regime": None}).method == "best_mean"


def test_the_best_model_counts_by_what_it_saves_once_it_is_quiet():
    ratios = {"best_mean": 0.98, "regime": 1.0, "tcn": 0.95, "best_single": 0.98}
    assert choose(ratios, ["tcn"], {"regime": None}).method == "best_mean"


def test_a_chosen_stack_that_saves_less_than_half_keeps_its_own_fallback():
    ratios = {"best_mean": 1.0, "regime": 1.0, "stack": 0.99, "tcn": 0.95}
    choice = choose(ratios, ["tcn"], {"stack": 0.01})
    assert choice.method == "weighted_average"
    assert choice.fallback
    assert "stands in" not in choice.why
