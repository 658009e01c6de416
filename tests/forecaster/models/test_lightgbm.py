from dataclasses import replace

import numpy as np
import pytest

from forecaster.config import LightGBMConfig
from forecaster.models.lightgbm import CHUNK, SUMMARIES, summarise, summary_names
from forecaster.windows import make_windows


@pytest.fixture
def ramp():
    days = np.arange(14.0)
    return make_windows(np.column_stack([days, days**2]), days, lookback=12, horizons=(1,))


def test_the_five_summaries_of_a_ramp(ramp):
    x = summarise(ramp)[0].reshape(len(SUMMARIES), 2)  # days 0..11
    np.testing.assert_allclose(x[:, 0], [11, 5.5, np.sqrt(143 / 12), 11, 5])
    np.testing.assert_allclose(x[[0, 3], 1], [121, 121])


def test_names_follow_the_columns(ramp):
    names = summary_names(["day", "square"])
    assert len(names) == summarise(ramp).shape[1]
    assert names[:3] == ["day__last", "square__last", "day__mean"]


def test_summaries_do_not_depend_on_where_chunks_end():
    base = np.random.default_rng(0).standard_normal((CHUNK + 40, 2))
    windows = make_windows(base, base[:, 0], lookback=20, horizons=(1,))
    assert len(windows) > CHUNK
    np.testing.assert_array_equal(summarise(windows)[CHUNK - 3 :], summarise(windows.take(slice(CHUNK - 3, None))))


def test_too_short_a_window_has_no_momentum():
    days = np.arange(20.0)
    with pytest.raises(ValueError, match=r"10 days or more\. Received: lookback=9"):
        summarise(make_windows(days[:, None], days, lookback=9, horizons=(1,)))


def test_importance_finds_the_planted_feature(small_model, parts):
    importance = small_model("lightgbm").fit(*parts[:2]).importance()
    assert list(importance.columns) == ["feature_index", "summary", "horizon", "gain"]
    assert len(importance) == 4 * len(SUMMARIES) * 2
    best = importance.query("horizon == 1").nlargest(1, "gain").iloc[0]
    assert (best["feature_index"], best["summary"]) == (0, "last")


def test_each_horizon_stops_at_its_own_best_round(small_model, parts):
    config = LightGBMConfig(n_estimators=300, min_child_samples=5, early_stopping=5, learning_rate=0.3)
    fitted = small_model("lightgbm", model=config).fit(*parts[:2])
    for h, n_trees in zip((1, 3), fitted.length_, strict=True):
        losses = [record[f"val_h{h}_loss"] for record in fitted.history_]
        assert n_trees == int(np.argmin(losses)) + 1
    assert fitted.length_[0] != fitted.length_[1]
    assert len(fitted.history_) < 300


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
