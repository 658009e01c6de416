import json
import subprocess
import sys
from datetime import date
from typing import Any

import pytest

from forecaster.report import Metrics, TrainingReport, summary_table, suspected_leaks, to_json, to_markdown, verdict
from forecaster.report.markdown import table

DAYS = {"first_origin": "2014-02-24", "last_origin": "2022-05-01", "last_label": "2022-05-31", "n": 2990}


def scores(*skills: float, right: float = 0.5, zero: float = 0.1) -> dict[str, dict[str, float]]:
    """Test scores at 1, 7 and 30 days, the RMSE of zero being `zero`."""
    return {
        h: {"rmse": zero * (1 - s), "scaled_rmse": 1.0, "mae": 0.05, "r2": s, "directional_accuracy": right,
            "skill_vs_zero": s, "n": n}
        for h, s, n in zip(("1", "7", "30"), skills, (629, 623, 600), strict=True)
    }  # fmt: skip


def report(simulated: bool = False, **changes: Any) -> TrainingReport:
    dlinear = {"epochs": 4, "seconds": 12.0, "n_parameters": 28806, "test": scores(-0.45, -0.2, -1.0)}
    tcn = {
        "epochs": 13, "seconds": 95.0, "params": {"filters": 32, "rate": float("nan")},
        "train": {"1": {"rmse": 0.04}, "7": {"rmse": 0.0}}, "val": {"1": {"rmse": 0.06}, "7": {"rmse": 0.1}},
        "test": scores(0.004, -0.006, -0.05),
    }  # fmt: skip
    fields: dict[str, Any] = {
        "coin": "BTC", "as_of": date(2025, 12, 31), "status": "OK",
        "data": {"source": "folder", "simulated": simulated, "first": "2013-12-27", "last": "2025-12-31", "rows": 4388,
                 "sha256": "ab" * 32, "findings": ["3 days are missing | filled"]},
        "splits": {"train": DAYS, "test": DAYS},
        "features": {"engineered": 160, "selected": {"rsi_14": 0.0312, "eth_return_1d": None}},
        "models": {"dlinear": dlinear, "tcn": tcn},
        "ensemble": {"method": "convex", "why": "smallest on val.", "weights": {"1": {"tcn": 0.2}, "7": {"tcn": 0.1}},
                     "weight_on_zero": {"1": 0.8, "7": 0.9}, "test": scores(0.001, 0.0, -0.01)},
        "baselines": {"zero": {"test": scores(0.0, 0.0, 0.0, right=float("nan"))},
                      "ridge": {"test": scores(0.0, 0.001, 0.0)}},
        "steps": [{"name": "fit tcn judged", "cache": "miss", "because": "source of models.tcn", "seconds": 95.2},
                  {"name": "fit dlinear judged", "cache": "hit", "seconds": 0.01}],
        "environment": {"versions": {"keras": "3.15"}, "cores": 2, "device": "cpu", "seed": 42, "jobs": 2},
        "plots": ["loss_curves.png"],
    }  # fmt: skip
    return TrainingReport.model_validate(fields | changes)


def test_json_has_no_nan_and_reads_back_to_the_same_report():
    text = to_json(report())
    found = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert found["baselines"]["zero"]["test"]["1"]["directional_accuracy"] is None
    assert found["models"]["tcn"]["params"] == {"filters": 32, "rate": None}
    assert found["tuning"] is None
    assert TrainingReport.model_validate_json(text) == report()


def test_json_has_every_documented_key():
    found = json.loads(to_json(report()))
    top = (
        "coin status data splits features models ensemble baselines uncertainty tuning walk_forward promotion forecast"
    )
    assert set(f"{top} leakage steps environment".split()) <= set(found)
    assert set(["params", "epochs", "seconds", "train", "val", "test", "gap"]) <= set(found["models"]["tcn"])
    assert set(["method", "weights", "weight_on_zero", "fallback", "regime", "val", "test"]) <= set(found["ensemble"])
    assert set(["source", "simulated", "first", "last", "rows", "sha256", "findings"]) <= set(found["data"])


def test_gap_is_val_over_train_rmse_and_null_where_train_has_none():
    assert report().models["tcn"].gap == {"1": pytest.approx(1.5), "7": None}


def test_a_misspelt_key_is_refused():
    with pytest.raises(ValueError, match="skil"):
        Metrics.model_validate({"skil": 0.1})


def test_verdict_says_what_beats_zero_by_how_much_and_on_how_many_origins():
    assert verdict(report()) == (
        "On the test part (629/623/600 origins at 1/7/30 days): at 1 day 2 of 3 beat the zero forecast, best TCN "
        "(RMSE 0.40 % lower); at 7 days none of 3 beats the zero forecast, closest Ensemble (RMSE equal); at 30 "
        "days none of 3 beats the zero forecast, closest Ensemble (RMSE 1.0 % higher). The ensemble's RMSE against "
        "zero: 0.10 % lower at 1 day, equal at 7 days, 1.0 % higher at 30 days. The best are picked with hindsight, "
        "and 600 origins at 30 days are only about 20 that do not overlap: a small lead is no evidence of skill."
    )


def test_verdict_admits_that_nothing_helped():
    lost = report(models={"tcn": {"test": scores(-0.1, -0.1, -0.1)}}, ensemble=None)
    assert verdict(lost).endswith("A forecast of no change was at least as good as everything that was trained.")
    assert verdict(report(models={}, ensemble=None)) == "Nothing can be said: no trained model has a test score."


def test_too_much_skill_or_accuracy_on_real_bars_is_a_suspected_leak():
    skilful = {"tcn": {"test": scores(0.03, 0.0, 0.0)}}
    right = {"tcn": {"test": scores(0.0, 0.0, 0.0, right=0.57)}}
    assert suspected_leaks(report(models=skilful)) == ["TCN's 1-day skill is +3.0 %, above 2.5 %."]
    assert suspected_leaks(report(models=right)) == ["TCN has the right sign on 57.0 % of days, above 56 %."]
    assert "Suspected leak" in to_markdown(report(models=right))
    assert suspected_leaks(report()) == []


def test_skill_is_no_suspicion_on_a_market_that_plants_it_nor_at_longer_horizons():
    assert suspected_leaks(report(simulated=True, models={"tcn": {"test": scores(0.3, 0.3, 0.3)}})) == []
    assert suspected_leaks(report(models={"tcn": {"test": scores(0.0, 0.3, 0.3)}})) == []


def test_markdown_says_simulated_in_its_first_line_and_only_then():
    assert to_markdown(report(simulated=True)).splitlines()[0].startswith("# SIMULATED DATA: BTC")
    assert "SIMULATED" not in to_markdown(report())


def test_markdown_shows_models_beside_baselines_and_why_steps_ran():
    page = to_markdown(report(status="DEGRADED", reasons=["LightGBM failed: out of memory"]))
    for line in (
        "Status: **DEGRADED**",
        "- LightGBM failed: out of memory",
        "| TCN | 0.0996 | 1.000 | 0.0500 | 0.0040 | 50.0 % | +0.4 % | 629 |",
        "| Zero return | 0.1000 | 1.000 | 0.0500 | 0.0000 | n/a | +0.0 % | 629 |",
        "| Zero return | 80.0 % | 90.0 % |",
        "| TCN | 1.50x | n/a | n/a |",
        "| fit tcn judged | miss | source of models.tcn | 95 s | 0 |",
        "2 steps: 1 reused, 1 computed, 0 always run.",
        "| jobs | 2 |",
        "![loss curves](loss_curves.png)",
    ):
        assert line in page
    assert "nan" not in page.lower().split()


def test_a_cell_cannot_break_its_table():
    assert table(("a", "b"), [("x|y", "two\nlines")]).splitlines()[-1] == "| x\\|y | two lines |"


def test_summary_table_has_rmse_and_skill_by_horizon_with_baselines_last():
    rows = summary_table(report())
    assert rows[0] == ["model", "RMSE 1 d", "skill 1 d", "RMSE 7 d", "skill 7 d", "RMSE 30 d", "skill 30 d"]
    assert rows[2] == ["TCN", "0.0996", "+0.4 %", "0.1006", "-0.6 %", "0.1050", "-5.0 %"]
    assert [row[0] for row in rows[1:]] == ["DLinear", "TCN", "Ensemble", "Zero return", "Ridge"]


def test_a_model_without_test_scores_is_shown_as_such():
    assert summary_table(report(models={"tcn": {}}))[1] == ["TCN", *["n/a"] * 6]


def test_the_report_needs_no_plotting_or_training_library():
    code = "import sys, forecaster.report; print({'matplotlib', 'tensorflow', 'lightgbm', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
