"""How the models did while walking forward: skill per split, and over all of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from forecaster.names import ahead, label, percent
from forecaster.plots.frames import RunFrames
from forecaster.plots.style import (
    COLOURS,
    GRID,
    INK,
    MARKERS,
    ZERO_LINE,
    canvas,
    explained,
    handle,
    legend_below,
    tidy,
)
from forecaster.settings import BASELINES, ENSEMBLE, MODELS

FLOOR = -0.25  # a skill below is drawn on the edge, and said
MARKS = {**MARKERS, "ridge": "X", "mean": "*"}
Scores = Mapping[str, Mapping[str, Mapping[str, Any]]]  # model -> horizon -> metric


def walk_forward(frames: RunFrames) -> Figure:
    """Skill against the zero forecast, by split (dates along x) and pooled, a row of panels per horizon."""
    title, entry = "walk-forward skill", frames.further.walk_forward
    if not entry or not _shown(entry):
        return explained(frames, title, "No walk-forward scores: the evaluation did not run.")
    kind = "rolling" if entry["rolling"] else "growing"
    subtitle = (
        f"{len(entry['splits'])} splits with a {kind} train part; every model was fitted anew before each. Skill = 1 - "
        "RMSE / RMSE of the zero forecast (dashed): above it is better. Right: all held-out origins together."
    )
    horizons = sorted({h for each in entry["pooled"].values() for h in each}, key=int)
    figure = canvas(frames, title, subtitle, (13, 1.7 + 2.5 * len(horizons)))
    grid = figure.subplots(len(horizons), 2, squeeze=False, sharex="col", sharey="row", width_ratios=[7, 1.6])
    for (left, right), h in zip(grid, horizons, strict=True):
        _horizon(left, right, entry, h)
    left, right = grid[-1]
    locator: Any = dates.AutoDateLocator()  # type: ignore[no-untyped-call]
    left.xaxis.set_major_locator(locator)
    left.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    left.set_xlabel("held-out origins", fontsize=9)
    right.set_xlim(0, 1)
    right.set_xticks([])
    legend_below(figure, [handle("zero forecast", **ZERO_LINE), *(_entry(model) for model in _shown(entry))])
    return figure


def _shown(entry: Mapping[str, Any]) -> list[str]:
    """Everything but zero, whose skill is the line."""
    return [m for m in (*MODELS, ENSEMBLE, *BASELINES) if m in entry["pooled"] and m != "zero"]


def _entry(model: str) -> Any:
    return handle(label(model), color=COLOURS[model], marker=MARKS[model], linestyle="none", markersize=7)


def _horizon(left: Axes, right: Axes, entry: Mapping[str, Any], horizon: str) -> None:
    tidy(left, ahead(int(horizon)), y="skill vs zero (%)")
    tidy(right, "all splits")
    for axes in (left, right):
        axes.axhline(0, **ZERO_LINE, zorder=2)
        axes.grid(visible=False, axis="x")
    left.set_ylim(*_limits(entry, horizon))
    for place, split in enumerate(entry["splits"]):
        first, last = (float((pd.Timestamp(split[end]) - pd.Timestamp(0)).days) for end in ("first", "last"))
        if place % 2 == 0:
            left.axvspan(first, last, color=GRID, alpha=0.45, linewidth=0, zorder=0)
        _stems(left, split["scores"], _shown(entry), horizon, (first, last))
    _stems(right, entry["pooled"], _shown(entry), horizon, (0.0, 1.0))


def _limits(entry: Mapping[str, Any], horizon: str) -> tuple[float, float]:
    """In percent, around zero and every skill down to the floor."""
    scores = [entry["pooled"], *(split["scores"] for split in entry["splits"])]
    skills = [_skill(each, model, horizon) for each in scores for model in _shown(entry)]
    known = [100 * max(skill, FLOOR) for skill in skills if np.isfinite(skill)]
    low, high = min([0.0, *known]), max([0.0, *known])
    room = 0.12 * max(high - low, 0.1)
    return low - room, high + room


def _skill(scores: Scores, model: str, horizon: str) -> float:
    skill = scores.get(model, {}).get(horizon, {}).get("skill_vs_zero")
    return np.nan if skill is None else float(skill)


def _stems(axes: Axes, scores: Scores, models: list[str], horizon: str, span: tuple[float, float]) -> None:
    """A marker per model, side by side inside `span`, each on a stem from the zero forecast."""
    places = np.linspace(*span, len(models) + 2)[1:-1]
    for place, model in zip(places, models, strict=True):
        skill = _skill(scores, model, horizon)
        if not np.isfinite(skill):
            continue
        height = 100 * max(skill, FLOOR)
        axes.vlines(place, min(0.0, height), max(0.0, height), color=COLOURS[model], linewidth=1.6, zorder=3)
        axes.plot(place, height, MARKS[model], color=COLOURS[model], markersize=6, zorder=4)
        if skill < FLOOR:
            axes.annotate(
                f"▼ {percent(skill)}", (place, height), (7, 0), textcoords="offset points", va="center", fontsize=8,
                color=INK, zorder=5,
            )  # fmt: skip
