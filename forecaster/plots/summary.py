"""The run at a glance: time, epochs, convergence, final error."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from forecaster.names import ahead, duration, label, percent
from forecaster.plots.accuracy import origins
from forecaster.plots.frames import RunFrames
from forecaster.plots.style import (
    COLOURS,
    INK,
    MARKERS,
    MUTED,
    ZERO_LINE,
    canvas,
    clip_above,
    count_axis,
    draw_curve,
    explained,
    mark_best,
    tidy,
)
from forecaster.settings import JUDGED, MODELS, NETWORKS

CAP = 1.6  # validation loss, times the zero forecast's
FAR = 0.3  # a test error this much above zero's is drawn on the edge


def training_summary(frames: RunFrames) -> Figure:
    """Training times, convergence, epochs and final RMSE of every model."""
    title = "training summary"
    if frames.fits.empty:
        return explained(frames, title, "No fits: nothing was trained.")
    reused = f", {int(frames.fits['cached'].sum())} of them reused from the cache" if "cached" in frames.fits else ""
    subtitle = f"{len(frames.fits)} fits{reused}. "
    subtitle += origins(frames) if frames.scored else "No test scores."
    models = [m for m in MODELS if m in set(frames.fits["model"])]
    figure = canvas(frames, title, subtitle, (14, 9))
    grid = figure.subplots(2, 2)
    _times(grid[0, 0], frames.fits, models)
    _lengths(grid[0, 1], frames.fits, models)
    _convergence(grid[1, 0], frames)
    _final_errors(grid[1, 1], frames)
    return figure


def _by_name(axes: Axes, models: list[str]) -> None:
    axes.set_yticks(range(len(models)), [label(m) for m in models])
    axes.set_ylim(len(models) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")


def _times(axes: Axes, fits: pd.DataFrame, models: list[str]) -> None:
    kinds = {"judged": (1.0, "judged fit"), "folds": (0.55, "folds"), "serving": (0.25, "serving refit")}
    kind = fits["fold"].where(fits["fold"].isin(["judged", "serving"]), "folds")
    seconds = fits.pivot_table(index="model", columns=kind, values="seconds", aggfunc="sum").reindex(models).fillna(0.0)
    left = np.zeros(len(models))
    for name in (k for k in kinds if k in seconds):
        alpha, meaning = kinds[name]
        colors = [COLOURS[m] for m in models]
        axes.barh(range(len(models)), seconds[name], left=left, color=colors, alpha=alpha, height=0.7, label=meaning)
        left += seconds[name].to_numpy()
    for place, (model, total) in enumerate(zip(models, left, strict=True)):
        axes.text(total, place, f" {duration(total)}{_from_cache(fits, model)}", va="center", fontsize=9, color=INK)
    tidy(axes, "Time spent training (a reused fit: when it was made)", "seconds")
    _by_name(axes, models)
    axes.set_xlim(0, max(left.max(), 1e-3) * 1.35)
    legend = axes.legend(fontsize=8.5, frameon=False, loc="lower right")
    for patch in legend.get_patches():
        patch.set_facecolor(MUTED)


def _from_cache(fits: pd.DataFrame, model: str) -> str:
    if "cached" not in fits:
        return ""
    cached = fits.loc[fits["model"] == model, "cached"].astype(bool)
    return f"  ({cached.sum()} of {len(cached)} reused)" if cached.any() else ""


def _lengths(axes: Axes, fits: pd.DataFrame, models: list[str]) -> None:
    judged = fits[fits["fold"] == JUDGED].set_index("model")
    longest = 1
    for place, model in enumerate(models):
        if model not in judged.index:
            continue
        row: Any = judged.loc[model]
        best, run = _counts(row["length"]), int(row["n_epochs"])
        axes.barh(place, run, color=COLOURS[model], alpha=0.3, height=0.7)
        axes.barh(place, max(best), color=COLOURS[model], height=0.7)
        unit = "epochs" if model in NETWORKS else "trees"
        text = f" best after {'/'.join(map(str, best))} of {run} {unit}"
        axes.text(run, place, f"{text}; {_size(row['n_parameters'], model)}", va="center", fontsize=9, color=INK)
        longest = max(longest, run)
    tidy(axes, "Best and last epoch of the judged fits", "epochs (LightGBM: trees, per horizon)")
    _by_name(axes, models)
    axes.set_xlim(0, 2.35 * longest)


def _counts(length: Any) -> list[int]:
    """One number, or one per horizon, as a list."""
    return [int(n) for n in np.atleast_1d(length)]


def _size(n_parameters: float, model: str) -> str:
    return f"{n_parameters:,.0f} {'parameters' if model in NETWORKS else 'leaves'}"


def _convergence(axes: Axes, frames: RunFrames) -> None:
    tidy(axes, "Validation loss of the networks, in zero forecasts", "epoch", "loss / zero forecast's loss")
    zero = frames.zero_loss("val")
    networks = [m for m in frames.trained if m in NETWORKS]
    curves = {m: c for m in networks if len(c := frames.weighted_loss(m, "val_") / zero)}
    if not curves:
        axes.text(0.5, 0.5, "no network was trained", transform=axes.transAxes, ha="center", color=MUTED)
        return
    for model, curve in curves.items():
        draw_curve(axes, curve, model, label=label(model))
        mark_best(axes, curve, INK)
    axes.axhline(1.0, **ZERO_LINE, label="zero forecast")
    count_axis(axes, int(max(c.index.max() for c in curves.values())))
    clip_above(
        axes, CAP, {m: c.max() for m, c in curves.items()}, min([1.0, *(c.min() for c in curves.values())]) - 0.03
    )
    axes.legend(fontsize=8.5, frameon=False, loc="best")


def _final_errors(axes: Axes, frames: RunFrames) -> None:
    tidy(axes, "Test RMSE against the zero forecast's (left is better)", "RMSE / RMSE of zero - 1, in %")
    shown = [m for m in frames.scored if m != "zero"]
    offsets = np.linspace(-0.3, 0.3, len(frames.horizons))
    for place, model in enumerate(shown):
        for h, offset, size in zip(frames.horizons, offsets, (10, 7, 4.5), strict=False):
            _error(axes, frames, model, h, place + offset, size)
    axes.axvline(0, **ZERO_LINE)
    _by_name(axes, shown)
    for h, size in zip(frames.horizons, (10, 7, 4.5), strict=False):
        zero = frames.score("zero", h, "rmse")
        axes.plot([], [], "o", color=MUTED, ms=size, label=f"{ahead(h)} (zero: {zero:.3f})")
    axes.legend(fontsize=8.5, frameon=False, loc="best")  # baselines reach far out, to either side


def _error(axes: Axes, frames: RunFrames, model: str, horizon: int, place: float, size: float) -> None:
    worse = -frames.score(model, horizon, "skill_vs_zero")
    if not np.isfinite(worse):
        return
    far = worse > FAR
    axes.plot(
        100 * min(worse, FAR), place, marker=">" if far else MARKERS.get(model, "o"), color=COLOURS[model], ms=size
    )
    if far:
        axes.annotate(
            percent(worse), (100 * FAR, place), (-7, 0), textcoords="offset points", ha="right", va="center", fontsize=7
        )
