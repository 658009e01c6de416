"""Forecasts issued, entered into the diary, graded and drawn."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.states import Failed, State

from forecaster.diary.book import DiaryError, diary_path, enter
from forecaster.diary.grading import Graded, grade_unit
from forecaster.diary.issue import Issued, issue_unit
from forecaster.diary.picture import fan_unit
from forecaster.diary.served import Served
from forecaster.models.registry import model_module
from forecaster.settings import NETWORKS, Coin, DataConfig, IntervalConfig
from forecaster.store import Artifact
from tasks.fit import COMMON
from tasks.runtime import runtime
from tasks.step import step


def _modules(inputs: dict[str, Any]) -> tuple[str, ...]:
    return ("forecaster.diary.issue", *(model_module(name) for name in inputs["served"].models))


def _libraries(inputs: dict[str, Any]) -> tuple[str, ...]:
    networks = ("tensorflow", "keras") if set(NETWORKS) & set(inputs["served"].models) else ()
    return (*COMMON, "lightgbm", "scoringrules", "ta-lib", *networks)


@step("issue-{coin}", modules=_modules, libraries=_libraries)
def issue(coin: Coin, served: Served, bars: dict[Coin, str], data: DataConfig, config: IntervalConfig) -> Issued:
    """Forecast from today's bars with what is served; `bars` are the digests of the files that are read."""
    now = runtime()
    return now.pool.run(issue_unit, now.artifacts_dir, coin, served, data, config)


@task(task_run_name="enter-{issued.coin}", cache_policy=NO_CACHE, persist_result=False)
def enter_in_diary(issued: Issued, run: str) -> int | State[Any]:
    """Add forecasts by `run` to the coin's diary, unless they are there; return how many were new."""
    now = runtime()
    with now.steps.timed(f"enter-{issued.coin}"):
        path = diary_path(now.artifacts_dir, issued.coin, issued.simulated)
        try:
            return enter(path, now.store.frame(issued.frame).assign(run=run), datetime.now(UTC))
        except DiaryError as error:  # says all: raised here, it would be logged with a traceback
            return Failed(message=str(error), data=error)


@step("grade-{coin}", modules=("forecaster.diary.grading",), libraries=("numpy", "pandas", "scoringrules"))
def grade(coin: Coin, path: Path, digest: str, source: str, closes: Artifact) -> Graded:
    """Grade the coin's diary against the closes of today; `digest` stands for what is in it."""
    now = runtime()
    return now.pool.run(grade_unit, now.artifacts_dir, path, source, closes)


@step("plot-{coin}-forecast.png", modules=("forecaster.diary.picture",), libraries=("matplotlib", "pandas"))
def draw_fan(coin: Coin, frame: Artifact, closes: Artifact) -> Artifact:
    """Draw the price of the last months and where it may go."""
    now = runtime()
    return now.pool.run(fan_unit, now.artifacts_dir, frame, closes)
