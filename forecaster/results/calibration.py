"""Section on the intervals of the forecast that is shipped: what they held on test, and at what width."""

from collections.abc import Callable

from forecaster.calibration import IntervalScores
from forecaster.names import NOTHING, days, label
from forecaster.report import TrainingReport
from forecaster.results.runs import ByCoin
from forecaster.results.tables import by_coin, number, signed
from forecaster.settings import HORIZONS


def calibrated(runs: ByCoin) -> list[str]:
    """Coverage, interval score beside that of rolling quantiles around zero, and miscalibration, by horizon."""
    return [
        "Intervals of the shipped forecast, on test: adapted day by day to the outcomes known so far. An 80 % interval "
        "keeps its promise where it holds about 80 % of the outcomes, a 90 % one about 90 %. Of two that do, the one "
        "with the smaller interval score (in log-return) is the better: beside it that of the forecast of no change "
        "with the quantiles of the last 365 days, and in brackets by how many percent ours is smaller. Miscalibration: "
        "mean distance, in points, of 19 quantiles from the share of outcomes below them.",
        by_coin(
            runs,
            {
                **{f"80 / 90 % covers, {days(h)}": _cell(h, _covers) for h in HORIZONS},
                **{f"90 % score / Zero return's, {days(h)}": _cell(h, _scores) for h in HORIZONS},
                **{f"miscalibration, {days(h)}": _cell(h, _miscalibration) for h in HORIZONS},
                "centre": lambda run: label(run.calibration.centre) if run.calibration else None,
            },
            "intervals",
        ),
    ]


def _cell(horizon: int, show: Callable[[IntervalScores], str]) -> Callable[[TrainingReport], str | None]:
    def cell(run: TrainingReport) -> str | None:
        found = run.calibration.test.get(str(horizon)) if run.calibration else None
        return show(found) if found else None

    return cell


def _covers(s: IntervalScores) -> str:
    return f"{_points(s.coverage_80)} / {_points(s.coverage_90)}"


def _scores(s: IntervalScores) -> str:
    return f"{number(s.interval_score_90, 4)} / {number(s.rolling_score_90, 4)} ({signed(s.against_rolling)})"


def _miscalibration(s: IntervalScores) -> str:
    return _points(s.miscalibration)


def _points(share: float | None) -> str:
    return NOTHING if share is None else f"{100 * share:.1f}"
