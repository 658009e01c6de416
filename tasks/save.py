"""Everything that training produced, whole and verified, before the first line of reporting."""

from datetime import date

from prefect import task
from prefect.cache_policies import NO_CACHE

from forecaster.fitting import FitResult
from forecaster.judging import Judged, Stacked
from forecaster.saving import Saved, save_run
from forecaster.select import Selected
from forecaster.store import Artifact
from tasks.runtime import runtime


@task(task_run_name="save-{coin}", cache_policy=NO_CACHE, persist_result=False)
def save(
    coin: str,
    run: str,
    as_of: date,
    judged: list[FitResult],
    serving: dict[str, FitResult],
    stacked: Stacked | None,
    selected: Selected,
    scores: Judged,
    further: dict[str, Artifact],
) -> Saved:
    """Copy what the run made into its own folder and point `latest` at it."""
    now = runtime()
    with now.steps.timed(f"save-{coin}"):
        return save_run(
            now.artifacts_dir, coin, run, now.scope, as_of, judged, serving, stacked, selected, scores, further
        )
