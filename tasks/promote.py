"""Promotion on evidence, and what retraining bought: forecasts of stored models, beside those of tonight."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from forecaster.models.registry import model_module
from forecaster.promotion.candidate import Candidate
from forecaster.promotion.champion import SavedRun
from forecaster.promotion.contest import Contest, contest_unit
from forecaster.promotion.verdict import Verdict, conclude
from forecaster.replay import EarlierRun, Retraining, retraining_unit
from forecaster.settings import MODELS
from forecaster.store import Artifact
from tasks.fit import COMMON
from tasks.runtime import runtime
from tasks.step import step

MODEL_MODULES = tuple(map(model_module, MODELS))
LIBRARIES = (*COMMON, "keras", "lightgbm", "tensorflow")


@step("contest-{candidate.coin}", modules=("forecaster.promotion.contest", *MODEL_MODULES), libraries=LIBRARIES)
def contest(candidate: Candidate, champion: SavedRun | None) -> Contest:
    """Score a new recipe on test, beside the champion's on the days that neither has learned from."""
    now = runtime()
    return now.pool.run(contest_unit, now.artifacts_dir, candidate, champion)


@task(task_run_name="promote-{candidate.coin}", cache_policy=NO_CACHE, persist_result=False)
def promote(candidate: Candidate, saved: SavedRun, found: Contest | None) -> Verdict:
    """Decide whether the run is served from now on, and let the pointer say so."""
    now = runtime()
    with now.steps.timed(f"promote-{candidate.coin}"):
        return conclude(now.artifacts_dir, candidate, saved, found)


@step("replay-{coin}", modules=("forecaster.replay", *MODEL_MODULES), libraries=LIBRARIES)
def replay(coin: str, runs: tuple[EarlierRun, ...], rows: Artifact) -> Retraining:
    """Let stored models of some days ago forecast the days since."""
    now = runtime()
    return now.pool.run(retraining_unit, now.artifacts_dir, coin, runs, rows, cost=1.0)
