"""After the save: pictures, report, MLflow. Whatever fails here costs no fit; the report says what failed."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.fits import gather
from flows.outcome import CoinOutcome
from forecaster.config import RunConfig
from forecaster.fitting import FitResult
from forecaster.further import Further
from forecaster.judging import Judged
from forecaster.plots.draw import PLOT_NAMES, PlotInputs, further_plots
from forecaster.prepare import Prepared
from forecaster.report import TrainingReport, summary_table, verdict, weights_table
from forecaster.report.build import build_report, model_params
from forecaster.report.card import model_card
from forecaster.report.entries import tuning_entry, uncertainty_entry, walk_forward_entry
from forecaster.saving import Saved
from forecaster.select import Selected
from forecaster.settings import BASELINES, ENSEMBLE
from forecaster.store import Artifact
from forecaster.tuning import Tuned
from forecaster.uncertainty import Intervals
from forecaster.walk_forward import WalkForward
from tasks.curves import curves
from tasks.log import AdvancedLog, ModelLog, NightLog, log, log_advanced
from tasks.plot import plot
from tasks.pool import PoolClosed
from tasks.report import show_report, write_report
from tasks.runtime import runtime


@dataclass(frozen=True)
class Night:
    """One coin's night as it was saved: all that reporting may look at."""

    coin: str
    run: str
    config: RunConfig
    data: Prepared
    columns: dict[str, Selected]
    settings: dict[str, Any]
    studies: dict[str, Tuned]
    fits: dict[tuple[str, str], FitResult]
    serving: dict[str, FitResult]
    attention: Artifact | None
    judged: Judged
    intervals: dict[str, Intervals]
    walked: WalkForward | None
    target_scale: dict[int, float]
    saved: Saved
    started: float  # `time.perf_counter`

    @property
    def folder(self) -> Path:
        """Where report and pictures go."""
        return self.config.output_dir / f"{self.coin}_{self.run}"

    @property
    def models(self) -> Path:
        """Where the models are."""
        return self.config.artifacts_dir / self.saved.folder

    @property
    def all_fits(self) -> tuple[FitResult, ...]:
        """Judged fits, folds and serving refits."""
        return (*self.fits.values(), *self.serving.values())


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
    plots = _draw(night, reasons)
    report = _build(night, reasons, plots)
    _try(reasons, "The report was not written", lambda: write_report(report, plots, night.folder))
    _try(reasons, "MLflow has no complete record of this night", lambda: _log(night, report, reasons))
    report = _build(night, reasons, plots)
    told = len(reasons)
    _try(reasons, "The report is not complete", lambda: show_report(report, night.folder))
    return _outcome(night, report if len(reasons) == told else _build(night, reasons, plots))


def _log(night: Night, report: TrainingReport, reasons: list[str]) -> None:
    uri = night.config.tracking_uri
    parent = log(_night_log(night, report), uri)
    if not night.config.no_advanced_mlflow:
        _try(
            reasons,
            "MLflow lacks curves, model cards or the loadable model",
            lambda: log_advanced(_advanced_log(night, report, reasons), parent, uri),
        )


def _advanced_log(night: Night, report: TrainingReport, reasons: list[str]) -> AdvancedLog:
    drawn, failures = gather({"curves.html": curves.submit(_plot_inputs(night))})
    reasons += [f"{name} could not be drawn: {why}" for name, why in failures.items()]
    return AdvancedLog(
        coin=night.coin,
        run=night.run,
        folder=night.models,
        cards={model: model_card(report, model) for model in report.contenders},
        curves=runtime().store.path(drawn["curves.html"]) if drawn else None,
        tags={"simulated": str(report.data.simulated), "as_of": report.as_of.isoformat()},
    )


def _further(night: Night) -> Further:
    """What the report says of steps that not every run takes."""
    store = runtime().store
    return Further(
        tuning={model: tuning_entry(store, tuned) for model, tuned in night.studies.items()} or None,
        uncertainty=uncertainty_entry(night.intervals.values()) or None,
        walk_forward=walk_forward_entry(store, night.walked, night.config.walking) if night.walked else None,
    )


def _plot_inputs(night: Night) -> PlotInputs:
    return PlotInputs(
        coin=night.coin,
        as_of=night.data.data.last,
        simulated=night.data.data.simulated,
        target_scale=night.target_scale,
        fits=night.all_fits,
        judged=night.judged,
        attention=night.attention,
        further=runtime().store.put_json(_further(night).model_dump(mode="json")),
    )


def _draw(night: Night, reasons: list[str]) -> dict[str, Artifact]:
    inputs = _plot_inputs(night)
    names = [*PLOT_NAMES, *further_plots(_further(night))]
    plots, failures = gather({name: plot.submit(name, inputs) for name in names})
    reasons += [f"{name} could not be drawn: {why}" for name, why in failures.items()]
    return plots


def _build(night: Night, reasons: list[str], plots: dict[str, Artifact]) -> TrainingReport:
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
        further=_further(night),
        seconds=time.perf_counter() - night.started,
    )


def _try(reasons: list[str], complaint: str, act: Callable[[], object]) -> None:
    try:
        act()
    except PoolClosed:
        raise
    except Exception as error:  # everything is saved: a failing report must not look like a failed night
        reasons.append(f"{complaint}: {type(error).__name__}: {error}")


def _night_log(night: Night, report: TrainingReport) -> NightLog:
    models = {
        name: ModelLog(
            params=_params(night, name),
            metrics=_metrics(each.model_dump()),
            curves=_curves(night, name),
            folder=folder if (folder := night.models / name).is_dir() else None,
        )
        for name, each in report.rivals.items()
    }
    shipped = report.ensemble.model_dump() if report.ensemble else {}
    return NightLog(
        coin=night.coin,
        run=night.run,
        tags={"status": report.status, "source": report.data.source, "simulated": str(report.data.simulated)},
        params=night.config.model_dump(mode="json", exclude={"crypto", "jobs"}),
        metrics=_metrics(shipped),
        folders={"report": night.folder} if night.folder.is_dir() else {},
        models=models,
    )


def _params(night: Night, model: str) -> dict[str, object]:
    if model == ENSEMBLE:
        return night.config.stacking.model_dump()
    return model_params(model, night.fits[model, night.data.judged.name], night.settings, night.config)


def _curves(night: Night, model: str) -> list[dict[str, float]]:
    fitted = night.fits.get((model, night.data.judged.name))
    if fitted is None or model in BASELINES:
        return []
    curves: list[dict[str, float]] = runtime().store.json(fitted.history)
    return curves


def _metrics(scores: dict[str, dict[str, dict[str, float | None]]]) -> dict[str, float]:
    """`test_rmse_h7` and so on; figures that are not defined are left out."""
    return {
        f"{part}_{metric}_h{horizon}": value
        for part in ("train", "val", "test")
        for horizon, metrics in scores.get(part, {}).items()
        for metric, value in metrics.items()
        if value is not None
    }


def _outcome(night: Night, report: TrainingReport) -> CoinOutcome:
    steps = runtime().steps.as_dicts()
    fits = [step for step in steps if step["name"].startswith(("fit-", "refit-"))]
    n_fitted = sum(step["cache"] == "miss" for step in fits)
    return CoinOutcome(
        coin=night.coin,
        status=report.status,
        reasons=tuple(report.reasons),
        folder=str(night.models),
        report=str(night.folder / "training_report.json"),
        verdict=verdict(report),
        summary=tuple(tuple(row) for row in summary_table(report)),
        weights=tuple(tuple(row) for row in weights_table(report)),
        notes=(
            *(["SIMULATED DATA: no real market stands behind these figures."] if report.data.simulated else []),
            *([f"Ensemble: {report.ensemble.method}. {report.ensemble.why}"] if report.ensemble else []),
            f"Fits:     {n_fitted} fitted, {len(fits) - n_fitted} reused from earlier runs.",
            f"Models:   {night.models}",
            f"Report:   {night.folder / 'report.md'}",
            f"MLflow:   {_mlflow()} ui --backend-store-uri {night.config.tracking_uri}",
        ),
    )


def _mlflow() -> str:
    """The mlflow command beside this Python, which need not be on the path."""
    command = Path(sys.executable).with_name("mlflow")
    return os.path.relpath(command) if command.is_relative_to(Path.cwd()) else str(command)
