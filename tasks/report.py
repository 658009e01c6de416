"""The report and its pictures, in a folder of their own per coin and run."""

from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from forecaster.report import TrainingReport, to_json, to_markdown
from forecaster.store import Artifact, write_text
from tasks.runtime import runtime


@task(task_run_name="report-{report.coin}", cache_policy=NO_CACHE, persist_result=False)
def write_report(report: TrainingReport, plots: dict[str, Artifact], folder: Path) -> None:
    """Write `training_report.json`, `report.md` and the PNGs, and show the report on the run's page."""
    now = runtime()
    for name, artifact in plots.items():
        now.store.copy(artifact, folder / name)
    markdown = to_markdown(report)
    write_text(folder / "training_report.json", to_json(report) + "\n")
    write_text(folder / "report.md", markdown)
    create_markdown_artifact(
        markdown, key=f"report-{report.coin.lower()}", description=f"{report.coin}: {report.status}"
    )
