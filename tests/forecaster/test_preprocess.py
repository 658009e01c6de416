import json

import numpy as np
import pandas as pd
import pytest

from forecaster.preprocess import BLOCK_DAYS, CLIP, Preprocessor, target_scale


@pytest.fixture
def train() -> pd.DataFrame:
    return pd.DataFrame({"a": [0.0, 1, 2, 3, 4], "gap": [10.0, np.nan, 20, np.nan, 30], "empty": np.nan, "flat": 7.0})


def test_columns_are_centred_on_the_median_and_divided_by_the_interquartile_range(train):
    base = Preprocessor.fit(train).transform(train)
    assert base[:, 0].tolist() == [-1, -0.5, 0, 0.5, 1]  # median 2, quartiles 1 and 3
    assert base.dtype == np.float32


def test_a_missing_value_becomes_the_train_median(train):
    assert Preprocessor.fit(train).transform(train)[:, 1].tolist() == [-1, 0, 0, 0, 1]  # median 20, quartiles 15 and 25


def test_a_column_without_a_value_on_train_is_dropped_even_if_it_has_some_later(train):
    fitted = Preprocessor.fit(train)
    assert fitted.columns == ("a", "gap", "flat")
    assert fitted.transform(train.assign(empty=1.0)).shape == (5, fitted.n_features)


def test_a_constant_column_keeps_its_unit(train):
    fitted = Preprocessor.fit(train)
    assert fitted.transform(train.assign(flat=7.5))[:, 2].tolist() == [0.5] * 5


def test_a_series_of_several_blocks_is_scaled_as_one(train):
    fitted, later = Preprocessor.fit(train), pd.DataFrame({"a": np.arange(2.0 * BLOCK_DAYS + 3) % 5})
    days = later.assign(gap=20.0, flat=7.0)
    assert fitted.transform(days)[:, 0].tolist() == ((later["a"] - 2) / 2).tolist()


def test_extremes_are_clipped_and_infinities_count_as_missing(train):
    later = train.assign(a=[1e9, -1e9, np.inf, -np.inf, np.nan])
    assert Preprocessor.fit(train).transform(later)[:, 0].tolist() == [CLIP, -CLIP, 0, 0, 0]


def test_an_infinity_on_train_does_not_reach_the_quantiles(train):
    spoilt = pd.concat([train, train.iloc[[0]].assign(a=np.inf)])
    assert Preprocessor.fit(spoilt).center[0] == 2


def test_what_later_days_look_like_changes_no_fitted_number(train):
    fitted = Preprocessor.fit(train)
    before = fitted.to_json()
    fitted.transform(train * 100)
    assert fitted.to_json() == before


def test_columns_are_found_by_name_and_others_ignored(train):
    fitted = Preprocessor.fit(train)
    shuffled = train.assign(new=1.0)[["new", "flat", "gap", "empty", "a"]]
    np.testing.assert_array_equal(fitted.transform(shuffled), fitted.transform(train))


def test_a_lost_column_is_named(train):
    with pytest.raises(ValueError, match="Received: a frame without a, flat"):
        Preprocessor.fit(train).transform(train[["gap"]])


def test_days_without_any_value_are_refused():
    with pytest.raises(ValueError, match="2 days x 1 columns, all missing"):
        Preprocessor.fit(pd.DataFrame({"a": [np.nan, np.nan]}))


def test_json_restores_every_float_exactly():
    rng = np.random.default_rng(0)
    fitted = Preprocessor.fit(pd.DataFrame(rng.standard_normal((50, 3)) * [1e-12, 1, 1e12], columns=list("abc")))
    assert Preprocessor.from_json(fitted.to_json()) == fitted
    assert json.loads(fitted.to_json())["columns"] == ["a", "b", "c"]


def test_columns_without_a_scale_are_refused():
    with pytest.raises(ValueError, match="1 columns, 1 centers, 0 scales"):
        Preprocessor(columns=("a",), center=(0.0,), scale=())


def test_columns_without_a_weight_beside_others_with_one_are_refused():
    with pytest.raises(ValueError, match="2 columns, 1 weights"):
        Preprocessor(columns=("a", "b"), center=(0.0, 0.0), scale=(1.0, 1.0), weight=(0.5,))


def test_target_scale_is_the_interquartile_range_of_what_is_labelled():
    y = np.array([[0, 5], [1, 5], [2, 5], [3, 5], [4, np.nan]])
    assert target_scale(y) == (2.0, 1.0)  # a constant target keeps its unit


def test_a_horizon_without_labels_has_no_scale():
    with pytest.raises(ValueError, match=r"Received: \[2, 0\] labels"):
        target_scale(np.array([[1, np.nan], [2, np.nan]]))


def test_a_weighed_column_is_multiplied_once_it_is_scaled_and_clipped(train):
    fitted = Preprocessor.fit(train).weighed(np.array([0.5, 1.0, 0.1]))
    later = train.assign(a=[2.0, 4.0, 1e6, 2.0, 2.0], flat=9.0)
    assert fitted.transform(later)[:, 0].tolist() == [0, 0.5, CLIP / 2, 0, 0]
    assert fitted.transform(later)[0, 2] == pytest.approx(0.2)
    assert Preprocessor.from_json(fitted.to_json()) == fitted
