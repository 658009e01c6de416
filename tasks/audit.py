"""Does any feature know the future? Asked before training."""

from forecaster.leakage import Audit, audit_unit
from forecaster.settings import Coin, DataConfig
from forecaster.store import Artifact
from tasks.runtime import runtime
from tasks.step import step


@step("audit-{coin}", modules=("forecaster.leakage",), libraries=("numpy", "pandas", "scipy", "ta-lib"))
def audit(
    coin: Coin,
    bars: dict[Coin, str],
    data: DataConfig,
    rows: Artifact,
    given: tuple[str, ...],
    horizons: tuple[int, ...],
) -> Audit:
    """Compute features anew on shorter histories, and look at columns that came with the bars."""
    now = runtime()
    return now.pool.run(audit_unit, now.artifacts_dir, coin, data, rows, given, horizons)
