"""Bars to parts."""

from forecaster.prepare import Prepared, prepare_unit
from forecaster.settings import Coin, DataConfig, SplitConfig
from tasks.runtime import runtime
from tasks.step import step


@step(
    "prepare-{coin}",
    modules=("forecaster.prepare",),
    libraries=("numpy", "pandas", "pandera", "pyarrow", "scikit-learn", "scipy", "ta-lib"),
)
def prepare(coin: Coin, bars: dict[Coin, str], data: DataConfig, split: SplitConfig) -> Prepared:
    """Check bars, engineer features, cut them into parts; `bars` are the digests of the files that are read."""
    now = runtime()
    return now.pool.run(prepare_unit, now.artifacts_dir, coin, data, split)
