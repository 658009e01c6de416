"""What the models look at: days (LSTM attention), features (LightGBM gain), each other (ensemble weights)."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from forecaster.names import ahead, label, percent
from forecaster.plots.frames import RunFrames
from forecaster.plots.style import (
    COLOURS,
    HORIZON_COLOURS,
    INK,
    MUTED,
    ZERO_LINE,
    canvas,
    explained,
    handle,
    legend_below,
    tidy,
)
from forecaster.settings import ENSEMBLE, MODELS

N_FEATURES = 30
REGIMES = {"trending": "#b8d8b0", "mean_reverting": "#c9c0e3", "volatile": "#f3b8a5", "ranging": "#dedede"}


def skill_in_words(frames: RunFrames, model: str) -> str:
    """What looking there was worth: the model's test skill against zero, by horizon."""
    parts = [f"{percent(frames.score(model, h, 'skill_vs_zero'))} at {h} d" for h in frames.horizons]
    return f"{label(model)}'s test skill against the zero forecast: {', '.join(parts)} (minus is worse than zero)."


def attention_heatmap(frames: RunFrames) -> Figure:
    """Weight of each day of the window in the LSTM's forecast, origin by origin."""
    title = "days the LSTM attends to"
    if frames.attention is None or frames.attention.empty:
        return explained(
            frames, title, "No attention weights: the LSTM was not trained in this run, or its fit failed."
        )
    weights = frames.attention.sort_index().to_numpy(dtype=float)
    entropy = -np.sum(weights * np.log(np.clip(weights, 1e-12, None)), axis=1)
    subtitle = (
        f"{len(weights)} test origins; weights of one origin sum to 100 %. On average they are spread as if over "
        f"{np.exp(entropy).mean():.0f} of {weights.shape[1]} days (exponential of the entropy). "
        f"{skill_in_words(frames, 'enhanced_lstm')}"
    )
    figure = canvas(frames, title, subtitle, (11, 7.5))
    top, heat = figure.subplots(2, 1, height_ratios=[1, 2.4], sharex=True)
    _mean_attention(top, frames.attention)
    _heat(figure, heat, frames.attention.sort_index())
    return figure


def _mean_attention(axes: Axes, attention: pd.DataFrame) -> None:
    lags = attention.columns.to_numpy(dtype=int)
    low, middle, high = attention.quantile([0.1, 0.5, 0.9]).to_numpy()
    axes.fill_between(lags, low, high, step="mid", color=COLOURS["enhanced_lstm"], alpha=0.25, linewidth=0)
    axes.step(lags, middle, where="mid", color=COLOURS["enhanced_lstm"], linewidth=1.8)
    axes.axhline(1 / len(lags), **ZERO_LINE)
    axes.text(lags[0], 1 / len(lags), "equal weights", fontsize=8.5, va="bottom", color=INK)
    tidy(axes, "median and middle 80 % of origins", "", "weight")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=1))
    axes.set_ylim(0, 1.1 * max(high.max(), 1 / len(lags)))


def _heat(figure: Figure, axes: Axes, attention: pd.DataFrame) -> None:
    weights = attention.to_numpy(dtype=float)
    first, last = float(attention.columns[0]), float(attention.columns[-1])
    highest = max(float(np.quantile(weights, 0.995)), 1e-9)
    extent = (first - 0.5, last + 0.5, len(weights) - 0.5, -0.5)
    image = axes.imshow(
        weights, aspect="auto", cmap="cividis", vmin=0, vmax=highest, extent=extent, interpolation="nearest"
    )
    rows = np.unique(np.linspace(0, len(weights) - 1, min(8, len(weights))).round().astype(int))
    axes.set_yticks(rows, [f"{attention.index[row]:%Y-%m-%d}" for row in rows])
    axes.tick_params(labelsize=8.5, colors=MUTED)
    axes.set_xlabel("day of the window (0 is the origin, the last closed day)", fontsize=9)
    axes.set_ylabel("origin", fontsize=9)
    bar = figure.colorbar(image, ax=axes, format=PercentFormatter(1.0, decimals=1), extend="max", pad=0.01)
    bar.set_label("weight", fontsize=9)
    bar.ax.tick_params(labelsize=8.5)


def feature_importance(frames: RunFrames) -> Figure:
    """The 30 columns by which LightGBM's trees gain most, and which summaries of the window they are."""
    title = f"LightGBM, top {N_FEATURES} features by gain"
    if frames.importance is None or frames.importance.empty:
        return explained(
            frames, title, "No feature importance: LightGBM was not trained in this run, or its fit failed."
        )
    shares = _gain_shares(frames.importance)
    if not shares.to_numpy().any():
        return explained(
            frames, title, "LightGBM's trees never split: no feature helped, and the forecast is a constant."
        )
    top = shares.groupby(["feature", "summary"]).mean().loc[lambda s: s.sum(axis=1).nlargest(N_FEATURES).index]
    top = top[top.sum(axis=1) > 0]
    used = int((shares.sum(axis=1) > 0).sum())
    subtitle = (
        f"Share of a horizon's total gain, mean over horizons; {used} of {len(shares)} columns are used at all. "
        f"Gain says what the trees used in training, not that it helps. {skill_in_words(frames, 'lightgbm')}"
    )
    figure = canvas(frames, title, subtitle, (12, 2.4 + 0.25 * len(top)))
    left, right = figure.subplots(1, 2, width_ratios=[2.6, 1])
    names = [f"{feature} · {summary}" for feature, summary in top.index]
    _stacked(left, top / len(frames.horizons), names, "columns (feature · summary of the window)")
    by_summary = shares.groupby("summary").sum().loc[lambda s: s.sum(axis=1).sort_values(ascending=False).index]
    _stacked(right, by_summary / len(frames.horizons), list(by_summary.index), "by summary, all columns")
    colors = zip(shares.columns, HORIZON_COLOURS, strict=False)
    legend_below(figure, [handle(ahead(int(h)), color=color, linewidth=7) for h, color in colors])
    return figure


def _gain_shares(importance: pd.DataFrame) -> pd.DataFrame:
    """Each column's share of its horizon's gain: `(feature, summary)` by horizon; 0 where a booster never split."""
    gain = importance.pivot_table(index=["feature", "summary"], columns="horizon", values="gain", aggfunc="sum").fillna(
        0.0
    )
    return gain / gain.sum().replace(0.0, 1.0)


def _stacked(axes: Axes, shares: pd.DataFrame, names: list[str], title: str) -> None:
    left = np.zeros(len(shares))
    for column, color in zip(shares, HORIZON_COLOURS, strict=False):
        width = shares[column].to_numpy()
        axes.barh(range(len(shares)), width, left=left, height=0.75, color=color)
        left += width
    tidy(axes, title, "share of gain")
    axes.grid(visible=False, axis="y")
    axes.set_yticks(range(len(shares)), names)
    axes.set_xlim(0, 1.05 * left.max())
    axes.locator_params(axis="x", nbins=5)
    axes.set_ylim(len(shares) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))


def ensemble_weights(frames: RunFrames) -> Figure:
    """How much each member, and the zero forecast, counts: now, and over time with the market's regime."""
    title = "ensemble weights"
    if not frames.ensemble:
        return explained(frames, title, "No ensemble: it was switched off, or no model survived to be combined.")
    e = frames.ensemble
    worth = skill_in_words(frames, ENSEMBLE) if ENSEMBLE in frames.scored else ""
    reasons = [e["why"], e.get("fallback_reason") if e.get("fallback") else None]
    subtitle = " ".join([f"Method: {e['method']}.", *(f"{r.rstrip('.')}." for r in reasons if r), worth])
    has_path = frames.weights is not None and not frames.weights.empty
    figure = canvas(frames, title, subtitle, (14 if has_path else 9, 1.9 + 2.2 * len(frames.horizons)))
    widths = [1, 2.2] if has_path else [1]
    grid = figure.subplots(len(frames.horizons), len(widths), squeeze=False, width_ratios=widths)
    members = _members(frames)
    for row, h in zip(grid, frames.horizons, strict=True):
        _weights_now(row[0], frames, h, members)
        if has_path:
            _weight_path(row[1], frames, h, members)
    grid[-1, 0].set_xlabel(
        "share of the meta-learner's gain" if e["method"] == "stack" else "weight, last origin", fontsize=9
    )
    entries = [handle(label(m), color=COLOURS.get(m, MUTED), linewidth=7) for m in members]
    legend_below(figure, entries + (_regime_handles(frames) if has_path else []))
    return figure


def _members(frames: RunFrames) -> list[str]:
    """Everything with a weight somewhere, in the usual order, zero last."""
    named = {member for h in frames.horizons for member in _of_horizon(frames.ensemble or {}, h)}
    if frames.weights is not None:
        named |= set(frames.weights.columns) - {"cutoff", "horizon", "regime"}
    known = [m for m in (*MODELS, "ridge", "mean", "zero") if m in named]
    return known + sorted(named - set(known))


def _weights_now(axes: Axes, frames: RunFrames, horizon: int, members: list[str]) -> None:
    weights = _of_horizon(frames.ensemble or {}, horizon)
    values = [float(np.nan_to_num(weights.get(m, 0.0))) for m in members]
    axes.barh(range(len(members)), values, color=[COLOURS.get(m, MUTED) for m in members], height=0.72)
    for place, value in enumerate(values):
        axes.text(value + 0.01, place, f"{value:.1%}", va="center", fontsize=8.5, color=INK)
    tidy(axes, ahead(horizon))
    axes.grid(visible=False, axis="y")
    axes.set_yticks(range(len(members)), [label(m) for m in members])
    axes.set_ylim(len(members) - 0.4, -0.6)
    axes.set_xlim(0, max(*values, 0.1) * 1.25)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))


def _of_horizon(ensemble: dict[str, Any], horizon: int) -> dict[str, float]:
    """Weights of one horizon, zero's among them; the horizon may have been through JSON."""
    by_horizon: dict[int, dict[str, float]] = {int(h): weights for h, weights in ensemble["weights"].items()}
    on_zero = {int(h): weight for h, weight in (ensemble.get("weight_on_zero") or {}).items()}
    return {"zero": on_zero.get(horizon) or 0.0} | by_horizon.get(horizon, {})


def _weight_path(axes: Axes, frames: RunFrames, horizon: int, members: list[str]) -> None:
    path = frames.weights if frames.weights is not None else pd.DataFrame()
    path = path[path["horizon"] == horizon].sort_values("cutoff")
    present = [m for m in members if m in path]
    days = pd.to_datetime(path["cutoff"]).to_numpy()
    shares = path[present].fillna(0.0).to_numpy(dtype=float).T
    colors = [COLOURS.get(m, MUTED) for m in present]
    axes.stackplot(days, shares, colors=colors, edgecolor="white", linewidth=0.4)
    tidy(axes, f"{ahead(horizon)}, by origin", "", "weight")
    for regime, color in REGIMES.items():
        axes.fill_between(
            days, 1.02, 1.1, where=(path["regime"] == regime).to_numpy(), color=color, step="post", linewidth=0
        )
    axes.set_ylim(0, 1.12)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    locator: Any = dates.AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    if len(days) > 1:
        axes.set_xlim(days[0], days[-1])
    test = frames.forecasts.loc[frames.forecasts["part"] == "test", "cutoff"].min()
    if len(days) and days[0] < test <= days[-1]:
        axes.axvline(test, color=INK, linewidth=1)
        axes.text(test, 0.98, " test begins", fontsize=8.5, va="top", color=INK)


def _regime_handles(frames: RunFrames) -> list[Any]:
    seen = set() if frames.weights is None else set(frames.weights["regime"])
    return [handle(f"regime: {r.replace('_', '-')}", color=c, linewidth=7) for r, c in REGIMES.items() if r in seen]
