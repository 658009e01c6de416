"""What the test scores allow one to say, in a few sentences, and the table that they come from."""

from forecaster.names import NOTHING, days, label, percent, share
from forecaster.report.schema import Baseline, TrainingReport
from forecaster.settings import ENSEMBLE
from forecaster.suspicion import suspicions


def skill(rival: Baseline, horizon: str) -> float | None:
    """Test skill against zero: 1 - RMSE / RMSE of zero. None without a score."""
    return rival.test[horizon].skill_vs_zero if horizon in rival.test else None


def verdict(report: TrainingReport) -> str:
    """Does anything beat the zero forecast on test, by how much, on how many origins, and what is that worth?"""
    skills = {h: _skills(report, h) for h in report.horizons}
    if not any(skills.values()):
        return "Nothing can be said: no trained model has a test score."
    found = "; ".join(_at_horizon(h, each) for h, each in skills.items() if each)
    ensemble = f" {_of_ensemble(report)}" if report.ensemble is not None else ""
    return f"On the test part ({_origins(report)}): {found}.{ensemble} {_caution(report, skills)}"


def _skills(report: TrainingReport, horizon: str) -> dict[str, float]:
    known = {name: skill(rival, horizon) for name, rival in report.contenders.items()}
    return {name: value for name, value in known.items() if value is not None}


def _origins(report: TrainingReport) -> str:
    """`641/635/612 origins at 1/7/30 days`, or one number if they are equal."""
    counts = []
    for h in report.horizons:
        known = [each.test[h].n for each in report.rivals.values() if h in each.test and each.test[h].n]
        counts.append(str(known[0]) if known else "an unknown number of")
    if len(set(counts)) == 1:
        return f"{counts[0]} origins"
    return f"{'/'.join(counts)} origins at {'/'.join(report.horizons)} days"


def _at_horizon(horizon: str, skills: dict[str, float]) -> str:
    best = max(skills, key=lambda name: skills[name])
    winners = [name for name, value in skills.items() if value > 0]
    ahead = f"at {days(int(horizon))}"
    if winners:
        return (
            f"{ahead} {len(winners)} of {len(skills)} beat the zero forecast, best {_against_zero(best, skills[best])}"
        )
    return f"{ahead} none of {len(skills)} beats the zero forecast, closest {_against_zero(best, skills[best])}"


def _against_zero(name: str, value: float) -> str:
    return f"{label(name)} (RMSE {_difference(value)})"


def _difference(value: float) -> str:
    """`0.30 % lower`, with enough digits for the difference to be seen."""
    size = 100 * abs(value)
    if size < 0.005:
        return "equal"
    return f"{size:.{2 if size < 1 else 1}f} % {'lower' if value > 0 else 'higher'}"


def _of_ensemble(report: TrainingReport) -> str:
    skills = {h: _skills(report, h).get(ENSEMBLE) for h in report.horizons}
    told = [f"{_difference(value)} at {days(int(h))}" for h, value in skills.items() if value is not None]
    return f"The ensemble's RMSE against zero: {', '.join(told)}." if told else "The ensemble has no test score."


def _caution(report: TrainingReport, skills: dict[str, dict[str, float]]) -> str:
    if not any(value > 0 for each in skills.values() for value in each.values()):
        return "A forecast of no change was at least as good as everything that was trained."
    longest = report.horizons[-1]
    n = next((each.test[longest].n for each in report.rivals.values() if longest in each.test), None)
    overlap = (
        f", and {n} origins at {days(int(longest))} are only about {n // int(longest)} that do not overlap" if n else ""
    )
    return f"The best are picked with hindsight{overlap}: a small lead is no evidence of skill."


def suspected_leaks(report: TrainingReport) -> list[str]:
    """What the audit suspects and what is too good to be true on real bars, a sentence each; none on simulated ones."""
    if report.leakage and "suspected" in report.leakage:
        return [str(each) for each in report.leakage["suspected"]]
    scores = {name: rival.model_dump(include={"test"}) for name, rival in report.rivals.items()}
    return suspicions(scores, report.data.simulated)


def summary_table(report: TrainingReport) -> list[list[str]]:
    """Test RMSE and skill by model and horizon, baselines last; the first row is the header."""
    header = ["model", *(f"{what} {h} d" for h in report.horizons for what in ("RMSE", "skill"))]
    return [header, *([label(name), *_cells(rival, report.horizons)] for name, rival in report.rivals.items())]


def _cells(rival: Baseline, horizons: list[str]) -> list[str]:
    cells = []
    for h in horizons:
        rmse = rival.test[h].rmse if h in rival.test else None
        cells += [NOTHING if rmse is None else f"{rmse:.4f}", percent(skill(rival, h))]
    return cells


def weights_table(report: TrainingReport) -> list[list[str]]:
    """The ensemble's weights by member and horizon, the zero return last; the first row is the header."""
    e = report.ensemble
    if e is None or not e.weights:
        return []
    members = [*dict.fromkeys(member for weights in e.weights.values() for member in weights)]
    rows = [[label(m), *(share(weights.get(m)) for weights in e.weights.values())] for m in members]
    if "zero" not in members:
        rows.append([label("zero"), *(share(e.weight_on_zero.get(h)) for h in e.weights)])
    return [["member", *(f"{h} d" for h in e.weights)], *rows]
