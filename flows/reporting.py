"""After the save: pictures, report, MLflow. Whatever fails here costs no fit."""

from dataclasses import dataclass
from typing import Any

from flows.outcome import CoinOutcome
from forecaster.config import RunConfig
from forecaster.fitting import FitResult
from forecaster.judging import Judged
from forecaster.prepare import Prepared
from forecaster.saving import Saved
from forecaster.select import Selected


@dataclass(frozen=True)
class Night:
    """All that reporting may look at."""

    coin: str
    run: str
    config: RunConfig
    data: Prepared
    columns: dict[str, Selected]
    fits: dict[tuple[str, str], FitResult]
    serving: dict[str, FitResult]
    attention: Any
    judged: Judged
    target_scale: dict[int, float]
    saved: Saved


def report_night(night: Night, reasons: list[str]) -> CoinOutcome:
    return CoinOutcome(coin=night.coin, status="OK", reasons=tuple(reasons), folder=night.saved.folder)
