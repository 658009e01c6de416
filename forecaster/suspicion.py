"""Scores too good to be true."""

from collections.abc import Iterable, Mapping
from typing import Any

from forecaster.names import label, percent, share

# On real daily bars markets are close to efficient: a skill of 2.5 % is an R2 of about 5 % in daily returns, and 56 %
# lies some three standard errors (2 points each on a test part of about 650 days) above a coin's toss.
TOO_SKILFUL = 0.025
TOO_RIGHT = 0.56
SHORTEST = "1"  # day ahead: longer horizons overlap, and drift alone can be right most of the time

Scores = Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]  # model -> part -> horizon -> metric


def suspected_leak(scores: Scores, simulated: bool, audited: Iterable[str] = ()) -> str | None:
    """What is too good to be true on test at one day ahead on real bars, in words; None if nothing is.

    Args:
        scores: model -> part -> horizon -> metric, as the report has them.
        simulated: whether the bars are made up: a planted signal may well be found.
        audited: what the audit of the features suspects, a sentence each.
    """
    return " ".join([*audited, *suspicions(scores, simulated)]) or None


def suspicions(scores: Scores, simulated: bool) -> list[str]:
    """The sentences of `suspected_leak`, one per model and figure."""
    if simulated:
        return []
    return [line for model, parts in scores.items() for line in _too_good(model, parts.get("test", {}))]


def _too_good(model: str, test: Mapping[str, Mapping[str, Any]]) -> list[str]:
    scores = test.get(SHORTEST, {})
    gain, right = scores.get("skill_vs_zero") or 0.0, scores.get("directional_accuracy") or 0.0
    lines = []
    if gain > TOO_SKILFUL:
        lines.append(f"{label(model)}'s 1-day skill is {percent(gain)}, above {100 * TOO_SKILFUL:.1f} %.")
    if right > TOO_RIGHT:
        lines.append(f"{label(model)} has the right sign on {share(right)} of days, above {100 * TOO_RIGHT:.0f} %.")
    return lines
