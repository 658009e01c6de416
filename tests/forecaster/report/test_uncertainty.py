from datetime import date
from typing import Any

import pytest

from forecaster.report.entries import uncertainty_entry
from forecaster.report.schema import TrainingReport
from forecaster.report.uncertainty import uncertainty_section
from forecaster.store import Artifact
from forecaster.uncertainty import Intervals


def scores(coverage: float | None, width: float | None, n: int = 600) -> dict[str, Any]:
    error = None if coverage is None else 0.021
    each = {
        f"{name}_{level}": value for level in (80, 90) for name, value in (("coverage", coverage), ("width", width))
    }
    return each | {"coverage_80_se": error, "coverage_90_se": error, "n": n}


def intervals(model: str, *each: dict[str, Any]) -> Intervals:
    nowhere = Artifact(path="objects/none", sha256="")
    return Intervals(model=model, quantiles=nowhere, scores=dict(zip(("1", "30"), each, strict=False)))


@pytest.fixture
def entry() -> dict[str, Any]:
    return uncertainty_entry(
        [
            intervals("zero", scores(0.951, 0.1234), scores(0.99, 0.9)),
            intervals("tcn", scores(0.042, 0.0021), scores(None, None, n=0)),
            intervals("advanced_ensemble", scores(0.9, 0.11)),
            intervals("lightgbm", scores(0.88, 0.1)),
        ]
    )


def report(entry: dict[str, Any] | None) -> TrainingReport:
    data = {"source": "folder", "simulated": False, "first": "2014-01-01", "last": "2025-01-01", "rows": 9}
    return TrainingReport.model_validate(
        {
            "coin": "BTC",
            "as_of": date(2025, 1, 1),
            "status": "OK",
            "data": {**data, "sha256": "ab"},
            "splits": {},
            "features": {"engineered": 1},
            "models": {},
            "baselines": {},
            "uncertainty": entry,
        }
    )


def row(page: str, name: str, place: int = 0) -> list[str]:
    lines = [line for line in page.splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in lines[place].strip("|").split("|")]


def test_entry_holds_every_model_in_the_order_of_the_tables_the_baseline_last(entry):
    assert list(entry) == ["tcn", "lightgbm", "advanced_ensemble", "zero"]
    assert entry["tcn"]["1"]["coverage_90"] == 0.042
    assert entry["tcn"]["1"]["n"] == 600


def test_entry_survives_the_report_and_its_json(entry):
    assert TrainingReport.model_validate_json(report(entry).model_dump_json()).uncertainty == entry


def test_section_shows_coverage_with_its_error_and_width_beside_the_train_quantiles(entry):
    page = uncertainty_section(report(entry))
    assert row(page, "TCN") == ["TCN", "dropout", "4.2 % ± 2.1", "4.2 % ± 2.1", "0.0021", "0.0021", "600"]
    assert row(page, "LightGBM")[1:3] == ["quantile trees", "88.0 % ± 2.1"]
    assert row(page, "Ensemble")[1:3] == ["conformal", "90.0 % ± 2.1"]
    assert row(page, "Zero return")[1:3] == ["train quantiles", "95.1 % ± 2.1"]
    assert page.index("### 1 day ahead") < page.index("### 30 days ahead")


def test_section_says_what_dropout_does_not_know(entry):
    assert "Read coverage before width" in uncertainty_section(report(entry))
    assert "cover far too little" in uncertainty_section(report(entry))


def test_a_horizon_without_outcomes_is_shown_as_such_and_one_without_intervals_is_not(entry):
    page = uncertainty_section(report(entry))
    assert row(page, "TCN", 1)[2:] == ["n/a", "n/a", "n/a", "n/a", "0"]
    assert page.count("| LightGBM |") == 1


@pytest.mark.parametrize("nothing", [None, {}])
def test_without_intervals_there_is_no_section(nothing):
    assert uncertainty_section(report(nothing)) == ""
