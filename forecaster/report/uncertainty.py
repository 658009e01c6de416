"""The intervals as the report has them."""

from collections.abc import Mapping
from typing import Any

from forecaster.names import NOTHING, days, label, share
from forecaster.report.schema import TrainingReport
from forecaster.report.tables import table

MEANING = (
    "Read coverage before width: a 90 % interval ought to hold about 90 % of what happened, and a narrow one that does "
    "not is no use. Monte Carlo dropout asks a network how unsure it is of its own weights; the noise of the market, "
    "which is most of what moves a price, is not in it, so its intervals must be expected to cover far too little. "
    "They are not ranges for the price. LightGBM's trees and the quantiles of the train targets do aim at the return "
    "itself; so do the ensemble's, by adaptive conformal inference. Coverage stands with its standard error, from "
    "origins / horizon independent outcomes, since outcomes overlap; width is the mean over origins, in log-return."
)
METHODS = {"lightgbm": "quantile trees", "advanced_ensemble": "conformal", "zero": "train quantiles"}
Scores = Mapping[str, Mapping[str, Any]]  # horizon -> figure


def uncertainty_section(report: TrainingReport) -> str:
    """Coverage and width per horizon, the train quantiles last; empty where no interval was made."""
    entry: Mapping[str, Scores] | None = report.uncertainty
    if not entry:
        return ""
    horizons = sorted({h for each in entry.values() for h in each}, key=int)
    tables = [f"### {days(int(h))} ahead\n\n{_table(entry, h)}" for h in horizons]
    return "\n\n".join(["## Uncertainty", MEANING, *tables])


def _table(entry: Mapping[str, Scores], horizon: str) -> str:
    header = ("model", "interval by", "90 % covers", "80 % covers", "width of 90 %", "width of 80 %", "origins")
    return table(header, [_row(model, each[horizon]) for model, each in entry.items() if horizon in each])


def _row(model: str, scores: Mapping[str, Any]) -> tuple[Any, ...]:
    covers = [_coverage(scores[f"coverage_{level}"], scores[f"coverage_{level}_se"]) for level in (90, 80)]
    widths = [_width(scores[f"width_{level}"]) for level in (90, 80)]
    return (label(model), method(model), *covers, *widths, scores["n"])


def method(model: str) -> str:
    """Where a model's interval comes from."""
    return METHODS.get(model, "dropout")


def _coverage(value: float | None, error: float | None) -> str:
    return NOTHING if value is None or error is None else f"{share(value)} ± {100 * error:.1f}"


def _width(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4f}"
