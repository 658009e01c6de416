"""Nights that also tune, walk forward, measure intervals and log models: what they leave, reuse and survive."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows.fits import spec_of
from flows.tuning import _trial_spec
from forecaster.plots.draw import PLOT_NAMES
from forecaster.recipes import model_settings
from forecaster.serving import load_run
from tasks.runtime import runtime
from tests.flows.conftest import LAST_DAY, House, Watcher
from tests.flows.test_night import fits, missed

# Prefect's and MLflow's own deprecations are theirs to mend.
pytestmark = [pytest.mark.flow, pytest.mark.filterwarnings("default")]

TUNING = {"tune": True, "tune_trials": 3, "tune_models": ("lightgbm",)}
WALKING = {"walk_forward": True, "wf_splits": 2, "wf_min_train": 300}
HORIZONS = {"1", "7", "30"}


@dataclass
class FurtherNight:
    """A house in which Bitcoin was retrained with everything that can be asked for, and what it left."""

    house: House
    watcher: Watcher
    report: dict[str, Any]

    @property
    def models(self) -> Path:
        return Path(self.watcher.outcomes["BTC"].folder or "")

    @property
    def output(self) -> Path:
        return Path(self.watcher.outcomes["BTC"].report or "").parent


@pytest.fixture(scope="module")
def night(first_night: House, tmp_path_factory: pytest.TempPathFactory) -> FurtherNight:
    """Copy its house before changing it."""
    house = first_night.copy_to(tmp_path_factory.mktemp("further") / "house")
    state, watcher = house.run(**TUNING, **WALKING)
    assert state.is_completed(), state.message
    return FurtherNight(house, watcher, house.report(watcher))


def trials(watcher: Watcher) -> list[str]:
    """Trials that were run, in order."""
    return sorted(fold.partition("/")[0] for *_, fold, _ in watcher.ended if fold.startswith("trial-"))


def close_pool() -> None:
    """What a cancelled run does first."""
    runtime().pool.close()


def test_a_night_with_everything_is_ok_and_draws_three_more_plots(night: FurtherNight) -> None:
    assert (night.report["status"], night.report["reasons"]) == ("OK", [])
    further = {"tuning.png", "walk_forward.png", "uncertainty.png", "forecast.png"}
    assert {path.name for path in night.output.glob("*.png")} == set(night.report["plots"]) == {*PLOT_NAMES, *further}
    text = (night.output / "report.md").read_text()
    assert [title for title in ("## Tuning", "## Walk-forward", "## Uncertainty") if title not in text] == []


def test_what_the_study_found_best_is_what_was_fitted_and_saved(night: FurtherNight) -> None:
    study = night.report["tuning"]["lightgbm"]
    values = [trial["value"] for trial in study["history"]]
    assert [trial["number"] for trial in study["history"]] == [0, 1, 2]
    defaults = model_settings("learning", "lightgbm").model_dump()
    assert study["history"][0]["params"].items() <= defaults.items()  # which come first
    assert (study["value"], study["default_value"]) == (min(values), values[0])
    best = study["history"][values.index(study["value"])]
    is_default = study["best"].items() <= defaults.items()  # other source draws other trials: the defaults may win
    assert is_default == (best["number"] == 0)  # but do not pass for tuned
    assert study["best"] == best["params"]
    assert study["best"].items() <= night.report["models"]["lightgbm"]["params"].items()
    assert f"num_leaves: {study['best']['num_leaves']}" in boosted_with(night.models / "lightgbm" / "model_h1.txt")
    serving = night.models / "lightgbm" / "serving" / "model_h1.txt"
    assert f"num_leaves: {study['best']['num_leaves']}" in boosted_with(serving)


def boosted_with(model: Path) -> str:
    """The parameters that LightGBM itself writes beside its trees."""
    return model.read_text().partition("\nparameters:")[2]


def test_every_walk_forward_split_learns_before_it_is_scored(night: FurtherNight) -> None:
    entry = night.report["walk_forward"]
    assert (entry["n_splits"], entry["min_train"], entry["rolling"]) == (2, 300, False)
    first, second = entry["splits"]
    assert first["train_first"] == second["train_first"]
    assert first["n_train"] < second["n_train"]
    assert first["train_last"] < first["first"] <= first["last"] < second["first"]
    assert all(row["last_label"] < row["next_part"] for row in entry["audit"] if row["next_part"])
    for scores in (first["scores"], second["scores"], entry["pooled"]):
        assert set(scores) == {"lightgbm", "zero", "mean", "ridge"}
        assert {frozenset(each) for each in scores.values()} == {frozenset(HORIZONS)}
    pooled = entry["pooled"]["lightgbm"]["7"]
    assert pooled["n"] == first["n"] + second["n"]
    assert 0 < pooled["rmse"] < 1
    assert entry["pooled"]["zero"]["1"]["skill_vs_zero"] == 0


def test_intervals_are_wider_the_more_they_must_cover_and_the_further_they_look(night: FurtherNight) -> None:
    assert list(night.report["uncertainty"]) == ["lightgbm", "advanced_ensemble", "zero"]
    for horizons in night.report["uncertainty"].values():
        assert set(horizons) == HORIZONS
        assert all(0 < each["coverage_80"] <= each["coverage_90"] <= 1 for each in horizons.values())
        assert all(0 < each["width_80"] < each["width_90"] for each in horizons.values())
        assert horizons["1"]["width_90"] < horizons["30"]["width_90"]
    quantiles = pd.read_parquet(night.models / "intervals" / "lightgbm.parquet")
    assert list(quantiles.columns) == ["cutoff", "horizon", "q05", "q10", "q90", "q95"]
    assert set(quantiles["horizon"]) == {1, 7, 30}
    assert str(quantiles["cutoff"].max().date()) == LAST_DAY


def test_mlflow_shows_the_curves_and_a_card_per_model(night: FurtherNight) -> None:
    client = night.house.client()
    parent, children = night.house.logged(night.watcher)
    assert {file.path for file in client.list_artifacts(parent.info.run_id)} == {"report", "curves.html"}
    for name in ("lightgbm", "advanced_ensemble"):
        run = children[name].info.run_id
        card = Path(client.download_artifacts(run, "model_card.md")).read_text()
        assert f"runs:/{parent.info.run_id}/forecaster" in card
        assert client.get_run(run).data.tags["mlflow.note.content"] == card
    assert "model_card.md" not in {file.path for file in client.list_artifacts(children["zero"].info.run_id)}


def test_the_logged_model_forecasts_what_the_saved_run_does(
    night: FurtherNight, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.setattr(sys, "path", [*sys.path])  # loading puts the model's own code first
    parent, _ = night.house.logged(night.watcher)
    mlflow.set_tracking_uri(f"sqlite:///{night.house.root / 'mlflow.db'}")
    model = mlflow.pyfunc.load_model(f"runs:/{parent.info.run_id}/forecaster")
    bars = pd.concat(
        frame.loc[:LAST_DAY].rename_axis("date").reset_index().assign(coin=coin)
        for coin, frame in night.house.market.items()
    )
    issued = model.predict(bars)
    pd.testing.assert_frame_equal(issued, load_run(night.models).forecast(bars))
    assert issued["horizon"].tolist() == [1, 7, 30]
    assert issued["log_return"].abs().between(0, 1).all()


def test_the_same_night_again_tunes_walks_and_measures_nothing(night: FurtherNight, tmp_path: Path) -> None:
    house = night.house.copy_to(tmp_path / "house")
    _, watcher = house.run(**TUNING, **WALKING)
    report = house.report(watcher)
    steps = {step["name"]: step for step in report["steps"]}
    assert missed(report) == {}
    assert trials(watcher) == []
    assert steps["tune-BTC-lightgbm"]["because"] == "its study has all 3 trials"
    reused = {"walk-splits-BTC", "fit-BTC-lightgbm-walk-2", "walk-scores-BTC", "intervals-BTC-lightgbm"}
    assert {steps[name]["cache"] for name in reused} == {"hit"}
    parts = ("tuning", "walk_forward", "uncertainty")
    assert {part: report[part] for part in parts} == {part: night.report[part] for part in parts}


def test_a_study_asked_for_two_more_trials_runs_those_two(night: FurtherNight, tmp_path: Path) -> None:
    house = night.house.copy_to(tmp_path / "house")
    _, watcher = house.run(Watcher(on_say=close_pool), **{**TUNING, "tune_trials": 5})
    assert trials(watcher) == ["trial-3", "trial-4"]
    assert watcher.said[0].startswith("LightGBM tuned: 5 trials")


def test_without_intervals_and_advanced_mlflow_nothing_of_them_is_left(house: House) -> None:
    _, watcher = house.run(no_uncertainty=True, no_advanced_mlflow=True)
    report, outcome = house.report(watcher), watcher.outcomes["BTC"]
    assert (report["status"], report["uncertainty"]) == ("OK", None)
    assert set(report["plots"]) == {*PLOT_NAMES, "forecast.png"}
    assert [s["name"] for s in report["steps"] if s["name"].startswith(("intervals", "log-advanced"))] == []
    assert not (Path(outcome.folder or "") / "intervals").exists()
    assert list((Path(outcome.folder or "") / "lightgbm").rglob("*q05*")) == []

    client = house.client()
    parent, children = house.logged(watcher)
    assert {file.path for file in client.list_artifacts(parent.info.run_id)} == {"report"}
    assert {file.path for file in client.list_artifacts(children["lightgbm"].info.run_id)} == {"model"}
    assert parent.outputs.model_outputs == []


def test_what_fails_beside_the_fits_costs_none_of_them_and_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.tuning._trial_spec", without_labels)
    monkeypatch.setattr("tasks.log.log_further", full_disk)
    state, watcher = house.run(**TUNING, **{**WALKING, "wf_min_train": 5000})
    report = house.report(watcher)
    assert state.is_completed()
    assert report["status"] == "DEGRADED"
    tuning, walking, logging = report["reasons"]
    assert tuning.startswith("LightGBM was not tuned, its default settings serve: RuntimeError: At least one trial")
    assert walking.startswith("The walk-forward evaluation was lost: ValueError: ")
    assert logging == (
        "MLflow lacks curves, model cards or the loadable model: OSError: [Errno 28] No space left on device"
    )
    assert (report["tuning"], report["walk_forward"]) == (None, None)

    assert fits(missed(report)) == set()  # the first night's fits, with default settings
    assert (Path(watcher.outcomes["BTC"].folder or "") / "lightgbm" / "serving").is_dir()
    parent, children = house.logged(watcher)
    assert {run.info.status for run in (parent, *children.values())} == {"FINISHED"}
    assert "test_rmse_h7" in children["lightgbm"].data.metrics


def test_a_model_that_fails_in_a_split_is_left_out_of_the_walk_forward_alone(
    night: FurtherNight, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = night.house.copy_to(tmp_path / "house")
    monkeypatch.setattr("flows.walk_forward.spec_of", broken_in_walk_2)
    _, watcher = house.run(**TUNING, **WALKING)
    report = house.report(watcher)
    (reason,) = report["reasons"]
    assert reason.startswith("Ridge is left out of the walk-forward evaluation: its walk-2 fit failed")
    assert set(report["walk_forward"]["pooled"]) == {"lightgbm", "zero", "mean"}
    assert pooled_rmse(report, "lightgbm") == pooled_rmse(night.report, "lightgbm")
    assert "ridge" in report["baselines"]
    assert "plot-BTC-walk_forward.png" in missed(report)
    assert "plot-BTC-model_comparison.png" not in missed(report)


def test_a_night_cancelled_while_it_tunes_ends_soon_and_the_next_goes_on_with_the_study(house: House) -> None:
    closed: list[float] = []

    def cancel() -> None:
        closed.append(time.monotonic())
        close_pool()

    six = {**TUNING, "tune_trials": 6}  # a batch of four, and one that is never begun
    state, first = house.run(Watcher(on_done=cancel), **six)
    assert time.monotonic() - closed[0] < 10
    assert state.is_cancelled()
    assert first.outcomes["BTC"].status == "CANCELLED"
    assert 1 <= len(trials(first)) <= 4
    _, second = house.run(Watcher(on_say=close_pool), **six)
    assert sorted(trials(first) + trials(second)) == [f"trial-{number}" for number in range(6)]
    assert second.said[0].startswith("LightGBM tuned: 6 trials")


def pooled_rmse(report: dict[str, Any], model: str) -> dict[str, float]:
    """Per horizon, over all walk-forward splits."""
    return {horizon: scores["rmse"] for horizon, scores in report["walk_forward"]["pooled"][model].items()}


def without_labels(*args: Any) -> Any:
    """A trial's spec with a horizon that no bar reaches, so that every trial fails."""
    return _trial_spec(*args).model_copy(update={"horizons": (9000,)})


def broken_in_walk_2(data: Any, model: str, fold: Any, *rest: Any) -> Any:
    """A spec that makes ridge fail in one split as a bug would."""
    spec = spec_of(data, model, fold, *rest)
    is_broken = (model, fold.name) == ("ridge", "walk-2")
    return spec.model_copy(update={"settings": {}}) if is_broken else spec


def full_disk(*args: Any, **keywords: Any) -> None:
    raise OSError(28, "No space left on device")
