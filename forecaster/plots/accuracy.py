"""How good the forecasts were on the test part: errors beside the baselines, scatter, residuals."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import gaussian_kde

from forecaster.names import NOTHING, ahead, label, percent
from forecaster.plots.frames import RunFrames
from forecaster.plots.style import (
    ALARM,
    COLOURS,
    INK,
    MUTED,
    ZERO_LINE,
    canvas,
    column_header,
    explained,
    handle,
    legend_below,
    tidy,
)
from forecaster.settings import BASELINES

CAP = 1.6  # times the zero forecast's error: longer bars are cut and marked
CROWD = 3_000  # points from which on a scatter becomes a density
NO_SCORES = "No test scores: no model made a forecast for the test part whose outcome is known."


def origins(frames: RunFrames) -> str:
    """How many origins the test scores rest on, and from when to when."""
    n = [len(frames.labelled("test", h)) for h in frames.horizons]
    if not any(n):
        return "Test part only: no outcome is known yet."
    cutoff = pd.to_datetime(frames.labelled("test", frames.horizons[int(np.argmax(n))])["cutoff"])
    by_horizon = "" if len(set(n)) == 1 else f" ({'/'.join(map(str, n))} by horizon)"
    return f"Test part only: {max(n)} origins{by_horizon}, {cutoff.min():%Y-%m-%d} to {cutoff.max():%Y-%m-%d}."


def model_comparison(frames: RunFrames) -> Figure:
    """RMSE and MAE of every model at every horizon, beside zero return, train mean and ridge."""
    title = "test error by model"
    if not frames.scored:
        return explained(frames, title, NO_SCORES)
    subtitle = f"{origins(frames)} In percent: error against the zero forecast's (dashed); minus is better."
    n_columns = len(frames.horizons)
    figure = canvas(frames, title, subtitle, (4.7 * n_columns, 1.6 + 2 * (0.8 + 0.27 * len(frames.scored))))
    grid = figure.subplots(2, n_columns, squeeze=False, sharey=True)
    for row, metric in zip(grid, ("rmse", "mae"), strict=True):
        for axes, h in zip(row, frames.horizons, strict=True):
            _bars(axes, frames, metric, h)
            tidy(axes, ahead(h), f"{metric.upper()} (log-return)")
            axes.grid(visible=False, axis="y")
    grid[0, 0].invert_yaxis()
    return figure


def _bars(axes: Axes, frames: RunFrames, metric: str, horizon: int) -> None:
    values = [frames.score(model, horizon, metric) for model in frames.scored]
    zero = frames.score("zero", horizon, metric)
    reference = zero if np.isfinite(zero) else float(np.nanmedian(values))
    cap = CAP * reference
    for place, (model, value) in enumerate(zip(frames.scored, values, strict=True)):
        _bar(axes, place, model, value, cap)
        against = "" if model == "zero" or not np.isfinite(zero) else f"  {percent(value / zero - 1)}"
        if np.isfinite(value):
            right = max(min(value, cap), reference) + 0.015 * cap
            axes.text(right, place, f"{'▶ ' * (value > cap)}{value:.4f}{against}", va="center", fontsize=8.5, color=INK)
    axes.axvline(zero, **ZERO_LINE)
    axes.set_yticks(range(len(values)), [label(model) for model in frames.scored])
    axes.set_xlim(0, 1.42 * min(cap, max([v for v in values if np.isfinite(v)], default=1.0)))


def _bar(axes: Axes, place: int, model: str, value: float, cap: float) -> None:
    style: dict[str, Any] = {"edgecolor": "white", "hatch": "///"} if model in BASELINES else {}
    axes.barh(place, min(value, cap), height=0.72, color=COLOURS[model], zorder=2, **style)


def predictions_vs_actual(frames: RunFrames) -> Figure:
    """Forecast against outcome, per model and horizon, both axes on the outcome's scale."""
    title = "forecast against outcome"
    if not frames.forecasters:
        return explained(frames, title, NO_SCORES)
    subtitle = (
        f"{origins(frames)} Both axes have one scale, set by the outcomes: a flat cloud is a forecast that hardly "
        "moves. On the diagonal the forecast is right; the zero forecast lies on the dashed line."
    )
    models, horizons = frames.forecasters, frames.horizons
    figure = canvas(frames, title, subtitle, (max(9, 1 + 2.7 * len(models)), 1.5 + 2.75 * len(horizons)))
    grid = figure.subplots(len(horizons), len(models), squeeze=False, sharex="row", sharey="row")
    for row, h in zip(grid, horizons, strict=True):
        for axes, model in zip(row, models, strict=True):
            _scatter(axes, frames, model, h)
        zero = f"{frames.score('zero', h, 'r2'):.3f}"
        row[0].set_ylabel(f"{ahead(h)} (zero: R² {zero})\nforecast (log-return)", fontsize=9)
    for axes, model in zip(grid[0], models, strict=True):
        column_header(axes, label(model))
    for axes in grid[-1]:
        axes.set_xlabel("outcome (log-return)", fontsize=9)
    legend_below(figure, [handle("zero forecast", **ZERO_LINE), handle("forecast = outcome", color=MUTED, linewidth=1)])
    return figure


def _known(frames: RunFrames, model: str, horizon: int) -> pd.DataFrame:
    return frames.labelled("test", horizon).dropna(subset=model)


def _limit(frames: RunFrames, horizon: int) -> float:
    """Half-width that holds 99.5 % of the outcomes."""
    y = frames.labelled("test", horizon)["y"].abs()
    return 1.15 * float(y.quantile(0.995)) if len(y) and y.max() > 0 else 1.0


def _scatter(axes: Axes, frames: RunFrames, model: str, horizon: int) -> None:
    known, limit = _known(frames, model, horizon), _limit(frames, horizon)
    y, y_hat = known["y"].to_numpy(dtype=float), known[model].to_numpy(dtype=float)
    tidy(axes)
    axes.axhline(0, **ZERO_LINE, zorder=4)
    axes.axline((0, 0), slope=1, color=MUTED, linewidth=1)
    _cloud(axes, y, y_hat, model, ((-limit, limit), (-limit, limit)))
    _note(
        axes, f"R² {frames.score(model, horizon, 'r2'):.3f}, right sign {_share(frames, model, horizon)}", y_hat, limit
    )


def _share(frames: RunFrames, model: str, horizon: int) -> str:
    accuracy = frames.score(model, horizon, "directional_accuracy")
    return f"{accuracy:.1%}" if np.isfinite(accuracy) else NOTHING


def _note(axes: Axes, text: str, values: Any, limit: float) -> None:
    """Figures above a panel, and how many of its points sit on the edge because they lie outside."""
    share = float(np.mean(np.abs(values) > limit)) if len(values) else 0.0
    outside = f"▲▼ {share:.0%} of the points lie outside\n" if share >= 0.005 else ""
    axes.set_title(outside + text, fontsize=8.5, color=ALARM if outside else INK, loc="left")


def _cloud(axes: Axes, x: Any, y: Any, model: str, window: tuple[tuple[float, float], tuple[float, float]]) -> None:
    """Points, seen through each other; from `CROWD` on a density. What lies outside of `window` sits on its edge."""
    x, y = np.clip(x, *window[0]), np.clip(y, *window[1])
    axes.set_xlim(*window[0])
    axes.set_ylim(*window[1])
    if len(x) > CROWD:
        axes.hexbin(x, y, gridsize=40, extent=(*window[0], *window[1]), bins="log", cmap="Greys", mincnt=1, zorder=2)
    else:
        axes.scatter(x, y, s=9, color=COLOURS[model], alpha=0.4, linewidths=0, zorder=2)


def residual_analysis(frames: RunFrames) -> Figure:
    """Distribution of the residuals, and residual against forecast, per model and horizon."""
    title = "test residuals"
    if not frames.forecasters:
        return explained(frames, title, NO_SCORES)
    subtitle = (
        f"{origins(frames)} Residual = outcome - forecast. Left: distributions; the grey one is the zero "
        "forecast's, whose residual is the outcome itself. Right: residual against forecast; dashed lines hold the "
        "middle 90 % of the zero forecast's residuals. A cloud that falls to the right: a forecast that moves too much."
    )
    models, horizons = frames.forecasters, frames.horizons
    figure = canvas(frames, title, subtitle, (4.6 + 2.5 * max(2, len(models)), 1.6 + 2.75 * len(horizons)))
    ratios = [1.6, *[1.0] * len(models)]
    grid = figure.subplots(len(horizons), 1 + len(models), squeeze=False, width_ratios=ratios)
    for row, h in zip(grid, horizons, strict=True):
        _distributions(row[0], frames, h)
        for axes, model in zip(row[1:], models, strict=True):
            _residual_scatter(axes, frames, model, h)
        row[1].set_ylabel("residual (log-return)", fontsize=9)
        for axes in row[2:]:
            axes.tick_params(labelleft=False)
    for axes, model in zip(grid[0, 1:], models, strict=True):
        column_header(axes, label(model))
    for axes in grid[-1, 1:]:
        axes.set_xlabel("forecast (log-return)", fontsize=9)
    zero = handle("zero forecast", color=COLOURS["zero"], linewidth=7, alpha=0.45)
    legend_below(figure, [*(handle(label(m), color=COLOURS[m], linewidth=2) for m in models), zero])
    return figure


def _distributions(axes: Axes, frames: RunFrames, horizon: int) -> None:
    limit = 1.3 * _limit(frames, horizon)
    at = np.linspace(-limit, limit, 241)
    y = frames.labelled("test", horizon)["y"].to_numpy(dtype=float)
    axes.fill_between(at, _density(y, at), color=COLOURS["zero"], alpha=0.45, linewidth=0)
    for model in frames.forecasters:
        known = _known(frames, model, horizon)
        axes.plot(
            at, _density((known["y"] - known[model]).to_numpy(dtype=float), at), color=COLOURS[model], linewidth=1.5
        )
    axes.axvline(0, color=MUTED, linewidth=0.8)
    tidy(axes, ahead(horizon), "residual (log-return)", "density")
    axes.set_xlim(-limit, limit)
    axes.set_ylim(bottom=0)


def _density(values: Any, at: Any) -> Any:
    """Gaussian kernel density; NaN where there are too few different values for one."""
    return gaussian_kde(values)(at) if len(np.unique(values)) > 2 else np.full(len(at), np.nan)


def _residual_scatter(axes: Axes, frames: RunFrames, model: str, horizon: int) -> None:
    known, limit = _known(frames, model, horizon), 1.3 * _limit(frames, horizon)
    y, y_hat = known["y"].to_numpy(dtype=float), known[model].to_numpy(dtype=float)
    tidy(axes)
    width = 1.1 * float(np.quantile(np.abs(y_hat), 0.995)) if len(y_hat) else 0.0
    width = width if width > 0 else limit / 10
    for edge in np.quantile(y, (0.05, 0.95)) if len(y) else ():
        axes.axhline(edge, **ZERO_LINE, zorder=4)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    _cloud(axes, y_hat, y - y_hat, model, ((-width, width), (-limit, limit)))
    axes.locator_params(axis="x", nbins=3)
    if len(y):
        _note(axes, f"mean {np.mean(y - y_hat):+.2g}", y - y_hat, limit)
