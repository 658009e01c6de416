"""The report and its pictures, in a folder of their own per coin and run."""

from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from forecaster.report import TrainingReport, to_json, to_markdown
from forecaster.store import Artifact, write_text
from tasks.runtime import runtime
from tasks.step import BACK_OFF


@task(task_run_name="report-{report.coin}", cache_policy=NO_CACHE, persist_result=False)
def write_report(report: TrainingReport, plots: dict[str, Artifact], folder: Path) -> None:
    """Write the PNGs, `training_report.json` and `report.md`."""
    now = runtime()
    with now.steps.timed(f"report-{report.coin}"):
        for name, artifact in plots.items():
            now.store.copy(artifact, folder / name)
        _write(report, folder)


@task(
    task_run_name="show-{report.coin}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    **BACK_OFF,
)
def show_report(report: TrainingReport, folder: Path) -> None:
    """Write the finished report, and show it on the run's page."""
    _write(report, folder)
    key = f"report-{report.coin.lower()}"
    create_markdown_artifact(to_markdown(report), key=key, description=f"{report.coin}: {report.status}")


def _write(report: TrainingReport, folder: Path) -> None:
    write_text(folder / "training_report.json", to_json(report) + "\n")
    write_text(folder / "report.md", to_markdown(report))
