from datetime import date
from typing import Any

import pytest

from forecaster.report import TrainingReport
from forecaster.report.entries import walk_forward_entry
from forecaster.report.walk_forward import walk_forward_section
from forecaster.settings import WalkForwardConfig
from forecaster.split import AuditRow, Fold, Span
from forecaster.store import Store
from forecaster.walk_forward import WalkForward


def metrics(skill: float, n: int, **more: float | None) -> dict[str, Any]:
    rmse = {"rmse": 0.1 * (1 - skill), "scaled_rmse": 2 * (1 - skill), "mae": 0.05, "r2": skill}
    return {"n": n, **rmse, "directional_accuracy": 0.5, "skill_vs_zero": skill, **more}


def scores(skill: float, n: int, p: float | None = None, holm: float | None = None) -> dict[str, Any]:
    zero = {"1": metrics(0.0, n, **({"dm_p": None, "dm_p_holm": None} if p else {}))}
    return {"tcn": {"1": metrics(skill, n, **({"dm_p": p, "dm_p_holm": holm} if p else {}))}, "zero": zero}


NESTED = {"splits": {"walk-1": scores(0.02, 40), "walk-2": scores(-0.034, 39)}, "pooled": scores(-0.01, 79, 0.7, 0.9)}


def fold(number: int, train_last: date, first: date, last: date) -> Fold:
    return Fold(
        name=f"walk-{number}",
        train=Span(first=date(2020, 1, 1), last=train_last),
        stop=Span(first=date(2020, 6, 1), last=date(2020, 6, 10)),
        held_out=Span(first=first, last=last),
    )


@pytest.fixture
def entry(tmp_path) -> dict[str, Any]:
    store, day = Store(tmp_path), date(2020, 1, 1)
    row = AuditRow(part="walk-1 train", first_origin=day, last_origin=day, last_label=day, n=1)
    stored = store.put_json(NESTED)
    result = WalkForward(
        folds=(
            fold(1, date(2020, 1, 31), date(2021, 1, 1), date(2021, 2, 9)),
            fold(2, date(2020, 2, 29), date(2021, 2, 10), date(2021, 3, 20)),
        ),
        audit=(row,),
        forecasts=stored,
        scores=stored,
        nested=stored,
    )
    return walk_forward_entry(store, result, WalkForwardConfig(n_splits=2, min_train=300))


def report(**changes: Any) -> TrainingReport:
    day = "2020-01-01"
    data = {"source": "folder", "simulated": False, "first": day, "last": day, "rows": 9, "sha256": "ab"}
    split = {"first_origin": day, "last_origin": day, "last_label": "2021-02-01", "n": 5}
    fields: dict[str, Any] = {
        "coin": "BTC", "as_of": day, "status": "OK", "data": data, "splits": {"train": split},
        "features": {"engineered": 9}, "models": {}, "baselines": {},
    }  # fmt: skip
    return TrainingReport.model_validate(fields | changes)


def test_the_entry_has_every_split_with_its_days_counts_and_scores(entry):
    assert (entry["n_splits"], entry["min_train"], entry["rolling"]) == (2, 300, False)
    first = entry["splits"][0]
    assert (first["name"], first["train_first"], first["train_last"]) == ("walk-1", "2020-01-01", "2020-01-31")
    assert (first["first"], first["last"]) == ("2021-01-01", "2021-02-09")
    assert (first["n_train"], first["n_stop"], first["n"]) == (31, 10, 40)
    assert first["scores"] == NESTED["splits"]["walk-1"]
    assert entry["pooled"] == NESTED["pooled"]
    assert entry["audit"][0]["part"] == "walk-1 train"


def test_the_entry_survives_json(entry):
    whole = report(walk_forward=entry)
    assert TrainingReport.model_validate_json(whole.model_dump_json()).walk_forward == entry


def test_nothing_is_said_where_it_did_not_run():
    assert walk_forward_section(report()) == ""


def test_the_section_sets_pooled_scores_beside_the_baselines(entry):
    section = walk_forward_section(report(walk_forward=entry))
    assert "| TCN | 0.1010 | 2.020 | 0.0500 | -0.0100 | 50.0 % | -1.0 % | 0.700 | 79 |" in section
    assert "| Zero return | 0.1000 | 2.000 | 0.0500 | 0.0000 | 50.0 % | +0.0 % | n/a | 79 |" in section


def test_the_section_shows_the_skill_of_every_split(entry):
    section = walk_forward_section(report(walk_forward=entry))
    assert "| model | walk-1 | walk-2 | all |" in section
    assert "| TCN | +2.0 % | -3.4 % | -1.0 % |" in section
    assert "| walk-1 | 2020-01-01 | 2020-01-31 | 31 | 2021-01-01 | 2021-02-09 | 40 |" in section


def test_the_section_says_in_how_many_cells_zero_is_beaten_significantly(entry):
    assert "in none of 1 pairs" in walk_forward_section(report(walk_forward=entry))
    found = {**entry, "pooled": scores(0.1, 79, 0.0002, 0.0004)}
    section = walk_forward_section(report(walk_forward=found))
    assert "in 1 of 1 pairs" in section
    assert "smallest adjusted p: < 0.001" in section
    untested = {**entry, "pooled": {"zero": entry["pooled"]["zero"]}}
    assert "No model could be tested" in walk_forward_section(report(walk_forward=untested))


def test_the_section_warns_that_tuned_settings_have_seen_early_splits(entry):
    assert "searched" not in walk_forward_section(report(walk_forward=entry))
    tuned = walk_forward_section(report(walk_forward=entry, tuning={"enhanced_lstm": {}}))
    assert "The settings of LSTM were searched on days up to 2021-02-01" in tuned


def test_the_section_says_whether_the_train_part_grows_or_rolls(entry):
    assert "on all origins so far" in walk_forward_section(report(walk_forward=entry))
    assert "the newest origins" in walk_forward_section(report(walk_forward={**entry, "rolling": True}))
