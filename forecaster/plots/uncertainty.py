"""How often intervals held what happened, and how wide they were."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from forecaster.names import ahead, label
from forecaster.plots.accuracy import origins
from forecaster.plots.frames import RunFrames
from forecaster.plots.style import COLOURS, INK, MUTED, canvas, explained, handle, legend_below, short, tidy
from forecaster.settings import BASELINES, ENSEMBLE, MODELS

LEVELS = (80, 90)
LINES: dict[int, Any] = {80: {"color": MUTED, "linestyle": (0, (2, 2))}, 90: {"color": INK, "linestyle": (0, (5, 3))}}
FACES: dict[int, dict[str, Any]] = {80: {"markerfacecolor": "white"}, 90: {}}
Scores = Mapping[str, Mapping[str, Mapping[str, Any]]]  # model -> horizon -> figure


def uncertainty(frames: RunFrames) -> Figure:
    """Coverage of the 80 % and 90 % intervals beside what they promise, and their widths, a column per horizon."""
    title, entry = "test intervals", frames.further.uncertainty
    if not entry:
        return explained(frames, title, "No intervals: they were switched off, or no model has any.")
    subtitle = (
        f"{origins(frames)} A dot on its line keeps its promise; to the left of it the intervals are too narrow. "
        "Networks: Monte Carlo dropout, which knows nothing of the market's noise. LightGBM: quantile trees. Ensemble: "
        "conformal. Zero return: quantiles of the train targets. Bars through dots: two standard errors. Below: pale "
        "bars and numbers are of 90 % intervals, full bars of 80 %."
    )
    models = [model for model in (*MODELS, ENSEMBLE, *BASELINES) if model in entry]
    horizons = sorted({h for each in entry.values() for h in each}, key=int)
    figure = canvas(frames, title, subtitle, (max(9, 4.7 * len(horizons)), 2 + 2 * (0.8 + 0.33 * len(models))))
    grid = figure.subplots(2, len(horizons), squeeze=False, sharey=True)
    for (upper, lower), h in zip(grid.T, horizons, strict=True):
        _coverages(tidy(upper, ahead(int(h)), "origins covered"), entry, models, h)
        _widths(tidy(lower, "", "mean width (log-return)"), entry, models, h)
    grid[0, 0].set_yticks(range(len(models)), [label(model) for model in models])
    grid[0, 0].set_ylim(len(models) - 0.4, -0.6)
    legend_below(figure, [each for level in LEVELS for each in _legend(level)])
    return figure


def _legend(level: int) -> list[Any]:
    dot = {"color": MUTED, "marker": "o", "linestyle": "none", "markersize": 7, **FACES[level]}
    return [handle(f"{level} % intervals", **dot), handle(f"what {level} % promises", **LINES[level])]


def _coverages(axes: Axes, entry: Scores, models: list[str], horizon: str) -> None:
    for place, model in enumerate(models):
        for level, offset in zip(LEVELS, (-0.16, 0.16), strict=True):
            figures = entry[model].get(horizon, {})
            if (coverage := figures.get(f"coverage_{level}")) is None:
                continue
            error = 2 * figures[f"coverage_{level}_se"]
            inside = [[min(error, coverage)], [min(error, 1 - coverage)]]  # no share lies beyond 0 or 1
            style: dict[str, Any] = {"color": COLOURS[model], "markersize": 7, "elinewidth": 1.4, "zorder": 3}
            axes.errorbar(coverage, place + offset, xerr=inside, fmt="o", **style, **FACES[level])
    for level in LEVELS:
        axes.axvline(level / 100, linewidth=1.2, zorder=1, **LINES[level])
    axes.set_xlim(-0.03, 1.03)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(visible=False, axis="y")


def _widths(axes: Axes, entry: Scores, models: list[str], horizon: str) -> None:
    """Both levels' bars, the narrower in front; the number is that of the wider."""
    figures = [entry[model].get(horizon, {}) for model in models]
    widths = {level: np.array([f.get(f"width_{level}") for f in figures], dtype=float) for level in LEVELS}
    colors = [COLOURS[model] for model in models]
    axes.barh(range(len(models)), widths[90], height=0.66, color=colors, alpha=0.45, zorder=2)
    axes.barh(range(len(models)), widths[80], height=0.4, color=colors, zorder=3)
    known = widths[90][np.isfinite(widths[90])]
    top = float(known.max()) if len(known) and known.max() > 0 else 1.0
    for place, width in enumerate(widths[90]):
        if np.isfinite(width):
            axes.text(width + 0.015 * top, place, short(width), va="center", fontsize=8.5, color=INK)
    axes.set_xlim(0, 1.18 * top)
    axes.grid(visible=False, axis="y")
