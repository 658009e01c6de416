from datetime import date
from typing import Any

import pytest

from forecaster.report import TrainingReport
from forecaster.report.card import model_card

DAYS = {"first_origin": "2014-02-24", "last_origin": "2022-05-01", "last_label": "2022-05-31", "n": 2990}


def scores(skill: float, right: float | None = 0.5, n: int = 400) -> dict[str, dict[str, Any]]:
    """The same test scores at 1 and 4 days."""
    found = {"rmse": 0.05, "mae": 0.04, "r2": 0.0, "directional_accuracy": right, "skill_vs_zero": skill, "n": n}
    return {"1": found, "4": found}


def report(simulated: bool = False, **changes: Any) -> TrainingReport:
    params = {"filters": 32, "dropout": 0.3, "seq_length": 20, "n_features": 86, "n_train_windows": 2990, "seed": 42}
    fields: dict[str, Any] = {
        "coin": "BTC", "as_of": date(2025, 12, 31), "run": "20260101T003000Z", "status": "DEGRADED",
        "reasons": ["DLinear was lost."],
        "data": {"source": "folder", "simulated": simulated, "first": "2013-12-27", "last": "2025-12-31", "rows": 4388,
                 "sha256": "ab" * 32},
        "splits": {"train": DAYS, "val": DAYS, "test": DAYS, "fold-1 train": DAYS},
        "features": {"engineered": 160, "selected": {"rsi_14": 3.0, "eth_return_1d": None}},
        "models": {"tcn": {"params": params, "epochs": 3, "n_parameters": 33123, "test": scores(-0.02)},
                   "lightgbm": {"params": params, "epochs": [8, 1, 12], "n_parameters": 412, "test": scores(0.01)}},
        "ensemble": {"method": "convex", "why": "smallest on val.", "weights_are": "weights, times the gate",
                     "weights": {"1": {"tcn": 0.2, "lightgbm": 0.1}}, "weight_on_zero": {"1": 0.7}, "test": scores(0)},
        "baselines": {"zero": {"test": scores(0, right=None)}, "mean": {"test": scores(0.001)},
                      "ridge": {"test": scores(0.002)}},
    }  # fmt: skip
    return TrainingReport.model_validate(fields | changes)


def test_a_card_says_what_the_model_is_and_what_it_was_made_of():
    card = model_card(report(), "tcn")
    for line in (
        "# TCN for BTC",
        "Run `20260101T003000Z`, as of 2025-12-31. Status of the run: DEGRADED.",
        "(Bai et al. 2018). 33,123 trainable parameters. Best on validation after 3 epochs.",
        "| `filters` | 32 |",
        "| days | 2013-12-27 to 2025-12-31, 4388 rows |",
        f"| input sha256 | `{'ab' * 32}` |",
        "| window | 20 days |",
        "| features | 2 of 160, chosen on the train part alone |",
        "| train | 2014-02-24 | 2022-05-01 | 2022-05-31 | 2990 |",
        "Not for: investment advice",
        "- DLinear was lost.",
    ):
        assert line in card
    assert "fold-1" not in card
    assert "SIMULATED" not in card


def test_trees_are_counted_per_horizon():
    assert "412 leaves. Best on validation after 8/1/12 trees." in model_card(report(), "lightgbm")


def test_the_cards_of_a_simulated_market_say_so_first():
    card = model_card(report(simulated=True), "tcn")
    assert card.splitlines()[0] == "# SIMULATED DATA: TCN for BTC"
    assert "knows nothing about any real market" in card


def test_scores_stand_beside_every_baseline_with_the_standard_error_of_the_sign():
    card = model_card(report(), "tcn")
    for line in (
        "| 1 day | TCN | 0.0500 | 0.0400 | 0.0000 | -2.0 % | 50.0 % ± 2.5 | 400 |",  # sqrt(0.25 / 400)
        "| 4 days | TCN | 0.0500 | 0.0400 | 0.0000 | -2.0 % | 50.0 % ± 5.0 | 400 |",  # a fourth of them independent
        "| 1 day | Zero return | 0.0500 | 0.0400 | 0.0000 | +0.0 % | n/a | 400 |",
        "| 1 day | Train mean |",
        "| 1 day | Ridge |",
    ):
        assert line in card
    assert "| 1 day | LightGBM |" not in card


def test_limits_say_what_the_scores_are_worth():
    assert "does not beat a forecast of no change at any horizon" in model_card(report(), "tcn")
    assert "is nowhere more than 2 standard errors above one half" in model_card(report(), "tcn")
    assert "below that of forecasting no change at 1 day, 4 days; no test" in model_card(report(), "lightgbm")
    right = report(models={"tcn": {"test": scores(0.0, right=0.56)}})  # 2.4 and 1.2 standard errors
    assert "more than 2 standard errors above one half at 1 day, which" in model_card(right, "tcn")


def test_intervals_are_shown_where_they_were_made():
    found = {"tcn": {"1": {"coverage_80": 0.35, "coverage_90": 0.42, "width_90": 0.0123}}}
    assert "| 1 day | 35.0 % | 42.0 % | 0.0123 |" in model_card(report(uncertainty=found), "tcn")
    assert "None were made" in model_card(report(uncertainty=found), "lightgbm")
    assert "None were made" in model_card(report(), "tcn")


def test_the_ensembles_card_has_its_members_weights():
    card = model_card(report(), "advanced_ensemble")
    assert card.startswith("# Ensemble for BTC")
    assert "Method: **convex**. smallest on val." in card
    assert "| weights at | TCN | LightGBM | Zero return |" in card
    assert "| 1 day | 20.0 % | 10.0 % | 70.0 % |" in card


@pytest.mark.parametrize("model", ["tcn", "lightgbm", "advanced_ensemble"])
def test_the_lines_on_loading_are_python_and_name_the_saved_files(model: str):
    card = model_card(report(), model)
    blocks = card.split("```python\n")[1:]
    logged, here = (block.split("```")[0] for block in blocks)
    compile(logged + here, "card", "exec")
    assert 'mlflow.pyfunc.load_model("runs:/PARENT_RUN_ID/forecaster")' in logged
    assert "# of BTC and ETH, 1020 days at least" in logged
    assert "artifacts/BTC/20260101T003000Z" in here
    assert (f'{model}/serving"), "{model}")' in here) is (model != "advanced_ensemble")


def test_a_partner_that_no_model_sees_is_not_asked_for():
    card = model_card(report(features={"engineered": 160, "selected": {"rsi_14": 3.0}}), "tcn")
    assert "ETH" not in card


def test_a_model_that_was_not_trained_has_no_card():
    with pytest.raises(ValueError, match=r"Expected one of tcn, lightgbm, advanced_ensemble\. Received: dlinear"):
        model_card(report(), "dlinear")
