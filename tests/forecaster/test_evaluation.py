import json

import numpy as np
import pandas as pd
import pytest

from forecaster.evaluation import COLUMNS, as_nested, evaluate


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "part": ["val", "val", "test", "test", "test"],
            "horizon": [1, 1, 1, 1, 7],
            "y": [1.0, -1.0, 2.0, np.nan, np.nan],
            "zero": 0.0,
            "tcn": [1.0, -3.0, 1.0, 9.0, 9.0],
        }
    )


@pytest.fixture
def scores(frame):
    return evaluate(frame, ["zero", "tcn"], {1: 0.5, 7: 1.0})


def test_there_is_one_row_per_model_part_and_horizon(scores):
    assert list(scores.columns) == list(COLUMNS)
    assert len(scores) == 2 * 3


def test_scores_match_the_sums_done_by_hand(scores):
    row = scores.query("model == 'tcn' and part == 'val'").squeeze()
    assert row["n"] == 2
    assert row["rmse"] == pytest.approx(np.sqrt(2))
    assert row["scaled_rmse"] == pytest.approx(2 * np.sqrt(2))
    assert row["mae"] == 1
    assert row["r2"] == -1
    assert row["directional_accuracy"] == 1
    assert row["skill_vs_zero"] == pytest.approx(1 - np.sqrt(2))


def test_only_days_with_label_and_forecast_count(frame):
    frame.loc[0, "tcn"] = np.nan
    scores = evaluate(frame, ["tcn"], {1: 0.5, 7: 1.0}).set_index(["part", "horizon"])
    assert scores["n"].to_dict() == {("val", 1): 1, ("test", 1): 1, ("test", 7): 0}
    assert scores.loc[("val", 1), "rmse"] == 2


def test_nested_scores_are_json_without_nan(scores):
    nested = json.loads(json.dumps(as_nested(scores, "zero"), allow_nan=False))
    assert list(nested) == ["val", "test"]
    assert nested["val"]["1"] == {
        "n": 2,
        "rmse": 1.0,
        "scaled_rmse": 2.0,
        "mae": 1.0,
        "r2": 0.0,
        "directional_accuracy": None,
        "skill_vs_zero": 0.0,
    }
    assert nested["test"]["7"]["n"] == 0
    assert nested["test"]["7"]["rmse"] is None


def test_other_parts_than_train_val_and_test_stay_out_of_the_report(frame):
    scores = evaluate(frame.assign(part="oof"), ["tcn"], {1: 0.5, 7: 1.0})
    with pytest.raises(ValueError, match="Received: tcn"):
        as_nested(scores, "tcn")


def test_a_model_without_a_column_is_named(frame):
    with pytest.raises(ValueError, match="lightgbm"):
        evaluate(frame, ["tcn", "lightgbm"], {1: 0.5, 7: 1.0})
