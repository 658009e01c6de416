"""What was tuned and what it brought."""

from collections.abc import Mapping
from typing import Any

from forecaster.names import NOTHING, duration, label, share
from forecaster.report.schema import TrainingReport
from forecaster.report.tables import table

ORIGINS = {"defaults": "the defaults", "last study": "the last study's best", "sampler": "the sampler"}


def tuning_section(report: TrainingReport) -> str:
    """Value of every model's best trial beside its defaults', then its parameters; empty where nothing was tuned."""
    if not report.tuning:
        return ""
    header = ("model", "best", "defaults", "zero", "trials", "pruned", "failed", "computed")
    rows = [_row(model, entry) for model, entry in report.tuning.items()]
    how = (
        "One study per model. A trial's value is its RMSE over that of the zero forecast, mean over horizons and over "
        "the newest folds inside train: below 1 is better than doing nothing. The best is picked with hindsight, so "
        "its value flatters it; the test scores do not. Importance is the share of the variance of values that a "
        "parameter explains (fANOVA): with so few trials a rough guide. Trial 0 is the defaults; trial 1 the best of "
        "the last study that knew no later day, where there was one."
    )
    notes = [f"- {_caveat(model, entry)}" for model, entry in report.tuning.items() if not entry["is_repeatable"]]
    told = [how, table(header, rows), "\n".join(notes)]
    models = [_model(model, entry) for model, entry in report.tuning.items()]
    return "\n\n".join(["## Tuning", *(text for text in told if text), *models])


def _row(model: str, entry: Mapping[str, Any]) -> tuple[Any, ...]:
    computed = duration(sum(trial["seconds"] for trial in entry["history"]))
    counts = (entry["n_trials"], entry["n_pruned"], entry["n_failed"], computed)
    return (label(model), _value(entry["value"]), _value(entry["default_value"]), _value(1.0), *counts)


def _value(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4f}"


def _caveat(model: str, entry: Mapping[str, Any]) -> str:
    if entry["stopped_by"]:
        n_left = len(entry["history"]) - entry["n_trials"]
        begun = f" (what it has begun, {n_left} more, is kept for a later run)" if n_left else ""
        why = f"its time was up before all trials were done{begun}"
    else:
        why = "a worker died under one of its trials, which counts as failed"
    return f"**{label(model)}'s study is not repeatable**: {why}. Another machine may find other parameters."


def _model(model: str, entry: Mapping[str, Any]) -> str:
    title = f"### {label(model)}: parameters\n\n"
    if not entry["best"]:
        return f"{title}No trial was finished: the defaults serve. Study: `{entry['study']}`."
    defaults: Mapping[str, Any] = next(
        (trial["params"] for trial in entry["history"] if trial["origin"] == "defaults"), {}
    )
    names = [*entry["best"], *(name for name in defaults if name not in entry["best"])]
    known = entry["importance"]
    rows = [
        (f"`{name}`", _plain(entry["best"].get(name)), _plain(defaults.get(name)), share(known.get(name)))
        for name in sorted(names, key=lambda name: -known.get(name, 0.0))
    ]
    parameters = table(("parameter", "best", "default", "importance"), rows)
    return f"{title}{parameters}\n\n{_progress(entry)} Study: `{entry['study']}`."


def _plain(value: Any) -> str | None:
    return f"{value:.4g}" if isinstance(value, float) else None if value is None else str(value)


def _progress(entry: Mapping[str, Any]) -> str:
    """The trials that were the best when they ended, in one sentence."""
    steps, best = [], float("inf")
    for trial in entry["history"]:
        if trial["state"] == "complete" and trial["value"] < best:
            best = trial["value"]
            steps.append(f"{best:.4f} by trial {trial['number']} (from {ORIGINS[trial['origin']]})")
    return f"Best so far: {', '.join(steps)}."
