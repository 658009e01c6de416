"""Sections on what not every run does: tuning, intervals, walk-forward evaluation."""

from collections.abc import Callable
from typing import Any

from forecaster.names import NOTHING, days, label
from forecaster.report import Metrics, TrainingReport
from forecaster.results import published
from forecaster.results.runs import ByCoin
from forecaster.results.scores import HERE, beside
from forecaster.results.tables import NOT_RUN, by_coin, by_model, number, signed, slashed, target_scale
from forecaster.settings import COINS, HORIZONS, MODELS

NOTHING_TO_TUNE: dict[str, Callable[[TrainingReport], str | None]] = {"Zero return": lambda run: "nothing to tune"}


def tuned(runs: ByCoin) -> list[str]:
    """The settings that studies chose, and what they gained on their own objective."""
    return [
        'Settings that the studies chose; "default" where a model was not tuned.',
        by_coin(runs, {**_chosen(), **NOTHING_TO_TUNE}, "setting"),
        "What that gained: mean over horizons of RMSE / RMSE of a forecast of no change, on purged folds inside train, "
        "tuned / default. The tuned figure is the smallest of several tries, hence flattered:",
        by_coin(runs, {**{label(m): _gain(m) for m in MODELS}, "Zero return": lambda run: "1.000"}),
        "**The specification's table**:",
        beside(
            runs,
            {_setting_name(*key): dict(zip(COINS, values, strict=True)) for key, values in published.TUNED.items()},
            NOTHING_TO_TUNE,
        ),
    ]


def _chosen() -> dict[str, Callable[[TrainingReport], str | None]]:
    return {_setting_name(model, setting): _setting(model, setting) for model, setting in published.TUNED}


def _setting_name(model: str, setting: str) -> str:
    return f"{label(model)} `{setting}`"


def _setting(model: str, setting: str) -> Callable[[TrainingReport], str | None]:
    def cell(run: TrainingReport) -> str | None:
        if model not in run.models:
            return None
        if model not in (run.tuning or {}):
            return "default"
        value = run.models[model].params.get(setting)
        return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)

    return cell


def _gain(model: str) -> Callable[[TrainingReport], str | None]:
    def cell(run: TrainingReport) -> str | None:
        entry = (run.tuning or {}).get(model)
        if entry is None:
            return None
        n = entry.get("n_trials")
        values = f"{number(entry.get('value'), 4)} / {number(entry.get('default_value'), 4)}"
        return values if n is None else f"{values} ({n} trials)"

    return cell


def intervals(runs: ByCoin) -> list[str]:
    """Width of the 90 % interval and what it really covers, per horizon, zero's static interval in every table."""
    lines = [
        "Width of the 90 % interval in log-return, and in brackets the percent of test days on which the outcome lay "
        "inside the 80 / 90 % interval. Read coverage first: a narrow interval that misses is worth nothing. The "
        "forecast of no change takes the quantiles of the train targets as they are.",
    ]
    for h in HORIZONS:
        lines += [f"{days(h)} ahead:", by_model(runs, _interval(h), (*MODELS, "zero"))]
    return [
        *lines,
        "**The specification's table**: widths; their level and coverage are not given. Below it zero's 90 % width "
        "here, one day ahead, in the scaled unit of the other tables:",
        beside(
            runs,
            {label(m): {coin: f"{w:.2f}" for coin, w in row.items()} for m, row in published.WIDTH.items()},
            {f"Zero return {HERE}": _scaled_width},
        ),
    ]


def _interval(horizon: int) -> Callable[[TrainingReport, str], str | None]:
    def cell(run: TrainingReport, model: str) -> str | None:
        found = _entry(run, model, horizon)
        if found is None:
            return None
        covered = " / ".join(_percent(found.get(f"coverage_{level}")) for level in (80, 90))
        return f"{number(found.get('width_90'), 4)} ({covered})"

    return cell


def _entry(run: TrainingReport, model: str, horizon: int) -> dict[str, Any] | None:
    found: dict[str, Any] | None = ((run.uncertainty or {}).get(model) or {}).get(str(horizon))
    return found


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{100 * share:.0f}"


def _scaled_width(run: TrainingReport) -> str | None:
    found, scale = _entry(run, "zero", 1), target_scale(run)
    width = found.get("width_90") if found else None
    return number(width / scale, 2) if width is not None and scale else None


def walk_forward(runs: ByCoin) -> list[str]:
    """Skill over all held-out spans together."""
    searched = [coin for coin, run in runs.items() if run.tuning]
    caveat = f" Settings of {', '.join(searched)} were searched on early days: early spans are not independent of it."
    return [
        "Refitted before each of several later spans of days and scored on them, all spans pooled. Skill: by how many "
        "percent RMSE is below that of a forecast of no change, 1 / 7 / 30 days ahead." + (caveat if searched else ""),
        by_model(runs, _pooled(lambda m: signed(m.skill_vs_zero))),
        "RMSE in log-return, pooled, 1 / 7 / 30 days ahead:",
        by_model(runs, _pooled(lambda m: number(m.rmse, 4))),
        "How it was done, and the smallest p-value of any model and horizon against a forecast of no change "
        "(Diebold and Mariano, one-sided; Holm's correction for all of the coin's):",
        by_coin(runs, {"splits": _splits, "smallest p": _smallest_p, "Zero return": lambda run: "the rival"}, ""),
    ]


def pooled(run: TrainingReport, model: str, horizon: int) -> Metrics | None:
    """Pooled walk-forward scores of one model."""
    found = (((run.walk_forward or {}).get("pooled") or {}).get(model) or {}).get(str(horizon))
    known = set(Metrics.model_fields)
    return Metrics(**{k: v for k, v in found.items() if k in known}) if found else None


def _pooled(show: Callable[[Metrics], str]) -> Callable[[TrainingReport, str], str | None]:
    return lambda run, model: slashed([pooled(run, model, h) for h in HORIZONS], show)


def p_values(run: TrainingReport) -> list[float]:
    """Holm-adjusted p-values of the pooled walk-forward scores, where they could be had."""
    cells = [cell for each in ((run.walk_forward or {}).get("pooled") or {}).values() for cell in each.values()]
    return [cell["dm_p_holm"] for cell in cells if cell.get("dm_p_holm") is not None]


def _smallest_p(run: TrainingReport) -> str:
    return number(min(p_values(run), default=None), 2)


def _splits(run: TrainingReport) -> str:
    w = run.walk_forward or {}
    return f"{w.get('n_splits', NOT_RUN)}, {'rolling' if w.get('rolling') else 'expanding'}"
