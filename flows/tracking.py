"""What MLflow is told of a night."""

from flows.fits import gather
from flows.night import Night
from forecaster.promotion.verdict import Verdict
from forecaster.report import TrainingReport, summary_table, verdict
from forecaster.report.build import model_params
from forecaster.report.card import model_card
from forecaster.report.tables import table
from forecaster.settings import BASELINES, ENSEMBLE
from tasks.curves import curves
from tasks.log import log, log_advanced, mirror
from tasks.runtime import runtime
from tasks.step import whole
from tasks.tracking import AdvancedLog, ModelLog, NightLog

MOST_CHARACTERS = 1000  # of a tag; MLflow takes 8,000
DESCRIPTION = "mlflow.note.content"  # a tag that the UI shows as the run's description


def track(night: Night, report: TrainingReport) -> str:
    """Log figures and files; the id of the parent run."""
    parent: str = log(whole(_night_log(night, report)), night.config.tracking_uri)
    return parent


def track_advanced(night: Night, report: TrainingReport, parent: str, reasons: list[str]) -> None:
    """Log interactive curves, model cards and a loadable model; curves that fail cost only themselves."""
    future = curves.submit(whole(night.plot_inputs), wait_for=[night.judged], return_state=False)
    drawn, failures = gather({"curves.html": future})
    reasons += [f"{name} could not be drawn: {why}" for name, why in failures.items()]
    advanced = AdvancedLog(
        coin=night.coin,
        run=night.run,
        folder=night.models,
        cards={model: model_card(report, model) for model in report.contenders},
        curves=runtime().store.path(drawn["curves.html"]) if drawn else None,
        tags={"simulated": str(report.data.simulated), "as_of": report.as_of.isoformat()},
    )
    log_advanced(whole(advanced), parent, night.config.tracking_uri)


def _night_log(night: Night, report: TrainingReport) -> NightLog:
    models = {
        name: ModelLog(
            params=_params(night, name),
            metrics={**_metrics(each.model_dump()), **_further_metrics(report, name)},
            curves=_curves(night, name),
            folder=folder if (folder := night.models / name).is_dir() else None,
        )
        for name, each in report.rivals.items()
    }
    header, *rows = summary_table(report)
    shipped = report.ensemble.model_dump() if report.ensemble else {}
    return NightLog(
        coin=night.coin,
        run=night.run,
        tags={
            "status": report.status,
            "source": report.data.source,
            "simulated": str(report.data.simulated),
            **_promotion_tags(night.verdict),
            DESCRIPTION: f"{verdict(report)}\n\n{table(header, rows)}",
        },
        params=night.config.model_dump(mode="json", exclude={"crypto", "jobs"}),
        metrics=_metrics(shipped),
        folders={"report": night.folder} if night.folder.is_dir() else {},
        models=models,
    )


def _promotion_tags(verdict: Verdict) -> dict[str, str]:
    tags = {"promotion": verdict.verdict, "promotion_reasons": " ".join(verdict.reasons)[:MOST_CHARACTERS]}
    return tags | ({"champion": verdict.champion} if verdict.champion else {})


def track_champion(night: Night) -> None:
    """Let the registry's alias follow the run, which is served from now on; without a logged model none is left."""
    config = night.config
    mirror(night.coin, config.source, night.run, config.tracking_uri, is_logged=not config.no_advanced_mlflow)


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
        if metrics["rmse"] is not None  # the ensemble has no train part
        for metric, value in metrics.items()
        if value is not None
    }


def _further_metrics(report: TrainingReport, model: str) -> dict[str, float]:
    """What steps found that not every run takes: coverage and width, walk-forward scores, the best trial."""
    intervals = (report.uncertainty or {}).get(model, {})
    walked = (report.walk_forward or {}).get("pooled", {}).get(model, {})
    found = {f"test_{name}_h{h}": value for h, each in intervals.items() for name, value in each.items()}
    found |= {f"walk_forward_{name}_h{h}": value for h, each in walked.items() for name, value in each.items()}
    found["tuning_value"] = (report.tuning or {}).get(model, {}).get("value")
    return {name: value for name, value in found.items() if value is not None}
