"""What a night computed anew and what it reused, in a sentence: how many fits, which, and because of what."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from forecaster.report.schema import Step
from forecaster.settings import BASELINES, JUDGED

CHANGED = "changed: "
WALK = "walk-"  # how the names of walk-forward splits begin; `forecaster.walk_forward` would import pandas
REASONS = {  # other reasons of the step log, for several fits at once
    "never ran before": "they never ran before",
    "it has not finished before": "they were not finished before",
    "its result is gone or altered": "what they had stored is gone or altered",
}
CAUSES = {  # how the parts of a step's key begin, and what a reader calls them
    "input parts": "the bars",
    "input spec.fold": "the bars",
    "input spec.settings": "the model's settings",
    "input spec.training": "the training settings",
    "input spec.seed": "the seed",
    "input spec": "the settings",
    "input columns": "the selected columns",
    "input length": "the length of the judged fit",
    "source of": "the code",
    "forecaster.": "the code",  # further modules of the same part
}


@dataclass(frozen=True)
class Fit:
    """One fit of a night: which kind of fit it is, and whether and why it was computed."""

    kind: str
    because: str | None  # None: reused


def fits_of(steps: Iterable[Step]) -> list[Fit]:
    """The models' fits among a night's steps. Baselines are left out: they take no time."""
    found = []
    for step in steps:
        what, _, model, *fold = [*step.name.split("-"), "", ""]
        if what in ("fit", "refit") and model not in BASELINES:
            found.append(Fit(_kind(what, "-".join(fold)), None if step.cache == "hit" else _why(step.because)))
    return found


def reuse(steps: Iterable[Step]) -> str:
    """`Reused: 30 of 35 fits. Computed: 5 serving refits, because the bars changed.`"""
    fits = fits_of(steps)
    if not fits:
        return "Reused: nothing. No model was fitted."
    computed = [fit for fit in fits if fit.because is not None]
    if not computed:
        return f"Reused: all {_n(len(fits), 'fit')}. Nothing that they depend on changed."
    reasons = dict.fromkeys(fit.because for fit in computed)
    told = "; ".join(_told([fit for fit in computed if fit.because == why], why) for why in reasons)
    return f"Reused: {len(fits) - len(computed)} of {_n(len(fits), 'fit')}. Computed: {told}."


def n_reused(steps: Iterable[Step]) -> str:
    """`30 of 35`: fits reused of all fits."""
    fits = fits_of(steps)
    return f"{sum(fit.because is None for fit in fits)} of {len(fits)}"


def _kind(what: str, fold: str) -> str:
    if what == "refit":
        return "serving refit"
    if fold.startswith(JUDGED):
        return "judged fit"
    return "walk-forward fit" if fold.startswith(WALK) else "fold fit"


def _told(fits: list[Fit], because: str | None) -> str:
    counts = Counter(fit.kind for fit in fits)
    return f"{', '.join(_n(count, kind) for kind, count in counts.items())}, because {because}"


def _why(because: str) -> str:
    """The step log's reason, as a reader would say it."""
    if because.startswith(CHANGED):
        causes = dict.fromkeys(_cause(part) for part in because.removeprefix(CHANGED).split(", "))
        names = list(causes)
        return f"{' and '.join(filter(None, (', '.join(names[:-1]), names[-1])))} changed"
    return next((words for start, words in REASONS.items() if because.startswith(start)), because)


def _cause(part: str) -> str:
    known = next((words for start, words in CAUSES.items() if part.startswith(start)), None)
    return known or part.removeprefix("input ").replace("version of ", "the version of ")


def _n(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
