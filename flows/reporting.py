"""After the save: pictures, report, MLflow. Whatever fails here costs no fit; the report says what failed."""

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from flows.auditing import leakage_entry
from flows.fits import gather
from flows.night import Night
from flows.outcome import CoinOutcome
from flows.tracking import track, track_advanced, track_champion
from forecaster.further import Further
from forecaster.plots.draw import PLOT_NAMES, further_plots
from forecaster.report import TrainingReport, n_reused, reuse, summary_table, suspected_leaks, verdict, weights_table
from forecaster.report.build import build_report
from forecaster.report.entries import tuning_entry, uncertainty_entry, walk_forward_entry
from forecaster.report.forecast import forecast_lines
from forecaster.store import Artifact
from tasks.plot import plot
from tasks.pool import PoolClosed
from tasks.report import show_report, write_report
from tasks.runtime import runtime
from tasks.step import whole


def report_safely(night: Night, reasons: list[str]) -> CoinOutcome:
    """`report_night`, or if even that fails an outcome that says so: what is saved has not failed."""
    try:
        return report_night(night, reasons)
    except PoolClosed:
        raise
    except Exception as error:
        reasons.append(f"Reporting ended early: {type(error).__name__}: {error}")
        return CoinOutcome(coin=night.coin, status="DEGRADED", reasons=tuple(reasons), folder=str(night.models))


def report_night(night: Night, reasons: list[str]) -> CoinOutcome:
    """Draw, write and log; write once more what that came to; then tell how the night ended."""
    further = _further(night)
    plots = _draw(night, further, reasons)
    build = partial(_build, night, further, plots, reasons)
    report = build()
    _try(reasons, "The report was not written", lambda: write_report(whole(report), plots, night.folder))
    _try(reasons, "MLflow has no complete record of this night", lambda: _track(night, report, reasons))
    report, told = build(), len(reasons)
    _try(reasons, "The report is not complete", lambda: show_report(whole(report), night.folder))
    return _outcome(night, report if len(reasons) == told else build())


def _track(night: Night, report: TrainingReport, reasons: list[str]) -> None:
    parent = track(night, report)
    if not night.config.no_advanced_mlflow:
        complaint = "MLflow lacks curves, model cards or the loadable model"
        _try(reasons, complaint, lambda: track_advanced(night, report, parent, reasons))
    if night.verdict.champion == night.run:
        _try(reasons, "MLflow's alias `champion` was not moved", lambda: track_champion(night))


def _further(night: Night) -> Further:
    """What the report says of steps that not every run takes."""
    store = runtime().store
    return Further(
        tuning={model: tuning_entry(store, tuned) for model, tuned in night.studies.items()} or None,
        uncertainty=uncertainty_entry(night.intervals.values()) or None,
        calibration=night.calibration,
        walk_forward=walk_forward_entry(store, night.walked, night.config.walking) if night.walked else None,
        promotion=night.verdict.model_dump(mode="json"),
        retraining=None if night.retraining is None else night.retraining.model_dump(mode="json"),
        forecast=night.forecast.entry,
        leakage=leakage_entry(night.data, night.audited, store.json(night.judged.nested), night.data.data.simulated),
    )


def _draw(night: Night, further: Further, reasons: list[str]) -> dict[str, Artifact]:
    inputs = night.plot_inputs
    told = inputs.model_copy(update={"further": runtime().store.put_json(further.drawn)})
    shown = dict.fromkeys(PLOT_NAMES, inputs) | dict.fromkeys(further_plots(further), told)  # or all would be redrawn
    made_from = {"wait_for": [night.judged], "return_state": False}
    futures = {name: plot.submit(name, whole(given), **made_from) for name, given in shown.items()}
    plots, failures = gather(futures)
    plots |= night.forecast.plots
    reasons += [f"{name} could not be drawn: {why}" for name, why in failures.items()]
    return plots


def _build(night: Night, further: Further, plots: dict[str, Artifact], reasons: list[str]) -> TrainingReport:
    store = runtime().store
    return build_report(
        config=night.config,
        data=night.data,
        run=night.run,
        as_of=night.config.as_of or night.data.data.last,
        selection=store.json(night.columns[night.data.judged.name].selection),
        fits=night.all_fits,
        nested=store.json(night.judged.nested),
        ensemble=None if night.judged.ensemble is None else store.json(night.judged.ensemble),
        steps=runtime().steps.as_dicts(),
        reasons=reasons,
        plots=plots,
        settings=night.settings,
        further=further,
        seconds=time.perf_counter() - night.started,
    )


def _try(reasons: list[str], complaint: str, act: Callable[[], object]) -> None:
    try:
        act()
    except PoolClosed:
        raise
    except Exception as error:  # everything is saved: a failing report must not look like a failed night
        reasons.append(f"{complaint}: {type(error).__name__}: {error}")


def _outcome(night: Night, report: TrainingReport) -> CoinOutcome:
    return CoinOutcome(
        coin=night.coin,
        status=report.status,
        reasons=tuple(report.reasons),
        folder=str(night.models),
        report=str(night.folder / "training_report.json"),
        reused=n_reused(report.steps),
        verdict=verdict(report),
        summary=tuple(tuple(row) for row in summary_table(report)),
        weights=tuple(tuple(row) for row in weights_table(report)),
        notes=(
            *(["SIMULATED DATA: no real market stands behind these figures."] if report.data.simulated else []),
            *([f"Ensemble: {report.ensemble.method}. {report.ensemble.why}"] if report.ensemble else []),
            *([f"SUSPECTED LEAK: {' '.join(leaks)}"] if (leaks := suspected_leaks(report)) else []),
            *(forecast_lines(night.coin, night.forecast.entry) if night.forecast.entry else []),
            f"Promotion: {night.verdict.in_words}",
            reuse(report.steps),
            f"Models:   {night.models}",
            f"Report:   {night.folder / 'report.md'}",
            f"MLflow:   {_mlflow()} ui --backend-store-uri {night.config.tracking_uri}",
        ),
    )


def _mlflow() -> str:
    """The mlflow command beside this Python, which need not be on the path."""
    command = Path(sys.executable).with_name("mlflow")
    return os.path.relpath(command) if command.is_relative_to(Path.cwd()) else str(command)
