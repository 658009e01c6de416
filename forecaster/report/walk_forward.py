"""The walk-forward evaluation as the report has it."""

from collections.abc import Mapping
from typing import Any

from forecaster.names import NOTHING, days, label, percent, share
from forecaster.report.schema import TrainingReport
from forecaster.report.tables import table

LEVEL = 0.05
Scores = Mapping[str, Mapping[str, Mapping[str, Any]]]  # model -> horizon -> metric


def walk_forward_section(report: TrainingReport) -> str:
    """Pooled scores beside the baselines, then the skill of every model in every split; empty where it did not run."""
    entry = report.walk_forward
    if not entry:
        return ""
    horizons = sorted({h for each in entry["pooled"].values() for h in each}, key=int)
    pooled = [f"### {days(int(h))} ahead, all splits\n\n{_pooled(entry['pooled'], h)}" for h in horizons]
    skills = [f"### {days(int(h))} ahead, skill vs zero by split\n\n{_by_split(entry, h)}" for h in horizons]
    told = [_how(entry), _tuned(report), _spans(entry), _significance(entry["pooled"])]
    return "\n\n".join(["## Walk-forward", *(text for text in told if text), *pooled, *skills])


def _how(entry: Mapping[str, Any]) -> str:
    kind = "the newest origins, as many as the first split has" if entry["rolling"] else "all origins so far"
    return (
        f"{entry['n_splits']} splits. In each, every model and baseline was fitted anew on {kind}, columns and scaling "
        "included, and scored on the days that follow, into which no label that it learned from reaches. The first "
        "split knows "
        f"{entry['min_train']} labelled origins: those learned from, those that stop the fits early, and the purge "
        "between. Scaled RMSE is in the unit of the test scores."
    )


def _tuned(report: TrainingReport) -> str:
    """A search inside train has seen outcomes of early splits."""
    if not report.tuning or "train" not in report.splits:
        return ""
    names = ", ".join(label(model) for model in report.tuning)
    return (
        f"The settings of {names} were searched on days up to {report.splits['train'].last_label}: what a split holds "
        "out before that day is not independent of the search."
    )


def _spans(entry: Mapping[str, Any]) -> str:
    rows = [
        (s["name"], s["train_first"], s["train_last"], s["n_train"], s["first"], s["last"], s["n"])
        for s in entry["splits"]
    ]
    header = ("split", "learned from", "to", "origins", "held out from", "to", "origins")
    return table(header, rows)


def _significance(pooled: Scores) -> str:
    tested = [m["dm_p_holm"] for each in pooled.values() for m in each.values() if m.get("dm_p_holm") is not None]
    if not tested:
        return "No model could be tested against the zero forecast."
    n_better = sum(p < LEVEL for p in tested)
    return (
        f"Over all splits the zero forecast is beaten significantly in {n_better or 'none'} of {len(tested)} pairs of "
        f"model and horizon (at {100 * LEVEL:.0f} %, adjusted for their number after Holm; smallest adjusted p: "
        f"{_p(min(tested))}). The test is Diebold-Mariano's, one-sided, with a variance that allows for overlapping "
        "outcomes; p in the tables is not adjusted."
    )


def _pooled(pooled: Scores, horizon: str) -> str:
    header = ("model", "RMSE", "scaled RMSE", "MAE", "R²", "right sign", "skill vs zero", "p (better than zero)", "n")
    return table(header, [_row(name, each[horizon]) for name, each in pooled.items() if horizon in each])


def _row(name: str, m: Mapping[str, Any]) -> tuple[Any, ...]:
    plain = (_number(m["rmse"]), _number(m["scaled_rmse"], 3), _number(m["mae"]), _number(m["r2"]))
    return (label(name), *plain, share(m["directional_accuracy"]), percent(m["skill_vs_zero"]), _p(m["dm_p"]), m["n"])


def _number(value: float | None, digits: int = 4) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}"


def _p(value: float | None) -> str:
    return NOTHING if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _by_split(entry: Mapping[str, Any], horizon: str) -> str:
    splits = entry["splits"]
    models = [model for model in entry["pooled"] if model != "zero"]  # zero's skill is 0 by definition
    rows = [
        (label(model), *(_skill(s["scores"], model, horizon) for s in splits), _skill(entry["pooled"], model, horizon))
        for model in models
    ]
    return table(("model", *(s["name"] for s in splits), "all"), rows)


def _skill(scores: Scores, model: str, horizon: str) -> str:
    return percent(scores.get(model, {}).get(horizon, {}).get("skill_vs_zero"))
