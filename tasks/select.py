"""Parts to columns."""

from forecaster.select import Selected, select_unit
from forecaster.settings import SelectConfig
from forecaster.split import Fold
from forecaster.store import Artifact
from tasks.runtime import runtime
from tasks.step import step


@step(
    "select-{coin}-{fold.name}",
    modules=("forecaster.select",),
    libraries=("numpy", "pandas", "scikit-learn", "scipy"),
)
def select(
    coin: str,
    fold: Fold,
    train: Artifact,
    horizons: tuple[int, ...],
    cross_asset: tuple[str, ...],
    config: SelectConfig,
    given: tuple[str, ...],
) -> Selected:
    """Choose columns on the fold's own train days."""
    now = runtime()
    return now.pool.run(select_unit, now.artifacts_dir, train, fold.train, horizons, cross_asset, config, given)
