import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from forecaster.report import TrainingReport, to_json
from forecaster.results import published, read_reports, results_page
from forecaster.settings import COINS

DAYS = {"first_origin": "2014-02-24", "last_origin": "2022-05-01", "last_label": "2022-05-31", "n": 2990}
ZERO = {"1": 0.02, "7": 0.05, "30": 0.1}  # RMSE of a forecast of no change; its scale is 0.025


def scored(skill: float, right: float | None = 0.52) -> dict[str, Any]:
    """The same skill at every horizon."""
    return {
        h: {"rmse": zero * (1 - skill), "scaled_rmse": zero * (1 - skill) / 0.025, "mae": zero * 0.6,
            "directional_accuracy": right, "skill_vs_zero": skill, "n": 400}
        for h, zero in ZERO.items()
    }  # fmt: skip


def rival(skill: float, right: float | None = 0.52, **more: Any) -> dict[str, Any]:
    parts = {"train": {"1": {"rmse": 0.016}}, "val": scored(skill, right), "test": scored(skill, right)}
    return {**parts, **more}


def report(coin: str = "BTC", run: str = "1", simulated: bool = False, **changes: Any) -> TrainingReport:
    settings = {"epochs": 3, "seq_length": 60, "filters": 48}
    fields: dict[str, Any] = {
        "coin": coin, "run": run, "as_of": date(2025, 12, 31), "status": "OK",
        "data": {"source": "folder", "simulated": simulated, "first": "2013-12-27", "last": "2025-12-31", "rows": 4388,
                 "sha256": "ab" * 32},
        "splits": {"train": DAYS, "fold-4 train": DAYS, "fold-5 held out": DAYS},
        "features": {"engineered": 160, "selected": {"rsi_14": 1.0, "eth_return_1d": None}},
        "models": {"tcn": rival(-0.05, params=settings, seconds=90.0),
                   "lightgbm": rival(0.01, 0.6, params={"seq_length": 60}, seconds=4.0)},
        "ensemble": {"method": "convex", "why": "smallest on val.", **rival(0.0, None)},
        "baselines": {"zero": rival(0.0, None), "ridge": rival(-0.001)},
        "environment": {"versions": {"python": "3.11"}, "cores": 2, "device": "cpu", "seed": 42},
    }  # fmt: skip
    return TrainingReport.model_validate(fields | changes)


TUNED = {"tcn": {"n_trials": 20, "value": 0.98, "default_value": 1.02}}
WALKED = {"n_splits": 4, "rolling": False, "pooled": {
    "tcn": {"1": {"rmse": 0.021, "skill_vs_zero": -0.05, "dm_p": 0.9, "dm_p_holm": 0.95}},
    "zero": {"1": {"rmse": 0.02, "skill_vs_zero": 0.0}}}}  # fmt: skip
COVERED = {"coverage_80": 0.7, "coverage_90": 0.85, "width_80": 0.05, "width_90": 0.075, "n": 400}


def section(page: str, title: str) -> str:
    return page.partition(f"## {title}\n")[2].partition("\n## ")[0]


def row(text: str, name: str) -> list[str]:
    """Cells of the first row called so, by coin."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.split("|")[2:-1]]


def test_models_stand_beside_zero_and_coins_without_a_run_say_so():
    text = section(results_page([report(), report("DOGE")]), "Validation RMSE")
    assert row(text, "TCN") == ["0.840", "not run", "not run", "not run", "0.840"]
    assert row(text, "Zero return") == ["0.800", "not run", "not run", "not run", "0.800"]
    assert row(text, "DLinear") == ["not run"] * 5
    assert "Not run: ETH, LTC, XRP." in text


def test_the_specifications_rows_have_zero_in_each_of_their_units_below_them():
    text = section(results_page([report()]), "Validation RMSE")
    theirs = text.partition("| specification |")[2]
    assert row(theirs, "LightGBM") == ["0.61", "0.59", "0.57", "0.64", "0.92"]
    assert row(theirs, "*Zero return (here), RMSE, val*")[0] == "0.800"
    assert row(theirs, "*Zero return (here), MAE, val*")[0] == "0.480"  # 0.6 * 0.02 / 0.025
    assert row(theirs, "*LightGBM / best network, as published*")[0] == "0.67"  # 0.61 / 0.91
    assert row(theirs, "*Zero's MAE / zero's RMSE (here), val*")[0] == "0.60"


def test_every_table_has_a_row_of_the_zero_return():
    covered = {"zero": {"1": COVERED}, "tcn": {"1": COVERED}}
    calibration = {"centre": "zero", "val": {}, "test": {"1": {}}}
    page = results_page([report(tuning=TUNED, walk_forward=WALKED, uncertainty=covered, calibration=calibration)])
    tables = [block for block in page.split("\n\n") if block.startswith("|") and "| BTC | ETH |" in block]
    assert len(tables) == 26
    assert all("Zero return" in table for table in tables)


def test_scores_on_test_are_shown_at_all_horizons():
    text = section(results_page([report()]), "Test scores")
    assert "0.0210 / 0.0525 / 0.1050" in text
    assert "-5.00 / -5.00 / -5.00" in text
    assert "0.0120 / 0.0300 / 0.0600" in text


def test_the_gap_of_zero_stands_below_the_others():
    text = section(results_page([report()]), "Train/validation gap")
    assert row(text, "TCN")[0] == "1.31x"
    assert row(text, "*Zero return (here)*")[0] == "1.25x"


def test_the_best_in_hindsight_and_the_one_chosen_on_val_are_told_apart():
    lucky = {"tcn": {"val": scored(-0.1), "test": scored(0.1)}, "lightgbm": {"val": scored(0.0), "test": scored(-0.25)}}
    text = section(results_page([report(models=lucky)]), "Best single model and ensemble")
    assert row(text, "best single model (hindsight)")[0] == "0.720 TCN"
    assert row(text, "single model chosen on val")[0] == "1.000 LightGBM"
    assert row(text, "Ensemble")[0] == "0.800 (convex)"
    assert row(text, "ensemble against the best, %")[0] == "-11.11"
    assert row(text, "ensemble against the chosen, %")[0] == "+20.00"
    assert row(text, "ensemble against zero, %")[0] == "+0.00"


def test_the_specifications_ensemble_is_below_its_best_by_as_much_as_it_says():
    text = section(results_page([report()]), "Best single model and ensemble").partition("| specification |")[2]
    said = [-4.4, -0.7, -0.4, -1.4, -0.6]
    assert [float(cell) for cell in row(text, "ensemble against the best, %")] == pytest.approx(said, abs=0.08)


def test_directional_accuracy_carries_its_standard_error():
    text = section(results_page([report()]), "Directional accuracy")
    assert row(text, "TCN")[0] == "52.0 ± 2.5"  # sqrt(.52 * .48 / 400)
    assert row(text, "Zero return")[0] == "no direction"


def test_the_opening_counts_what_beats_zero():
    opening = results_page([report()]).partition("## Runs")[0]
    assert "3 of 9 cells" in opening  # LightGBM at three horizons
    assert "the median cell's is 0.00 % larger" in opening
    assert "LightGBM's on BTC at 1 day, 1.00 % in RMSE" in opening
    assert "smaller RMSE than zero in 0 of 3 cells, the same in 3" in opening
    assert "Train mean and ridge, which need no network, do so in 0 of 3." in opening
    assert "Of 2 directional accuracies one day ahead, 1 lie more than two standard errors" in opening


def test_the_opening_admits_that_nothing_beat_zero():
    assert "at least as good everywhere" in results_page([report(models={"tcn": rival(-0.05)})])


def test_the_newest_run_without_tuning_is_the_main_one_and_the_newest_tuned_one_feeds_the_tuning_table():
    def of(skill: float) -> dict[str, Any]:
        return {"tcn": rival(skill, params={"epochs": 3, "filters": 48})}

    page = results_page(
        [
            report(run="1", models=of(-1.0)),
            report(run="3", models=of(-3.0), tuning=TUNED),
            report(run="2", models=of(-2.0)),
        ]
    )
    assert row(section(page, "Validation RMSE"), "TCN")[0] == "2.400"
    tuned = section(page, "Tuned hyperparameters")
    assert row(tuned, "TCN `filters`")[0] == "48"
    assert row(tuned, "TCN")[0] == "0.9800 / 1.0200 (20 trials)"
    assert row(tuned.partition("| model |")[2], "Zero return")[0] == "1.000"
    assert "| 1 |" not in section(page, "Runs")


def test_a_tuned_run_serves_where_there_is_no_other():
    assert row(section(results_page([report(tuning=TUNED)]), "Validation RMSE"), "TCN")[0] == "0.840"


def test_intervals_show_width_and_coverage_beside_zeros():
    text = section(results_page([report(uncertainty={"zero": {"1": COVERED}, "tcn": {"1": COVERED}})]), "Intervals")
    assert row(text, "TCN")[0] == "0.0750 (70 / 85)"
    assert row(text, "*Zero return (here)*")[0] == "3.00"  # 0.075 / 0.025


def test_walk_forward_skill_is_pooled_with_missing_horizons_said():
    text = section(results_page([report(walk_forward=WALKED)]), "Walk-forward evaluation")
    assert row(text, "TCN")[0] == "-5.00 / n/a / n/a"
    assert row(text, "splits")[0] == "4, expanding"
    assert row(text, "smallest p")[0] == "0.95"


def test_the_opening_counts_what_is_significant_in_walk_forward_evaluation():
    opening = results_page([report(walk_forward=WALKED)]).partition("## Runs")[0]
    assert "In walk-forward evaluation, pooled, 0 of 1 cells" in opening
    assert "0 of 1 pairs of model or baseline and horizon beat it significantly" in opening


def test_what_did_not_run_says_how_to_run_it():
    page = results_page([report()])
    assert "`retrain --tune` does" in section(page, "Tuned hyperparameters")
    assert "`retrain --walk-forward` does" in section(page, "Walk-forward evaluation")


def test_equal_settings_share_a_letter_and_a_command():
    equal = [report(coin, recipe="learning") for coin in ("BTC", "ETH")]
    other = report("XRP", recipe="learning", splits={"train": DAYS, "fold-2 train": DAYS})
    text = section(results_page([*equal, other]), "Runs")
    assert "`retrain --crypto BTC,ETH --data-dir bars --as-of 2025-12-31 --epochs 3 --seq-length 60 --folds 5`" in text
    assert "`retrain --crypto XRP --data-dir bars --as-of 2025-12-31 --epochs 3 --seq-length 60 --folds 2`" in text
    assert row(text, "ETH")[0] == "A"
    assert row(text, "XRP")[0] == "B"


def test_a_command_says_what_not_every_run_does():
    more = report(recipe="learning", tuning=TUNED, walk_forward=WALKED, ensemble=None)
    text = section(results_page([more]), "Runs")
    assert "--folds 5 --no-ensemble --tune --walk-forward --wf-splits 4`" in text
    assert "no ensemble, tuned: tcn, 4 walk-forward splits" in text


def test_a_recorded_command_wins():
    recorded = {"command": "retrain --crypto BTC --tune", "seconds": 600}
    assert "`retrain --crypto BTC --tune`" in results_page([report(recipe="learning", environment=recorded)])


def test_real_and_simulated_runs_never_share_a_page():
    with pytest.raises(ValueError, match="Received: both"):
        results_page([report(), report(simulated=True)])
    with pytest.raises(ValueError, match="no report"):
        results_page([])
    page = results_page([report(simulated=True)])
    assert page.startswith("# SIMULATED DATA")
    assert "--data-dir" not in page


def test_the_specifications_rows_have_a_figure_per_coin():
    for rows in (published.VAL_RMSE, published.GAP, published.DIRECTION, published.MINUTES, published.WIDTH):
        assert all(tuple(row) == COINS for row in rows.values())
    assert all(len(values) == len(COINS) for values in published.TUNED.values())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, simulated in (("BTC_1", False), ("ETH_1", True)):
        (tmp_path / name).mkdir()
        coin = name.partition("_")[0]
        (tmp_path / name / "training_report.json").write_text(to_json(report(coin, simulated=simulated)))
    return tmp_path


def test_a_folder_of_runs_gives_those_of_one_kind_of_market(folder: Path):
    assert [each.coin for each in read_reports([folder])] == ["BTC"]
    assert [each.coin for each in read_reports([folder], simulated=True)] == ["ETH"]
    assert [each.coin for each in read_reports([folder / "BTC_1"])] == ["BTC"]


def test_a_simulated_report_is_refused_where_real_ones_are_shown(folder: Path):
    with pytest.raises(ValueError, match=r"ETH_1.*--simulated"):
        read_reports([folder / "ETH_1" / "training_report.json"])
    with pytest.raises(ValueError, match=r"Received: simulated ones only.*--simulated"):
        read_reports([folder / "ETH_1"])
    with pytest.raises(ValueError, match=r"BTC_1.*Leave --simulated out"):
        read_reports([folder / "BTC_1" / "training_report.json"], simulated=True)


@pytest.mark.parametrize("content", ["no json", "[]", json.dumps({"coin": "BTC"})])
def test_a_file_that_is_no_report_is_named(content: str, tmp_path: Path):
    (tmp_path / "notes.json").write_text(content)
    with pytest.raises(ValueError, match=r"notes\.json: expected a training report\. Received: .*\."):
        read_reports([tmp_path / "notes.json"])


def test_missing_files_and_empty_folders_are_named(tmp_path: Path):
    with pytest.raises(ValueError, match=r"gone: expected a report or a folder.*No such file"):
        read_reports([tmp_path / "gone"])
    with pytest.raises(ValueError, match=r"Received: none in it"):
        read_reports([tmp_path])
