import json

import numpy as np
import pandas as pd
import pytest

from forecaster.choice import Choice, ratio_to_zero
from forecaster.ensemble import AdvancedEnsemble
from forecaster.gate import WHISPER
from forecaster.members import surviving
from forecaster.metrics import rmse
from forecaster.regime import DEFAULT_WEIGHTS, MarketRegimeDetector
from forecaster.settings import MODELS, StackingConfig

SCALE = {1: 0.03, 7: 0.08, 30: 0.17}
N_OOF, N_VAL, N_TEST = 500, 200, 200
PLANTED = ("convex", "regime", "stack", "best_mean", "weighted_average", "best_single")


def market(signal, noise, seed=0):
    """A year and more of closes, and the forecasts of five models that see `signal` of the target through `noise`."""
    rng = np.random.default_rng(seed)
    n = 365 + N_OOF + N_VAL + N_TEST
    dates = pd.date_range("2020-01-01", periods=n)
    volatility = np.repeat(rng.uniform(0.01, 0.06, n // 45 + 1), 45)[:n]
    closes = pd.Series(np.exp(np.cumsum(rng.normal(size=n) * volatility)), index=dates)
    part = np.repeat(["oof", "val", "test"], [N_OOF, N_VAL, N_TEST])
    frames = []
    for h, scale in SCALE.items():
        seen = rng.normal(size=n - 365) * scale
        y = signal * seen + rng.normal(size=n - 365) * scale
        models = {m: signal * seen + noise * rng.normal(size=n - 365) * scale for m in MODELS}
        cutoff = dates[365:]
        keys = {"unique_id": "BTC", "cutoff": cutoff, "ds": cutoff + pd.Timedelta(h, "D"), "horizon": h, "part": part}
        frames.append(pd.DataFrame({**keys, "y": y, "zero": 0.0, **models}))
    return pd.concat(frames, ignore_index=True), closes


def split(frame):
    return frame[frame["part"] == "oof"], frame[frame["part"] == "val"], frame[frame["part"] != "oof"]


def fitted_on(frame, closes, **oof):
    return AdvancedEnsemble().fit(oof.get("oof", split(frame)[0]), split(frame)[1], closes, SCALE, StackingConfig())


def forced(ensemble, method):
    """The same ensemble as if val had chosen `method`, and believed all of it."""
    ensemble.gate_ = dict.fromkeys(SCALE, 1.0)
    ensemble.choice_ = Choice(method=method, why="planted", val_ratios=dict.fromkeys(MODELS, 1.0))
    return ensemble


@pytest.fixture(scope="module")
def world():
    return market(signal=1.0, noise=1.0)


@pytest.fixture
def ensemble(world):
    return fitted_on(*world)


def test_it_beats_its_members_and_zero_on_a_planted_signal(world, ensemble):
    frame, closes = world
    y_hat = ensemble.predict(split(frame)[2], closes)
    for h in SCALE:
        test = frame[(frame["part"] == "test") & (frame["horizon"] == h)]
        error = rmse(test["y"], y_hat[test.index])
        assert error < 0.95 * rmse(test["y"], test["zero"])
        assert error < min(rmse(test["y"], test[m]) for m in MODELS)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("noise", [0.1, 1.0])
def test_on_pure_noise_it_stays_within_one_percent_of_zero(seed, noise):
    frame, closes = market(signal=0.0, noise=noise, seed=seed)
    y_hat = fitted_on(frame, closes).predict(split(frame)[2], closes)
    test = frame[frame["part"] == "test"]
    ratios = [rmse(g["y"], y_hat[g.index]) / rmse(g["y"], g["zero"]) for _, g in test.groupby("horizon")]
    assert np.mean(ratios) < 1.01


def test_where_nothing_is_supported_the_best_single_model_whispers():
    frame, closes = market(signal=0.0, noise=0.01)
    ensemble, both = fitted_on(frame, closes), split(frame)[2]
    assert ensemble.method == "best_single"
    best = min(MODELS, key=ensemble.choice_.val_ratios.get)
    pd.testing.assert_series_equal(ensemble.predict(both, closes), both[best], check_names=False)
    left = both.drop(columns=best)
    second = min(set(MODELS) - {best}, key=ensemble.choice_.val_ratios.get)
    pd.testing.assert_series_equal(ensemble.predict(left, closes), left[second], check_names=False)


def test_a_loud_single_model_of_which_nothing_is_known_is_made_quiet():
    frame, closes = market(signal=0.0, noise=3.0)
    ensemble, val = fitted_on(frame, closes), split(frame)[1]
    assert ensemble.method == "best_single"
    loudness = (ensemble.predict(val, closes) ** 2).groupby(val["horizon"]).mean()
    assert (loudness / (val["y"] ** 2).groupby(val["horizon"]).mean()).to_numpy() == pytest.approx(WHISPER)


def test_a_loud_model_that_stands_in_for_a_lost_one_is_made_quiet_too(tmp_path):
    frame, closes = market(signal=0.0, noise=0.01)
    loud = "lightgbm"
    frame[loud] = 100 * frame[loud]
    fitted_on(frame, closes).save(tmp_path)
    ensemble, val = AdvancedEnsemble.load(tmp_path), split(frame)[1]
    assert ensemble.method == "best_single"
    y_hat = ensemble.predict(val.drop(columns=[m for m in MODELS if m != loud]), closes)
    loudness = (y_hat**2).groupby(val["horizon"]).mean() / (val["y"] ** 2).groupby(val["horizon"]).mean()
    assert loudness.to_numpy() == pytest.approx(WHISPER)
    assert ensemble.summary(val, closes)["gate"] == {}  # no share that val supports


@pytest.mark.parametrize("method", PLANTED)
def test_a_loaded_ensemble_predicts_the_same_numbers(world, ensemble, tmp_path, method):
    frame, closes = world
    forced(ensemble, method).save(tmp_path)
    loaded = AdvancedEnsemble.load(tmp_path)
    both = split(frame)[2]
    pd.testing.assert_series_equal(loaded.predict(both, closes), ensemble.predict(both, closes), check_exact=True)
    assert loaded.summary(both, closes) == ensemble.summary(both, closes)
    assert {p.suffix for p in tmp_path.iterdir()} == {".json", ".txt"}


def test_two_fits_give_the_same_forecasts(world, ensemble):
    frame, closes = world
    both = split(frame)[2]
    again = fitted_on(frame, closes).predict(both, closes)
    pd.testing.assert_series_equal(again, ensemble.predict(both, closes), check_exact=True)


def test_a_changed_regime_changes_the_forecast(world, ensemble):
    frame, closes = world
    both = split(frame)[2]
    trending = pd.Series(np.exp(0.01 * np.arange(len(closes))), index=closes.index)
    reverting = pd.Series(np.exp(0.01 * (np.arange(len(closes)) % 2)), index=closes.index)
    forced(ensemble, "regime")
    assert ensemble.summary(both, trending)["regime"] == "trending"
    assert ensemble.summary(both, reverting)["regime"] == "mean_reverting"
    assert (ensemble.predict(both, trending) != ensemble.predict(both, reverting)).all()
    lstm = [ensemble.weight_path(both, c)["enhanced_lstm"] for c in (trending, reverting)]
    assert (lstm[0] > lstm[1]).all()


@pytest.mark.parametrize("method", ["regime", "weighted_average", "convex", "best_single"])
def test_a_lost_model_leaves_its_weight_to_the_others(world, ensemble, method):
    frame, closes = world
    both = split(frame)[2].drop(columns="tcn").assign(dlinear=np.nan)
    path = forced(ensemble, method).weight_path(both, closes)
    assert not {"tcn", "dlinear"} & set(path.columns)
    total = path[["enhanced_lstm", "transformer", "lightgbm", "zero"]].sum(axis=1)
    assert total.to_numpy() == pytest.approx(1)
    assert ensemble.predict(both, closes).notna().all()


def test_a_lost_member_of_the_convex_stack_leaves_its_weight_to_the_others_and_the_zero_return(world, ensemble):
    frame, closes = world
    forced(ensemble, "convex")
    ensemble.convex_.weights_ = {h: {"tcn": 0.2, "dlinear": 0.3} for h in SCALE}  # and 0.5 on zero
    path = ensemble.weight_path(split(frame)[2].drop(columns="tcn"), closes)
    assert path["dlinear"].to_numpy() == pytest.approx(0.3 / 0.8)
    assert path["zero"].to_numpy() == pytest.approx(0.5 / 0.8)


def test_a_stack_that_lost_a_member_gives_way_to_the_average_with_a_warning(world, ensemble):
    frame, closes = world
    both = split(frame)[2].drop(columns="tcn")
    forced(ensemble, "stack")
    with pytest.warns(UserWarning, match="tcn"):
        y_hat = ensemble.predict(both, closes)
    rest = {m: w for m, w in DEFAULT_WEIGHTS.items() if m != "tcn"}
    expected = sum(w / 0.85 * both[m] for m, w in rest.items())
    assert y_hat.to_numpy() == pytest.approx(expected.to_numpy())


def test_the_stack_falls_back_to_the_default_weights_when_a_single_model_is_better(monkeypatch, world):
    frame, closes = world
    frame = frame.assign(tcn=frame["y"])  # one model knows all, so the blends and the trees fall behind it
    monkeypatch.setattr("forecaster.ensemble.METHODS", ("stack", "best_mean", "weighted_average"))
    monkeypatch.setattr("forecaster.ensemble.merits", lambda *_: {"dlinear": 1.0})  # the mean knows nothing of it
    ensemble = fitted_on(frame, closes)
    assert ensemble.method == "weighted_average"
    assert ensemble.fallback
    assert "tcn" in ensemble.fallback_reason
    both = split(frame)[2]
    expected = both["horizon"].map(ensemble.gate_) * sum(w * both[m] for m, w in DEFAULT_WEIGHTS.items())
    assert ensemble.predict(both, closes).to_numpy() == pytest.approx(expected.to_numpy())


def test_a_candidate_that_surely_beats_the_mean_by_skill_takes_its_place(world, monkeypatch):
    frame, closes = world
    alike = frame.assign(**{m: frame["tcn"] for m in MODELS})
    assert fitted_on(alike, closes).method == "best_mean"
    monkeypatch.setattr("forecaster.ensemble.merits", lambda *_: {"dlinear": 1.0})
    assert fitted_on(frame.assign(tcn=frame["y"]), closes).method == "convex"


def test_methods_are_compared_as_they_would_be_shipped(world):
    """What is too timid or too bold is no worse a candidate: its gate mends it."""
    frame, closes = world
    ensemble = fitted_on(frame, closes)
    val = split(frame)[1]
    shipped = ensemble.predict(val, closes)
    expected = ratio_to_zero(val, shipped, list(SCALE))
    assert ensemble.choice_.val_ratios[ensemble.method] == pytest.approx(expected)


def test_the_stacks_never_see_val(world, ensemble):
    frame, closes = world
    altered = frame.assign(y=frame["y"].where(frame["part"] != "val", 1.0))
    again = fitted_on(altered, closes)
    assert again.convex_.weights_ == ensemble.convex_.weights_
    assert again.meta_learner_.importances == ensemble.meta_learner_.importances
    assert again.choice_.val_ratios != ensemble.choice_.val_ratios


@pytest.mark.parametrize("method", PLANTED)
def test_no_forecast_uses_a_label_or_close_of_its_future(world, ensemble, method):
    frame, closes = world
    both = split(frame)[2]
    forced(ensemble, method)
    day = both["cutoff"].iloc[120]
    altered = both.assign(y=both["y"].where(both["ds"] <= day, 9.0))
    crashed = closes.where(closes.index <= day, closes * 0.01)
    known = (both["cutoff"] <= day).to_numpy()
    assert known.sum() == 3 * 121
    before, after = ensemble.predict(both, closes)[known], ensemble.predict(altered, crashed)[known]
    pd.testing.assert_series_equal(before, after, check_exact=True)


@pytest.mark.parametrize("method", PLANTED)
def test_recent_days_without_labels_are_forecast(world, ensemble, method):
    frame, closes = world
    both = split(frame)[2]
    unlabelled = both.assign(y=both["y"].where(both["ds"] <= both["cutoff"].max()))
    assert unlabelled["y"].isna().sum() == 1 + 7 + 30
    y_hat = forced(ensemble, method).predict(unlabelled, closes)
    assert y_hat.index.equals(both.index)
    assert y_hat.notna().all()
    assert y_hat.name == "advanced_ensemble"


@pytest.mark.parametrize("oof", [None, pd.DataFrame(columns=["cutoff", "ds", "horizon", "y"])])
def test_without_folds_nothing_is_stacked(world, tmp_path, oof):
    frame, closes = world
    ensemble = fitted_on(frame, closes, oof=oof)
    assert ensemble.method in ("regime", "best_mean")
    assert "no out-of-fold rows" in ensemble.why
    ensemble.save(tmp_path)
    both = split(frame)[2]
    assert AdvancedEnsemble.load(tmp_path).predict(both, closes).equals(ensemble.predict(both, closes))


def test_the_mean_of_the_best_weighs_survivors_by_their_skill(world, ensemble):
    frame, closes = world
    both = split(frame)[2]
    ensemble.merits_ = {m: float(i) for i, m in enumerate(MODELS)}
    lost = MODELS[-1]
    path = forced(ensemble, "best_mean").weight_path(both.assign(**{lost: np.nan}), closes).iloc[-1]
    left = {m: w for m, w in ensemble.merits_.items() if m != lost}
    expected = {m: ensemble.gate_[30] * w / sum(left.values()) for m, w in left.items()}
    assert path["horizon"] == 30
    assert {m: path[m] for m in left} == pytest.approx(expected)


def test_merit_is_judged_on_the_folds_and_val_where_every_member_has_them(world):
    frame, closes = world
    better = np.where(frame["part"] == "oof", 0.5 * frame["y"], frame["lightgbm"])
    with_folds = fitted_on(frame.assign(lightgbm=better), closes)
    assert with_folds.merits_["lightgbm"] > fitted_on(frame, closes).merits_["lightgbm"]
    lost = frame["tcn"].mask(frame["part"] == "oof")
    on_val = fitted_on(frame.assign(lightgbm=better, tcn=lost), closes)
    assert on_val.merits_ == fitted_on(frame, closes, oof=None).merits_


def test_the_gate_of_the_mean_knows_what_folds_held_out(world, monkeypatch):
    monkeypatch.setattr("forecaster.ensemble.chances", lambda *_: {})  # no rival surely beats the mean
    frame, closes = world
    oof = split(frame)[0].assign(y=lambda rows: 0.4 * rows["y"])  # there the same forecasts were too bold
    before, after = fitted_on(frame, closes), fitted_on(frame, closes, oof=oof)
    assert (before.method, after.method) == ("best_mean", "best_mean")
    assert all(after.gate_[h] < 0.9 * before.gate_[h] for h in SCALE)


def test_runs_saved_when_the_best_weighed_the_same_can_be_loaded(world, ensemble, tmp_path):
    ensemble.save(tmp_path)
    state = json.loads((tmp_path / "ensemble.json").read_text())
    del state["merits"]
    (tmp_path / "ensemble.json").write_text(json.dumps(state | {"best": ["tcn", "dlinear"]}))
    weights = forced(AdvancedEnsemble.load(tmp_path), "best_mean")._fixed_weights("best_mean", 1, ("tcn", "dlinear"))
    assert weights == {"tcn": 0.5, "dlinear": 0.5}


def test_folds_that_leave_a_horizon_without_labels_are_not_stacked(world):
    frame, closes = world
    oof = split(frame)[0]
    ensemble = fitted_on(frame, closes, oof=oof[oof["horizon"] != 30])
    assert ensemble.method in ("regime", "best_mean")
    assert ensemble.convex_ is None


def test_one_surviving_model_is_enough(world):
    frame, closes = world
    frame = frame.drop(columns=[m for m in MODELS if m != "transformer"])
    ensemble = fitted_on(frame, closes)
    assert ensemble.members_ == ("transformer",)
    assert ensemble.predict(split(frame)[2], closes).notna().all()


def test_a_model_that_lost_its_folds_is_left_to_the_regime_weights(world):
    frame, closes = world
    frame = frame.assign(tcn=frame["tcn"].mask(frame["part"] == "oof"))
    ensemble = fitted_on(frame, closes)
    assert "tcn" in ensemble.members_
    assert set(ensemble.convex_.weights_[1]) == set(MODELS) - {"tcn"}
    path = forced(ensemble, "convex").weight_path(split(frame)[2], closes)
    assert "tcn" not in path or (path["tcn"] == 0).all()


@pytest.mark.parametrize("method", PLANTED)
def test_the_summary_is_json_and_says_what_its_weights_mean(world, ensemble, method):
    frame, closes = world
    both = split(frame)[2]
    summary = json.loads(json.dumps(forced(ensemble, method).summary(both, closes), allow_nan=False))
    assert list(summary["weights"]) == list(summary["weight_on_zero"]) == ["1", "7", "30"]
    for h, weights in summary["weights"].items():
        assert sum(weights.values()) + summary["weight_on_zero"][h] == pytest.approx(1)
    assert ("linear combination" in summary["weights_are"]) == (method in ("convex", "stack"))
    assert summary["regime"] == MarketRegimeDetector().detect(closes).iloc[-1]


def test_the_weight_path_has_one_row_per_day_and_horizon_in_time_order(world, ensemble):
    frame, closes = world
    both = split(frame)[2]
    path = forced(ensemble, "regime").weight_path(both.sample(frac=1, random_state=0), closes)
    assert list(path.columns) == ["cutoff", "horizon", "regime", *MODELS, "zero"]
    assert len(path) == len(both)
    assert path["cutoff"].is_monotonic_increasing
    assert path[[*MODELS, "zero"]].sum(axis=1).to_numpy() == pytest.approx(1)
    days = path.drop_duplicates("cutoff").set_index("cutoff")["regime"]
    assert (days == MarketRegimeDetector().detect(closes)[days.index]).all()


def test_a_model_that_forecasts_only_some_rows_is_refused():
    frame = pd.DataFrame({"tcn": [0.1, np.nan], "dlinear": np.nan})
    with pytest.raises(ValueError, match=r"\{'tcn': 1\}"):
        surviving(frame, MODELS)
    with pytest.raises(ValueError, match="at least one"):
        surviving(frame[["dlinear"]], MODELS)


def test_an_ensemble_that_was_not_fitted_says_so(world):
    frame, closes = world
    with pytest.raises(RuntimeError, match="Call `fit` or `load`"):
        AdvancedEnsemble().predict(frame, closes)


def test_the_gate_scales_the_forecast_and_leaves_the_rest_to_the_zero_return(world, ensemble):
    frame, closes = world
    both = split(frame)[2]
    whole = forced(ensemble, "convex").predict(both, closes)
    zero = ensemble.weight_path(both, closes)["zero"]
    ensemble.gate_ = {h: 0.25 for h in SCALE}
    assert ensemble.predict(both, closes).to_numpy() == pytest.approx(0.25 * whole.to_numpy())
    assert (1 - ensemble.weight_path(both, closes)["zero"]).to_numpy() == pytest.approx(0.25 * (1 - zero).to_numpy())
