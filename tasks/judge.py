"""Stacking and scoring."""

from forecaster.judging import Judged, Stacked, judge_unit, stack_unit
from forecaster.settings import StackingConfig
from forecaster.split import Boundaries, Fold
from forecaster.store import Artifact
from tasks.runtime import runtime
from tasks.step import step

LIBRARIES = ("lightgbm", "numpy", "pandas", "scikit-learn", "scipy", "statsmodels")


@step("stack-{coin}", modules=("forecaster.judging",), libraries=LIBRARIES)
def stack(
    coin: str,
    judged: dict[str, Artifact],
    oof: dict[str, tuple[Artifact, ...]],
    rows: tuple[Artifact, ...],
    fold: Fold,
    target_scale: dict[int, float],
    config: StackingConfig,
) -> Stacked:
    """Learn how to combine the models from forecasts of days they had not seen."""
    now = runtime()
    return now.pool.run(stack_unit, now.artifacts_dir, coin, judged, oof, rows, fold, target_scale, config)


@step("evaluate-{coin}", modules=("forecaster.judging",), libraries=LIBRARIES)
def evaluate(
    coin: str,
    judged: dict[str, Artifact],
    test: dict[str, Artifact],
    stacked: Stacked | None,
    rows: Artifact,
    fold: Fold,
    boundaries: Boundaries,
    target_scale: dict[int, float],
) -> Judged:
    """Score models, ensemble and baselines on every part."""
    now = runtime()
    return now.pool.run(
        judge_unit, now.artifacts_dir, coin, judged, test, stacked, rows, fold, boundaries, target_scale
    )
