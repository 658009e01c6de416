"""What steps found that not every run takes, as the report's entries."""

from typing import Any

from forecaster.calibration import Calibration
from forecaster.settings import Config

DRAWN = ("tuning", "uncertainty", "walk_forward")  # those that have a plot of their own


class Further(Config):
    """Null where the step did not run.

    Attributes:
        tuning: model -> `n_trials, best, value, ...` of its study.
        uncertainty: model -> horizon -> `coverage_80, coverage_90, width_90, ...` on test.
        calibration: what the intervals of the shipped forecast held.
        walk_forward: `n_splits`, scores per split, and `pooled` over all of them.
        promotion: `verdict`, `reasons`, `gates`, ...: whether the run is served from now on.
        retraining: what stored models of different ages would have forecast.
        forecast: what was issued, how live forecasts did, and what guards found.
        leakage: what the audits before training found, and what is too good to be true.
    """

    tuning: dict[str, Any] | None = None
    uncertainty: dict[str, Any] | None = None
    calibration: Calibration | None = None
    walk_forward: dict[str, Any] | None = None
    promotion: dict[str, Any] | None = None
    retraining: dict[str, Any] | None = None
    forecast: dict[str, Any] | None = None
    leakage: dict[str, Any] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Steps that ran and have a plot."""
        return tuple(name for name in DRAWN if getattr(self, name))

    @property
    def drawn(self) -> dict[str, Any]:
        """What plots are handed: nothing that differs from one night to the next on the same bars."""
        return self.model_dump(mode="json", include=set(DRAWN))
