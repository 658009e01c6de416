from typing import Any

from forecaster.results import results_page
from tests.forecaster.test_results import report, row, section

SCORES = {"coverage_80": 0.79, "coverage_90": 0.912, "interval_score_90": 0.114, "rolling_score_90": 0.12,
          "against_rolling": 0.05, "miscalibration": 0.0123, "pinball": 0.0045, "n": 600}  # fmt: skip
TITLE = "Intervals of the ensemble"


def entry(**test: Any) -> dict[str, Any]:
    return {"centre": "advanced_ensemble", "val": {"1": {**SCORES, "coverage_90": 0.5}}, "test": {"1": SCORES, **test}}


def test_coverage_scores_and_miscalibration_on_test_stand_by_coin():
    text = section(results_page([report("ETH", calibration=entry())]), TITLE)
    assert row(text, "80 / 90 % covers, 1 day") == ["not run", "79.0 / 91.2", "not run", "not run", "not run"]
    assert row(text, "90 % score / Zero return's, 1 day")[1] == "0.1140 / 0.1200 (+5.00)"
    assert row(text, "miscalibration, 1 day")[1] == "1.2"
    assert row(text, "centre")[1] == "Ensemble"
    assert "Settings (see Runs): A for ETH. Not run: BTC, LTC, XRP, DOGE." in text


def test_a_horizon_without_an_outcome_has_no_figures():
    text = section(results_page([report(calibration=entry(**{"30": {}}))]), TITLE)
    assert row(text, "80 / 90 % covers, 30 days")[0] == "n/a / n/a"
    assert row(text, "90 % score / Zero return's, 30 days")[0] == "n/a / n/a (n/a)"
    assert row(text, "miscalibration, 30 days")[0] == "n/a"


def test_an_older_run_with_such_intervals_serves_where_the_newest_has_none():
    page = results_page([report(run="1", calibration=entry()), report(run="2")])
    assert row(section(page, TITLE), "miscalibration, 1 day")[0] == "1.2"
    assert "| 1 |" in section(page, "Runs")


def test_without_such_intervals_it_says_so():
    assert section(results_page([report()]), TITLE).strip() == "Not run: `retrain` does."
