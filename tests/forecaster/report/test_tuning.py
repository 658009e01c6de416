import json
from pathlib import Path
from typing import Any

import pytest

from forecaster.report.entries import tuning_entry
from forecaster.report.schema import TrainingReport
from forecaster.report.tuning import tuning_section
from forecaster.settings import TCNConfig
from forecaster.store import Store
from forecaster.tuning import Tuned

DAYS = {"first_origin": "2014-02-24", "last_origin": "2022-05-01", "last_label": "2022-05-31", "n": 2990}


def trial(number: int, value: float | None, state: str = "complete", origin: str = "sampler", **params: Any) -> Any:
    return {
        "number": number, "value": value, "state": state, "seconds": 60.0, "origin": origin, "why": None,
        "params": {"filters": 32, "dropout": 0.3, **params},
    }  # fmt: skip


HISTORY = [
    trial(0, 1.02, origin="defaults"),
    trial(1, 1.01, origin="last study", filters=64),
    trial(2, 1.5, state="pruned"),
    trial(3, None, state="fail"),
    trial(4, 1.015),
    trial(5, 0.99, filters=16, dropout=0.123456),
]


def tuned(store: Store, **changes: Any) -> Tuned:
    fields: dict[str, Any] = {
        "coin": "BTC", "model": "tcn", "study": "folder/BTC/tcn/abc", "settings": TCNConfig(filters=16),
        "best": {"filters": 16, "dropout": 0.123456}, "value": 0.99, "default_value": 1.02, "n_trials": 6,
        "n_pruned": 1, "n_failed": 1, "history": store.put_json(HISTORY),
        "importance": {"dropout": 0.75, "filters": 0.25}, "stopped_by": None, "is_repeatable": True,
    }  # fmt: skip
    return Tuned(**fields | changes)


def section(store: Store, **changes: Any) -> str:
    report = TrainingReport.model_validate(
        {
            "coin": "BTC", "as_of": "2025-12-31", "status": "OK",
            "data": {"source": "folder", "simulated": False, "first": "2013-12-27", "last": "2025-12-31", "rows": 9,
                     "sha256": "ab"},
            "splits": {"train": DAYS}, "features": {"engineered": 1}, "models": {}, "baselines": {},
            "tuning": {"tcn": tuning_entry(store, tuned(store, **changes))},
        }
    )  # fmt: skip
    return tuning_section(report)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_the_entry_holds_what_the_report_documents(store: Store):
    entry = tuning_entry(store, tuned(store))
    assert {"n_trials", "best", "value", "default_value", "n_pruned", "n_failed", "history", "importance",
            "is_repeatable", "study"} <= set(entry)  # fmt: skip
    assert entry["history"] == HISTORY
    json.dumps(entry, allow_nan=False)


def test_the_best_stands_beside_the_defaults_and_zero(store: Store):
    assert "| TCN | 0.9900 | 1.0200 | 1.0000 | 6 | 1 | 1 | 6.0 min |" in section(store)


def test_parameters_stand_beside_their_defaults_the_most_important_first(store: Store):
    lines = section(store).splitlines()
    place = lines.index("| `dropout` | 0.1235 | 0.3 | 75.0 % |")
    assert lines[place + 1] == "| `filters` | 16 | 32 | 25.0 % |"


def test_a_parameter_that_the_best_no_longer_has_is_shown_as_such(store: Store):
    assert "| `filters` | n/a | 32 | 25.0 % |" in section(store, best={"dropout": 0.1})


def test_history_is_told_by_its_improvements(store: Store):
    assert (
        "Best so far: 1.0200 by trial 0 (from the defaults), 1.0100 by trial 1 (from the last study's best), "
        "0.9900 by trial 5 (from the sampler). Study: `folder/BTC/tcn/abc`."
    ) in section(store)


def test_a_repeatable_study_is_not_called_otherwise(store: Store):
    assert "not repeatable" not in section(store)


def test_a_study_out_of_time_says_that_it_is_not_repeatable(store: Store):
    text = section(store, stopped_by="timeout", is_repeatable=False, n_trials=4)
    assert "**TCN's study is not repeatable**: its time was up" in text
    assert "(what it has begun, 2 more, is kept for a later run)" in text


def test_a_study_with_a_dead_worker_says_so(store: Store):
    assert "a worker died" in section(store, is_repeatable=False)


def test_without_a_finished_trial_the_defaults_serve(store: Store):
    history = store.put_json([trial(0, None, state="running", origin="defaults")])
    nothing = {"best": {}, "value": None, "default_value": None, "n_trials": 0, "importance": {}, "history": history}
    text = section(store, stopped_by="timeout", is_repeatable=False, **nothing)
    assert "| TCN | n/a | n/a | 1.0000 | 0 |" in text
    assert "No trial was finished: the defaults serve." in text


def test_nothing_is_said_where_nothing_was_tuned(store: Store):
    report = TrainingReport.model_construct(tuning=None)
    assert tuning_section(report) == ""
