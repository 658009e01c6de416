"""What the figures allow one to say before the tables, counted from them."""

from collections.abc import Callable, Iterable
from statistics import median

from forecaster.names import days, label
from forecaster.report import Metrics, TrainingReport
from forecaster.results.further import p_values, pooled
from forecaster.results.runs import ByCoin, Runs
from forecaster.results.tables import metrics, standard_error
from forecaster.settings import ENSEMBLE, HORIZONS

Skills = dict[tuple[str, str, int], float]  # (coin, model, horizon) -> skill against zero
Score = Callable[[TrainingReport, str, int], Metrics | None]


def reading_help(runs: Runs) -> str:
    """A few sentences: how often anything beat a forecast of no change, and what that is worth."""
    test = _skills(runs.main, lambda run, m, h: metrics(run, m, "test", h))
    sentences = [
        "A forecast of no change (zero return) is the mark to beat; every table has its row.",
        *_wins(test, "On test"),
        *_ensemble(test),
        *_baselines(runs.main),
        *_wins(_skills(runs.walked, pooled), "In walk-forward evaluation, pooled"),
        *_significant(runs.walked.values()),
        *_directions(runs.main.values()),
        "Origins that follow each other share most of a 7- or 30-day outcome, and the coins move together: cells are "
        "far from independent, and the best of many is flattered. A small lead is no evidence of skill.",
    ]
    return " ".join(sentences)


def _skills(runs: ByCoin, score: Score) -> Skills:
    found = {(c, m, h): score(run, m, h) for c, run in runs.items() for m in run.contenders for h in HORIZONS}
    return {key: s.skill_vs_zero for key, s in found.items() if s is not None and s.skill_vs_zero is not None}


def _wins(skills: Skills, where: str) -> list[str]:
    if not skills:
        return []
    wins, best = sum(value > 0 for value in skills.values()), max(skills, key=lambda key: skills[key])
    coin, model, horizon = best
    leader = (
        f"The largest lead is {label(model)}'s on {coin} at {days(horizon)}, {100 * skills[best]:.2f} % in RMSE."
        if wins
        else "Saying nothing was at least as good everywhere."
    )
    typical = 100 * median(skills.values())
    return [
        f"{where}, {wins} of {len(skills)} cells (model x coin x horizon) have a smaller RMSE than it; "
        f"the median cell's is {abs(typical):.2f} % {'smaller' if typical > 0 else 'larger'}. {leader}"
    ]


def _ensemble(skills: Skills) -> list[str]:
    own = [value for (_, model, _), value in skills.items() if model == ENSEMBLE]
    if not own:
        return []
    better, equal = sum(value > 0 for value in own), sum(value == 0 for value in own)
    return [
        f"The ensemble has a smaller RMSE than zero in {better} of {len(own)} cells, the same in {equal}, and is at "
        f"worst {100 * max(0.0, -min(own)):.2f} % above."
    ]


def _baselines(runs: ByCoin) -> list[str]:
    found = [metrics(run, m, "test", h) for run in runs.values() for m in ("mean", "ridge") for h in HORIZONS]
    skills = [m.skill_vs_zero for m in found if m is not None and m.skill_vs_zero is not None]
    wins = sum(value > 0 for value in skills)
    return [f"Train mean and ridge, which need no network, do so in {wins} of {len(skills)}."] if skills else []


def _significant(reports: Iterable[TrainingReport]) -> list[str]:
    found = [p for run in reports for p in p_values(run)]
    if not found:
        return []
    return [
        f"In the walk-forward evaluation {sum(p < 0.05 for p in found)} of {len(found)} pairs of model or baseline and "
        "horizon beat it significantly (5 %, Holm, per coin)."
    ]


def _directions(reports: Iterable[TrainingReport]) -> list[str]:
    found = [metrics(run, model, "test") for run in reports for model in run.contenders]
    shares = [(m.directional_accuracy, m.n) for m in found if m and m.directional_accuracy is not None and m.n]
    if not shares:
        return []
    outside = sum(abs(p - 0.5) > 2 * standard_error(p, n) for p, n in shares)
    return [
        f"Of {len(shares)} directional accuracies one day ahead, {outside} lie more than two standard errors from "
        f"50 %; coin tosses would give about {0.05 * len(shares):.0f}."
    ]
