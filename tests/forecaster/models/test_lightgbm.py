from dataclasses import replace

import numpy as np
import pytest

from forecaster.models import lightgbm, summaries
from forecaster.models.shrinkage import support
from forecaster.models.summaries import SUMMARIES, summarise
from forecaster.settings import LightGBMConfig
from forecaster.windows import make_windows


def test_importance_finds_the_planted_feature(small_model, parts):
    importance = small_model("lightgbm").fit(*parts[:2]).importance()
    assert list(importance.columns) == ["feature_index", "summary", "horizon", "gain"]
    assert len(importance) == 4 * len(SUMMARIES) * 2
    best = importance.query("horizon == 1").nlargest(1, "gain").iloc[0]
    assert (best["feature_index"], best["summary"]) == (0, "last")


def test_where_evidence_is_asked_for_columns_without_it_split_less_in_a_fit_and_in_a_refit(small_model, parts):
    train, val = (replace(part, base=part.base[:, [1, 2, 0, 3]]) for part in parts[:2])
    planted = 2

    def heard(evidence: float) -> list[float]:
        """Share of the splits that the planted column has, in a fit and in a refit."""
        model = LightGBMConfig(n_estimators=30, min_child_samples=5, learning_rate=0.3, evidence=evidence)
        fitted = small_model("lightgbm", model=model).fit(train, val)
        refit = small_model("lightgbm", model=model).refit(train, fitted.length_)
        splits = [
            sum(booster.feature_importance("split").reshape(len(SUMMARIES), -1) for booster in each.boosters_)
            for each in (fitted, refit)
        ]
        return [float(each[:, planted].sum() / each.sum()) for each in splits]

    for alike, weighed in zip(heard(0.0), heard(2.5), strict=True):
        assert weighed > alike + 0.1


def test_each_horizon_stops_at_its_own_best_round(small_model, parts):
    config = LightGBMConfig(n_estimators=300, min_child_samples=5, early_stopping=5, learning_rate=0.3)
    fitted = small_model("lightgbm", model=config).fit(*parts[:2])
    for h, n_trees in zip((1, 3), fitted.length_, strict=True):
        losses = [record[f"val_h{h}_loss"] for record in fitted.history_]
        assert n_trees == int(np.argmin(losses)) + 1
    assert fitted.length_[0] != fitted.length_[1]
    assert len(fitted.history_) < 300


def test_what_validation_supports_is_kept_by_the_forecast_its_file_and_a_refit(small_model, parts, tmp_path):
    train, val, test = parts
    whole, shrunk = (
        small_model("lightgbm", model=LightGBMConfig(shrinks=each)).fit(train, val) for each in (False, True)
    )
    matrix = support(val.y, whole.predict(val), (1, 3))
    assert shrunk.length_ == (*whole.length_, *matrix.ravel())
    assert matrix.sum() < 2
    np.testing.assert_allclose(shrunk.predict(test), whole.predict(test) @ matrix.T)
    shrunk.save(tmp_path)
    assert np.array_equal(type(shrunk).load(tmp_path).predict(test), shrunk.predict(test))
    again = [small_model("lightgbm").refit(train, length).predict(test) for length in (whole.length_, shrunk.length_)]
    np.testing.assert_allclose(again[1], again[0] @ matrix.T)


def test_a_factor_for_each_horizon_is_what_earlier_fits_supported(small_model, parts):
    train, val, test = parts
    fitted = small_model("lightgbm").fit(train, val)
    shrunk = small_model("lightgbm").refit(train, (*fitted.length_, 0.5, 0.25))
    whole = small_model("lightgbm").refit(train, fitted.length_)
    np.testing.assert_allclose(shrunk.predict(test), whole.predict(test) * [0.5, 0.25])


def test_a_booster_whose_file_is_gone_is_named(small_model, parts, tmp_path):
    fitted = small_model("lightgbm").fit(*parts[:2])
    fitted.save(tmp_path)
    (tmp_path / "model_h3.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"model_h3\.txt"):
        type(fitted).load(tmp_path)


def test_row_sampling_is_live(small_model, parts):
    configs = [LightGBMConfig(n_estimators=20, min_child_samples=5, bagging_freq=freq) for freq in (0, 1)]
    forecasts = [small_model("lightgbm", model=config).fit(*parts[:2]).predict(parts[2]) for config in configs]
    assert not np.array_equal(*forecasts)


def test_a_horizon_without_labels_is_refused(small_model, parts):
    with pytest.raises(ValueError, match="Received: none for 3 days"):
        small_model("lightgbm").refit(replace(parts[0], y=parts[0].y * [1, np.nan]), (3, 3))


QUANTILES = (0.1, 0.9)
UNSURE = LightGBMConfig(n_estimators=20, min_child_samples=5, reg_alpha=0, early_stopping=5, quantiles=QUANTILES)


@pytest.fixture(scope="module")
def unsure(small_model, parts):
    return small_model("lightgbm", model=UNSURE).fit(*parts[:2])


def test_quantiles_are_further_boosters_and_leave_the_forecast_as_it_is(small_model, unsure, parts, tmp_path):
    plain = small_model("lightgbm").fit(*parts[:2])
    assert unsure.length_[:2] == plain.length_
    assert len(unsure.length_) == 2 + 2 * 2
    assert unsure.n_parameters_ == plain.n_parameters_
    assert [record["loss"] for record in unsure.history_] == [record["loss"] for record in plain.history_]
    np.testing.assert_array_equal(unsure.predict(parts[2]), plain.predict(parts[2]))
    for model, folder in ((plain, tmp_path / "plain"), (unsure, tmp_path / "unsure")):
        folder.mkdir()
        model.save(folder)
    same = {"model_h1.txt", "model_h3.txt"}
    further = {f"model_h{h}_q{q}.txt" for h in (1, 3) for q in (10, 90)}
    assert {path.name for path in (tmp_path / "plain").glob("*.txt")} == same
    assert {path.name for path in (tmp_path / "unsure").glob("*.txt")} == same | further
    assert all((tmp_path / "plain" / f).read_bytes() == (tmp_path / "unsure" / f).read_bytes() for f in same)


def test_quantiles_of_noise_are_those_of_its_distribution(small_model):
    rng = np.random.default_rng(0)
    base = rng.standard_normal((3000, 2)).astype(np.float32)
    noise = make_windows(base, np.cumsum(rng.uniform(-0.05, 0.05, 3000)), 12, (1,))
    config = LightGBMConfig(n_estimators=30, early_stopping=5, quantiles=QUANTILES)
    model = small_model("lightgbm", model=config, horizons=(1,), target_scale=(0.05,))
    found = model.fit(noise.take(slice(0, 2000)), noise.take(slice(2001, None))).quantiles(noise, QUANTILES, 0, 0)
    np.testing.assert_allclose(np.median(found, axis=0), [[-0.04, 0.04]], atol=0.006)


def test_crossing_quantiles_are_put_in_order(unsure, parts):
    low, high = unsure.boosters_[2:4]
    unsure.boosters_[2:4] = [high, low]
    crossed = unsure.quantiles(parts[2], QUANTILES, 0, 0)
    unsure.boosters_[2:4] = [low, high]
    assert (crossed[:, 0, 0] <= crossed[:, 0, 1]).all()
    assert (crossed[:, 0, 0] < crossed[:, 0, 1]).any()


def test_a_quantile_without_trees_is_refused(unsure, parts):
    with pytest.raises(ValueError, match=r"Received: \[0\.5\], fitted for \[0\.1, 0\.9\]"):
        unsure.quantiles(parts[2], (0.1, 0.5), 0, 0)


def test_a_refit_without_a_length_per_quantile_is_refused(small_model, unsure, parts):
    with pytest.raises(ValueError, match=r"6 in all\. Received: 2"):
        small_model("lightgbm", model=UNSURE).refit(parts[0], unsure.length_[:2])


def test_importance_is_that_of_the_forecast_alone(small_model, unsure, parts):
    plain = small_model("lightgbm").fit(*parts[:2])
    assert unsure.importance().equals(plain.importance())


def test_summaries_of_all_windows_never_exist_at_once_and_how_many_do_changes_nothing(small_model, parts, monkeypatch):
    sizes = []

    def noted(windows):
        sizes.append(len(windows))
        return summarise(windows)

    whole = small_model("lightgbm").fit(*parts[:2]).predict(parts[2])
    monkeypatch.setattr(summaries, "summarise", noted)
    monkeypatch.setattr(lightgbm, "summarise", noted)
    monkeypatch.setattr(summaries, "CHUNK", 16)
    monkeypatch.setattr(summaries.Summaries, "batch_size", 16)
    monkeypatch.setattr(lightgbm, "PREDICT_CHUNK", 16)
    np.testing.assert_array_equal(small_model("lightgbm").fit(*parts[:2]).predict(parts[2]), whole)
    assert len(parts[0]) > 16
    assert max(sizes) == 16
