"""The walk-forward evaluation's own steps; its fits are those of `tasks.fit`."""

from forecaster.settings import SplitConfig, WalkForwardConfig
from forecaster.store import Artifact
from forecaster.walk_forward import WalkForward, Walks, divide_unit, walk_forward_unit
from tasks.runtime import runtime
from tasks.step import step

LIBRARIES = ("numpy", "pandas", "scikit-learn")


@step("walk-splits-{coin}", modules=("forecaster.walk_forward",), libraries=LIBRARIES)
def divide(coin: str, rows: Artifact, split: SplitConfig, walking: WalkForwardConfig) -> Walks:
    """Divide the days into splits, and give each the rows that it may see."""
    now = runtime()
    return now.pool.run(divide_unit, now.artifacts_dir, rows, split, walking)


@step("walk-scores-{coin}", modules=("forecaster.walk_forward",), libraries=(*LIBRARIES, "scipy", "statsmodels"))
def score(
    coin: str,
    forecasts: dict[str, dict[str, Artifact]],
    walks: Walks,
    rows: Artifact,
    target_scale: dict[int, float],
) -> WalkForward:
    """Score what the splits held out, per split and pooled."""
    now = runtime()
    return now.pool.run(walk_forward_unit, now.artifacts_dir, coin, forecasts, walks, rows, target_scale)
