"""How well the shipped intervals kept their promises, as the report has it."""

from forecaster.calibration import IntervalScores
from forecaster.names import NOTHING, days, label, percent, share
from forecaster.report.schema import TrainingReport
from forecaster.report.tables import table
from forecaster.settings import ENSEMBLE

MEANING = (
    "Intervals of the forecast that is shipped, around {centre}: a volatility core, and adaptive conformal inference "
    "that follows the outcomes from day to day, whatever is refitted. A 90 % interval keeps its promise where it holds "
    "about 90 % of the outcomes; of two that do, the one with the smaller interval score is the better. Beside it, by "
    "how much that score is smaller than that of the last 365 days' quantiles. Miscalibration: mean distance, in "
    "points, of 19 quantiles from the share of outcomes below them. Pinball: mean quantile score. Scores in log-return."
)
HEADER = (
    "horizon",
    "90 % covers",
    "80 % covers",
    "score of 90 %",
    "better than rolling",
    "miscalibration",
    "pinball",
    "origins",
)


def calibration_section(report: TrainingReport) -> str:
    """Coverage and scores on val and test; empty where none were calibrated."""
    entry = report.calibration
    if entry is None:
        return ""
    centre = "those of the ensemble" if entry.centre == ENSEMBLE else f"those of {label(entry.centre)}"
    parts = [f"### {part}\n\n{_table(scores)}" for part, scores in (("Test", entry.test), ("Val", entry.val))]
    return "\n\n".join(["## Calibration", MEANING.format(centre=centre), *parts])


def _table(scores: dict[str, IntervalScores]) -> str:
    return table(HEADER, [_row(h, each) for h, each in scores.items()])


def _row(horizon: str, s: IntervalScores) -> tuple[str | int, ...]:
    covers = (share(s.coverage_90), share(s.coverage_80))
    points = NOTHING if s.miscalibration is None else f"{100 * s.miscalibration:.1f}"
    return (
        days(int(horizon)),
        *covers,
        _number(s.interval_score_90),
        percent(s.against_rolling),
        points,
        _number(s.pinball),
        s.n,
    )


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4f}"
