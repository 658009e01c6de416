from datetime import date

import pytest

from forecaster.calibration import Calibration, IntervalScores
from forecaster.report.calibration import calibration_section
from forecaster.report.schema import TrainingReport

SCORES = IntervalScores(
    coverage_80=0.79, coverage_90=0.912, interval_score_90=0.1234, rolling_score_90=0.13, against_rolling=0.05, n=600,
    miscalibration=0.0123, pinball=0.0045,
)  # fmt: skip
ENTRY = Calibration(centre="advanced_ensemble", val={"1": SCORES}, test={"1": SCORES, "30": IntervalScores()})


def report(entry: Calibration | None) -> TrainingReport:
    data = {"source": "folder", "simulated": False, "first": "2014-01-01", "last": "2025-01-01", "rows": 9}
    rest = {"splits": {}, "features": {"engineered": 1}, "models": {}, "baselines": {}}
    return TrainingReport.model_validate(
        {"coin": "BTC", "as_of": date(2025, 1, 1), "status": "OK", "data": {**data, "sha256": "ab"}, **rest}
        | {"calibration": entry}
    )


def test_calibration_survives_the_way_to_json_and_back():
    assert TrainingReport.model_validate_json(report(ENTRY).model_dump_json()).calibration == ENTRY


def test_each_part_and_horizon_has_its_line():
    page = calibration_section(report(ENTRY))
    assert page.count("| 1 day | 91.2 % | 79.0 % | 0.1234 | +5.0 % | 1.2 | 0.0045 | 600 |") == 2
    assert "around those of the ensemble" in page


def test_a_horizon_without_an_outcome_says_so():
    line = next(each for each in calibration_section(report(ENTRY)).splitlines() if each.startswith("| 30 days"))
    assert line.endswith("| 0 |")
    assert "0.0 %" not in line


@pytest.mark.parametrize("nothing", [None])
def test_without_calibration_there_is_no_section(nothing: None):
    assert calibration_section(report(nothing)) == ""
