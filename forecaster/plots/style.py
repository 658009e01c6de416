"""One look for all plots: colours by model, header, badge, limits that one exploding model cannot ruin.

Only matplotlib's object interface is used (no `pyplot`, no `rcParams`), so plots may be drawn on several
threads at once.
"""

import textwrap
from collections.abc import Iterable
from datetime import date
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

from forecaster.names import NOTHING, label

MANY = 30  # epochs from which on an axis is logarithmic
INK, MUTED, GRID, ALARM = "#222222", "#5f5f5f", "#e3e3e3", "#b2182b"
ZERO_LINE: dict[str, Any] = {"color": INK, "linestyle": (0, (5, 3)), "linewidth": 1.2}

# Okabe and Ito's palette, told apart with every common colour blindness; baselines are greys.
COLOURS = {
    "dlinear": "#56b4e9",
    "tcn": "#e69f00",
    "enhanced_lstm": "#009e73",
    "transformer": "#0072b2",
    "lightgbm": "#d55e00",
    "advanced_ensemble": "#a2447f",
    "zero": "#8f8f8f",
    "mean": "#b0b0b0",
    "ridge": "#6d6d6d",
}
MARKERS = {"dlinear": "o", "tcn": "s", "enhanced_lstm": "^", "transformer": "D", "lightgbm": "v"}
MARKERS["advanced_ensemble"] = "P"
HORIZON_COLOURS = ("#08519c", "#3f93c7", "#a3cbe3")  # near is dark, far is pale


class Headed(Protocol):
    """What every header tells: of which coin, as of which day, and whether the bars are made up."""

    @property
    def coin(self) -> str:
        """Ticker."""

    @property
    def as_of(self) -> date:
        """Last day that was seen."""

    @property
    def simulated(self) -> bool:
        """Whether the bars are made up."""


def canvas(frames: Headed, title: str, subtitle: str, size: tuple[float, float]) -> Figure:
    """An empty figure of `size` inches whose header says what it shows, of which coin, as of which day."""
    width, height = size
    figure = Figure(figsize=size, layout="constrained")
    lines = textwrap.wrap(subtitle, int(width * 13.5))
    header = 0.55 + 0.19 * len(lines)  # inches
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0.005, 0.01, 0.99, 0.99 - header / height), h_pad=0.08, w_pad=0.08)
    heading = f"{frames.coin}: {title} (as of {frames.as_of:%Y-%m-%d})"
    figure.text(0.1 / width, 1 - 0.1 / height, heading, fontsize=14, fontweight="bold", color=INK, va="top")
    figure.text(0.1 / width, 1 - 0.42 / height, "\n".join(lines), fontsize=9.5, color=MUTED, va="top", linespacing=1.3)
    if frames.simulated:
        badge = {"facecolor": ALARM, "edgecolor": "none", "boxstyle": "round,pad=0.35"}
        place = (1 - 0.15 / width, 1 - 0.13 / height)
        figure.text(
            *place, "SIMULATED DATA", color="white", weight="bold", fontsize=11, ha="right", va="top", bbox=badge
        )
    return figure


def explained(frames: Headed, title: str, reason: str) -> Figure:
    """A figure that says in words why there is nothing to draw."""
    figure = canvas(frames, title, "Nothing to draw.", (9, 3))
    axes = figure.subplots()
    axes.set_axis_off()
    text = "\n".join(textwrap.wrap(reason, 80))
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=12, color=INK, transform=axes.transAxes)
    return figure


def tidy(axes: Axes, title: str = "", x: str = "", y: str = "", color: str = INK) -> Axes:
    """Quiet frame, grid behind the data, labels with units."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5, colors=MUTED)
    axes.set_title(title, fontsize=10.5, loc="left", color=color, fontweight="bold" if title else "normal")
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    return axes


def count_axis(axes: Axes, last: int) -> None:
    """Whole numbers from 1 to `last` on the x axis, and room around a single one; a log axis if there are many.

    Most is decided within the first epochs, and a single long training would squeeze all others into a corner.
    """
    if last > MANY:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator([1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlim(0.9, 1.1 * last)
        return
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
    axes.set_xlim(0.5, last + 0.5)


def marked(n_points: int) -> list[int]:
    """Which points carry a marker: all of a short curve, about a dozen of a long one, evenly spread on its log axis."""
    if n_points <= MANY:
        return list(range(n_points))
    return [int(place) for place in np.unique(np.geomspace(1, n_points, 12).round()) - 1]


def draw_curve(axes: Axes, curve: Any, model: str, **style: Any) -> None:
    """A model's curve by epoch (a Series), with markers, so that a single epoch is seen too."""
    options: dict[str, Any] = {"color": COLOURS[model], "marker": MARKERS[model], "markersize": 4, "linewidth": 1.7}
    options |= {"markevery": marked(len(curve)), "zorder": 3}
    axes.plot(curve.index, curve.to_numpy(), **(options | style))


def mark_best(axes: Axes, curve: Any, color: str) -> None:
    """A ring around the lowest point of a curve by epoch (a Series), if it has any."""
    if len(curve):
        axes.plot([curve.idxmin()], [curve.min()], "o", mfc="none", mec=color, ms=11, zorder=4)


def clip_above(axes: Axes, cap: float, tops: dict[str, float], low: float) -> None:
    """Limit the y axis to at most `cap`, and name each model whose curve leaves it, with how far it goes."""
    axes.set_ylim(low, min(cap, max([*tops.values(), 1.0]) * 1.02 + 0.01))
    gone = {model: top for model, top in tops.items() if top > cap}
    for row, (model, top) in enumerate(gone.items()):
        name_clipped(axes, f"▲ {label(model)} goes up to {short(top)}", COLOURS[model], row)


def name_clipped(axes: Axes, text: str, color: str, row: int) -> None:
    """One line at the upper right about what lies outside of the axes."""
    box = {"facecolor": "white", "edgecolor": color, "alpha": 0.9, "boxstyle": "round,pad=0.2", "linewidth": 0.8}
    options: dict[str, Any] = {"ha": "right", "va": "top", "fontsize": 8, "color": INK, "bbox": box, "zorder": 6}
    axes.text(0.98, 0.97 - 0.1 * row, text, transform=axes.transAxes, **options)


def column_header(axes: Axes, text: str) -> None:
    """The name of a column of panels, above the notes of its first."""
    options: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "va": "bottom", "annotation_clip": False}
    axes.annotate(
        text, (0.5, 1), (0, 32), xycoords="axes fraction", fontsize=11, fontweight="bold", color=INK, **options
    )


def short(value: float) -> str:
    """Three significant figures, without exponents where they can be avoided."""
    if not np.isfinite(value):
        return NOTHING
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def handle(name: str, **style: Any) -> Line2D:
    """A legend entry for something drawn in many panels."""
    return Line2D([], [], label=name, **style)


def legend_below(figure: Figure, handles: Iterable[Any]) -> None:
    """One legend for all panels, outside of them."""
    entries = list(handles)
    columns = min(len(entries), max(2, int(figure.get_figwidth() // 2)))
    figure.legend(handles=entries, loc="outside lower center", ncols=columns, frameon=False, fontsize=9)
