"""What MLflow is told, as tasks. `tasks.tracking` and `tasks.registry` do the work, in a process of its own."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks import sqlite
from tasks.registry import NoLoadableModel, mirror_champion
from tasks.runtime import runtime
from tasks.step import BACK_OFF
from tasks.tracking import AdvancedLog, NightLog, log_further, log_night


@task(
    task_run_name="log-{night.coin}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=3,
    **BACK_OFF,
)
def log(night: NightLog, tracking_uri: str) -> str:
    """Log one coin's night and return the parent run's id. A run that could not be logged whole is marked FAILED."""
    now = runtime()
    with now.steps.timed(f"log-{night.coin}"), sqlite.turn(tracking_uri):
        return now.log_apart(log_night, night, tracking_uri)


@task(
    task_run_name="log-advanced-{night.coin}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    **BACK_OFF,
)
def log_advanced(night: AdvancedLog, parent: str, tracking_uri: str) -> str:
    """Add curves, model cards and a loadable model to the run `parent`; return the model's URI."""
    now = runtime()
    with now.steps.timed(f"log-advanced-{night.coin}"), sqlite.turn(tracking_uri):
        return now.log_apart(log_further, night, parent, tracking_uri)


@task(task_run_name="mirror-{coin}", cache_policy=NO_CACHE, persist_result=False, retries=2, **BACK_OFF)
def mirror(coin: str, source: str, run: str, tracking_uri: str, is_logged: bool) -> str:
    """Let the registry's alias name the run that is served, or where it was not to be logged, none."""
    now = runtime()
    with now.steps.timed(f"mirror-{coin}"), sqlite.turn(tracking_uri):
        try:
            return now.log_apart(mirror_champion, coin, source, run, tracking_uri)
        except NoLoadableModel as error:
            if is_logged:
                raise
            return str(error)
