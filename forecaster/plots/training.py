"""How the fits went: loss, loss per horizon and learning rate, epoch by epoch."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from forecaster.names import ahead, label
from forecaster.plots.frames import RunFrames
from forecaster.plots.style import (
    COLOURS,
    GRID,
    HORIZON_COLOURS,
    INK,
    MARKERS,
    MUTED,
    ZERO_LINE,
    canvas,
    clip_above,
    count_axis,
    draw_curve,
    explained,
    handle,
    legend_below,
    mark_best,
    short,
    tidy,
)
from forecaster.settings import NETWORKS

CAP = 2.5  # times the zero forecast's loss: curves above leave the axes, and are named
TRAIN: dict[str, Any] = {"linestyle": (0, (1.5, 1.5)), "linewidth": 1.3, "markersize": 3.5, "alpha": 0.8}
NO_HISTORY = "No training history: no model was fitted, or none recorded its epochs."


def loss_curves(frames: RunFrames) -> Figure:
    """Train and validation loss per epoch of each judged fit, against a zero forecast's."""
    title = "train and validation loss"
    if not frames.trained:
        return explained(frames, title, NO_HISTORY)
    subtitle = (
        "Judged fits. Networks: sum over horizons of Huber loss of the scaled target / √h, weight penalties left "
        "out; in training, dropout and augmentation are on. LightGBM: squared error per boosting round, divided by the "
        "zero forecast's."
    )
    n_columns = min(3, len(frames.trained))
    n_rows = -(-len(frames.trained) // n_columns)
    figure = canvas(frames, title, subtitle, (max(9, 4.6 * n_columns), 1.6 + 3.4 * n_rows))
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes, model in zip(panels, frames.trained, strict=False):
        (_network_loss if model in NETWORKS else _boosting_loss)(axes, frames, model)
    for axes in panels[len(frames.trained) :]:
        axes.set_axis_off()
    zero = handle("zero forecast, validation", **ZERO_LINE)
    zero_train = handle("zero forecast, train", **(ZERO_LINE | {"color": "#9a9a9a"}))
    legend_below(figure, [*_train_and_val(), zero, zero_train])
    return figure


def _train_and_val() -> list[Any]:
    val = handle("validation", color=INK, linewidth=1.7, marker="o", markersize=4)
    return [val, handle("train", color=INK, marker="o", **TRAIN)]


def _network_loss(axes: Axes, frames: RunFrames, model: str) -> None:
    train, val = frames.weighted_loss(model), frames.weighted_loss(model, "val_")
    zero = {part: frames.zero_loss(part) for part in ("train", "val")}
    draw_curve(axes, train, model, **TRAIN)
    draw_curve(axes, val, model)
    axes.axhline(zero["train"], **(ZERO_LINE | {"color": "#9a9a9a"}))
    axes.axhline(zero["val"], **ZERO_LINE)
    best = ""
    if len(val):
        mark_best(axes, val, INK)
        best = f": best {short(val.min())} in epoch {val.idxmin()} of {val.index.max()}"
    tidy(axes, label(model) + best, "epoch", "weighted Huber loss of scaled target")
    count_axis(axes, int(max([*train.index, *val.index, 1])))
    _log_if_wide(axes, [*train, *val, *zero.values()])


def _log_if_wide(axes: Axes, values: list[float]) -> None:
    """A loss that falls, or sits, far from the zero forecast's is shown on a log axis: both ends stay readable."""
    finite = [v for v in values if np.isfinite(v) and v > 0]
    if not finite or max(finite) / min(finite) < 4:
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel(axes.get_ylabel() + " (log axis)")


def _boosting_loss(axes: Axes, frames: RunFrames, model: str) -> None:
    curves = {h: _relative(frames, model, h) for h in frames.horizons}
    for (h, (train, val)), color in zip(curves.items(), HORIZON_COLOURS, strict=False):
        draw_curve(axes, train, model, color=color, **(TRAIN | {"marker": ""}))
        draw_curve(axes, val, model, color=color, marker="", label=ahead(h))
        mark_best(axes, val, color)
    axes.axhline(1.0, **ZERO_LINE)
    best = ", ".join(str(val.idxmin()) for _, val in curves.values() if len(val))
    tidy(axes, f"{label(model)}: best after {best} trees", "boosting round", "squared error / zero forecast's")
    count_axis(axes, max(_last(pair) for pair in curves.values()))
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.14 * (high - low))  # room for the legend
    axes.legend(fontsize=8, frameon=False, loc="upper center", ncols=3, columnspacing=1.0, handlelength=1.4)


def _relative(frames: RunFrames, model: str, horizon: int) -> tuple[pd.Series, pd.Series]:
    """A model's train and validation loss at one horizon, over those of the zero forecast in the same unit."""
    zero = frames.zero_huber if model in NETWORKS else frames.zero_l2
    train, val = (frames.curve(model, f"{prefix}h{horizon}_loss") for prefix in ("", "val_"))
    return train / zero("train", horizon), val / zero("val", horizon)


def _last(pair: tuple[pd.Series, pd.Series]) -> int:
    return int(max([1, *pair[0].index, *pair[1].index]))


def metrics_progression(frames: RunFrames) -> Figure:
    """Loss per horizon over the epochs, as a multiple of the zero forecast's loss."""
    title = "loss per horizon over training"
    if not frames.trained:
        return explained(frames, title, NO_HISTORY)
    networks = [m for m in frames.trained if m in NETWORKS]
    trees = [m for m in frames.trained if m not in NETWORKS]
    rows = [("validation", networks), ("train", networks)] * bool(networks) + [("", trees)] * bool(trees)
    subtitle = (
        "Judged fits; each loss divided by what a zero forecast scores on the same part (dashed line at 1): below the "
        "line is better than zero. Networks: Huber loss of the scaled target; LightGBM: squared error."
    )
    n_columns = len(frames.horizons)
    figure = canvas(frames, title, subtitle, (4.6 * n_columns, 1.6 + 2.9 * len(rows)))
    grid = figure.subplots(len(rows), n_columns, squeeze=False)
    for line, (part, models) in zip(grid, rows, strict=True):
        for axes, h in zip(line, frames.horizons, strict=True):
            _progression(axes, frames, models, part, h)
    names = [handle(label(m), color=COLOURS[m], marker=MARKERS[m]) for m in frames.trained]
    legend_below(figure, [*names, *_train_and_val(), handle("zero forecast", **ZERO_LINE)])
    return figure


def _progression(axes: Axes, frames: RunFrames, models: list[str], part: str, horizon: int) -> None:
    """Curves of one `part`, or of both where it is empty."""
    pairs = {model: _relative(frames, model, horizon) for model in models}
    for model, (train, val) in pairs.items():
        if part != "validation":
            draw_curve(axes, train, model, **TRAIN)
        if part != "train":
            draw_curve(axes, val, model)
    axes.axhline(1.0, **ZERO_LINE)
    title = f"{f'Networks, {part}' if part else label(models[0])}, {ahead(horizon)}"
    tidy(axes, title, "epoch" if part else "boosting round", "loss / zero forecast's loss")
    count_axis(axes, max(_last(pair) for pair in pairs.values()))
    shown = {"train": slice(0, 1), "validation": slice(1, 2)}.get(part, slice(None))
    values = {model: np.concatenate(pair[shown]) for model, pair in pairs.items()}
    low = min([1.0, *(v.min() for v in values.values() if len(v))])
    clip_above(axes, CAP, {model: v.max() for model, v in values.items() if len(v)}, low - 0.03)


def learning_rates(frames: RunFrames) -> Figure:
    """Learning rate per epoch of each network: constant, warm-up and decay, cut on a plateau."""
    title = "learning rates"
    curves = {m: c for m in frames.trained if m in NETWORKS and len(c := frames.curve(m, "learning_rate"))}
    if not curves:
        return explained(frames, title, "No learning rates: no network was trained (LightGBM's is constant).")
    subtitle = "Judged fits, at the end of each epoch; the other networks in grey. LightGBM's rate is constant."
    figure = canvas(frames, title, subtitle, (max(8, 3.6 * len(curves)), 4.2))
    row = figure.subplots(1, len(curves), squeeze=False, sharey=True)[0]
    for axes, (model, curve) in zip(row, curves.items(), strict=True):
        for other in curves.values():
            axes.plot(other.index, other.to_numpy(), color=GRID, linewidth=2, marker="o", markersize=2, zorder=1)
        draw_curve(axes, curve, model)
        axes.set_yscale("log")
        tidy(axes, f"{label(model)}: {_schedule(curve)}", "epoch", "learning rate (log axis)" if axes is row[0] else "")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(which="minor", axis="y", color=GRID, linewidth=0.4)
        count_axis(axes, int(max(c.index.max() for c in curves.values())))
        axes.text(0.04, 0.05, _ends(curve), transform=axes.transAxes, fontsize=8.5, color=MUTED)
    rates = np.concatenate([c.to_numpy() for c in curves.values()])
    row[0].set_ylim(rates.min() / 2, rates.max() * 2)
    return figure


def _ends(curve: pd.Series) -> str:
    first, last = short(curve.iloc[0]), short(curve.iloc[-1])
    return first if first == last else f"{first} at first, {last} at last"


def _schedule(curve: pd.Series) -> str:
    """What the rate did, in words."""
    steps = np.diff(curve.to_numpy())
    n_up, n_down = int((steps > 0).sum()), int((steps < 0).sum())
    if len(curve) == 1:
        return "one epoch"
    if n_up:
        return "warm-up, then decay" if n_down else "warm-up"
    if n_down > len(curve) / 2:
        return "decay"
    return "constant" if not n_down else "cut once" if n_down == 1 else f"cut {n_down} times"
