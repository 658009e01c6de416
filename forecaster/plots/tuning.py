"""How the search for hyperparameters went: values by trial, and which parameters mattered."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from forecaster.names import label, share
from forecaster.plots.frames import RunFrames
from forecaster.plots.style import (
    ALARM,
    COLOURS,
    INK,
    MUTED,
    ZERO_LINE,
    canvas,
    explained,
    handle,
    legend_below,
    name_clipped,
    short,
    tidy,
)
from forecaster.settings import MODELS

ABOVE = 0.3  # a value so far above zero's (or the defaults', if they are worse) is drawn on the edge
DEFAULT_LINE: dict[str, Any] = {"color": MUTED, "linestyle": ":", "linewidth": 1.6}
BEST_LINE: dict[str, Any] = {"color": INK, "linewidth": 1.4, "drawstyle": "steps-post"}
PRUNED: dict[str, Any] = {"marker": "x", "color": MUTED, "linestyle": "none", "markersize": 6, "markeredgewidth": 1.5}
FAILED: dict[str, Any] = {"marker": "|", "color": ALARM, "linestyle": "none", "markersize": 12, "markeredgewidth": 2}


def tuning(frames: RunFrames) -> Figure:
    """Per tuned model: value of every trial and the best so far, beside the importance of its parameters."""
    title, entries = "hyperparameter search", frames.further.tuning or {}
    models = [model for model in MODELS if model in entries]
    if not models:
        return explained(frames, title, "No studies: nothing was tuned.")
    subtitle = (
        "Value of a trial: RMSE / RMSE of the zero forecast, mean over horizons and folds inside train; below the "
        "dashed line is better than zero. A pruned trial shows the folds it ran. The best is picked with hindsight."
    )
    figure = canvas(frames, title, subtitle, (13, 1.6 + 2.9 * len(models)))
    grid = figure.subplots(len(models), 2, squeeze=False, width_ratios=[2.2, 1])
    for (left, right), model in zip(grid, models, strict=True):
        _history(left, model, entries[model])
        _importance(right, model, entries[model])
    grid[-1][0].set_xlabel("trial", fontsize=9)
    grid[-1][1].set_xlabel("share of the values' variance", fontsize=9)
    legend_below(figure, _legend())
    return figure


def _legend() -> list[Any]:
    return [
        handle("complete trial", marker="o", color=INK, linestyle="none"),
        handle("best so far", **{**BEST_LINE, "drawstyle": "default"}),
        handle("pruned", **PRUNED),
        handle("failed", **FAILED),
        handle("defaults", **DEFAULT_LINE),
        handle("zero forecast", **ZERO_LINE),
    ]


def _history(axes: Axes, model: str, entry: Mapping[str, Any]) -> None:
    trials = entry["history"]
    tidy(axes, _title(model, entry), y="RMSE / RMSE of zero")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlim(-0.5, len(trials) - 0.5)
    low, cap = _limits(entry)
    axes.set_ylim(low, cap)
    axes.axhline(1, **ZERO_LINE, zorder=1)
    if entry["default_value"] is not None:
        axes.axhline(entry["default_value"], **DEFAULT_LINE, zorder=2)
    complete, pruned = _values(trials, "complete"), _values(trials, "pruned")
    _marks(axes, complete, cap, marker="o", color=COLOURS[model], markersize=5, linestyle="none")
    _marks(axes, pruned, cap, **PRUNED)
    _marks(axes, {trial["number"]: low for trial in trials if trial["state"] == "fail"}, cap, **FAILED)
    if complete:
        best = np.minimum.accumulate([*complete.values()])
        axes.plot([*complete, len(trials) - 1], [*best, best[-1]], zorder=3, **BEST_LINE)
    _name_clipped(axes, [*complete.values(), *pruned.values()], cap)


def _title(model: str, entry: Mapping[str, Any]) -> str:
    stopped = ", stopped by its timeout" if entry["stopped_by"] else ""
    return f"{label(model)}: {entry['n_trials']} trials{stopped}"


def _values(trials: list[Any], state: str) -> dict[int, float]:
    """Value by number of the trials that ended as `state`."""
    return {trial["number"]: trial["value"] for trial in trials if trial["state"] == state}


def _marks(axes: Axes, values: dict[int, float], cap: float, **style: Any) -> None:
    """A mark per trial, on the upper edge if it lies above; an empty line that is not clipped ruins the layout."""
    if values:
        axes.plot([*values], np.minimum([*values.values()], cap), zorder=4, clip_on=False, **style)


def _limits(entry: Mapping[str, Any]) -> tuple[float, float]:
    """Around zero's line, the defaults' and all values, but for those far above both lines."""
    values = [trial["value"] for trial in entry["history"] if trial["value"] is not None]
    lines = [1.0, *([] if entry["default_value"] is None else [entry["default_value"]])]
    high = min(max([*values, *lines]), max(lines) + ABOVE)
    low = min([*values, *lines])
    room = 0.08 * max(high - low, 0.01)
    return low - room, high + room


def _name_clipped(axes: Axes, values: list[float], cap: float) -> None:
    above = [value for value in values if value > cap]
    if above:
        many = f"{len(above)} trials go" if len(above) > 1 else "1 trial goes"
        name_clipped(axes, f"▲ {many} up to {short(max(above))}", ALARM, 0)


def _importance(axes: Axes, model: str, entry: Mapping[str, Any]) -> None:
    tidy(axes, "Importance of its parameters")
    known = entry["importance"]
    if not known:
        axes.set_axis_off()
        axes.text(0, 0.9, "Too few complete trials to tell.", transform=axes.transAxes, fontsize=9, color=INK, va="top")
        return
    bars = axes.barh(list(known), list(known.values()), color=COLOURS[model], height=0.65)
    axes.bar_label(bars, [share(value) for value in known.values()], padding=3, fontsize=8, color=INK)
    axes.set_xlim(0, max(known.values()) * 1.25)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
