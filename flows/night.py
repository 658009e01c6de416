"""One coin's night, as everything after the save sees it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.forecasting import CoinForecast
from forecaster.calibration import Calibration
from forecaster.config import RunConfig
from forecaster.fitting import FitResult
from forecaster.judging import Judged
from forecaster.leakage import Audit
from forecaster.plots.draw import PlotInputs
from forecaster.prepare import Prepared
from forecaster.promotion.verdict import Verdict
from forecaster.replay import Retraining
from forecaster.saving import Saved
from forecaster.select import Selected
from forecaster.store import Artifact
from forecaster.tuning import Tuned
from forecaster.uncertainty import Intervals
from forecaster.walk_forward import WalkForward


@dataclass(frozen=True)
class Night:
    """One coin's night as it was saved: all that reporting may look at."""

    coin: str
    run: str
    config: RunConfig
    data: Prepared
    columns: dict[str, Selected]
    settings: dict[str, Any]
    studies: dict[str, Tuned]
    fits: dict[tuple[str, str], FitResult]
    serving: dict[str, FitResult]
    attention: Artifact | None
    judged: Judged
    intervals: dict[str, Intervals]
    calibration: Calibration | None
    walked: WalkForward | None
    target_scale: dict[int, float]
    saved: Saved
    audited: Audit | None
    verdict: Verdict
    forecast: CoinForecast
    retraining: Retraining | None
    started: float  # `time.perf_counter`

    @property
    def folder(self) -> Path:
        """Where report and pictures go."""
        return self.config.output_dir / f"{self.coin}_{self.run}"

    @property
    def models(self) -> Path:
        """Where the models are."""
        return self.config.artifacts_dir / self.saved.folder

    @property
    def all_fits(self) -> tuple[FitResult, ...]:
        """Judged fits, folds and serving refits."""
        return (*self.fits.values(), *self.serving.values())

    @property
    def plot_inputs(self) -> PlotInputs:
        """What the specification's plots are handed."""
        return PlotInputs(
            coin=self.coin,
            as_of=self.data.data.last,
            simulated=self.data.data.simulated,
            target_scale=self.target_scale,
            fits=self.all_fits,
            judged=self.judged,
            attention=self.attention,
        )
