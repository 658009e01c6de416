"""The price of the last months, and the fan of where it may go."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import matplotlib.dates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from forecaster.intervals import quantile_column
from forecaster.names import ahead, price
from forecaster.plots.style import HORIZON_COLOURS, INK, MUTED, ZERO_LINE, canvas, handle, legend_below, tidy

N_DAYS = 90  # of history
BANDS = {0.9: 0.16, 0.8: 0.22, 0.5: 0.34}  # level -> opacity; they lie upon each other
BAND = HORIZON_COLOURS[0]
dates: Any = matplotlib.dates  # which has no types


@dataclass(frozen=True)
class Fan:
    """One coin's forecasts and the closes before them.

    Attributes:
        rows: a row per horizon, as they enter the diary.
        closes: close by day.
    """

    rows: pd.DataFrame
    closes: "pd.Series[float]"

    @property
    def coin(self) -> str:
        """Ticker."""
        return str(self.rows["coin"].iloc[0])

    @property
    def as_of(self) -> date:
        """The day from which is forecast."""
        return pd.Timestamp(self.rows["cutoff"].iloc[0]).date()

    @property
    def simulated(self) -> bool:
        """Whether the bars are made up."""
        return bool(self.rows["simulated"].iloc[0])

    def path(self, level: float) -> pd.Series:
        """Price at one quantile by day: today's close, then one point per horizon."""
        row = self.rows.sort_values("horizon")
        prices = row["close"] * np.exp(row[quantile_column(level)])
        start = pd.Series([row["close"].iloc[0]], pd.DatetimeIndex([row["cutoff"].iloc[0]]))
        return pd.concat([start, pd.Series(prices.to_numpy(), pd.DatetimeIndex(row["target_day"]))])


def fan_chart(fan: Fan) -> Figure:
    """Price of the last 90 days; median, 50, 80 and 90 % intervals at each horizon, straight lines between them."""
    first = fan.rows.sort_values("horizon").iloc[0]
    subtitle = (
        f"Regime {str(first['regime']).replace('_', '-')}; the models know the bars up to "
        f"{pd.Timestamp(first['trained_until']).date()}. Bands hold 50, 80 and 90 % of what may come, if the future is "
        "like the past; between the horizons they are drawn straight. Logarithmic price axis."
    )
    if warnings := str(first["warnings"]):
        subtitle += f" WARNING: {warnings}"
    figure = canvas(fan, "price forecast", subtitle, (11, 6.2))
    axes = tidy(figure.subplots(), "", "", "price")
    _draw_history(axes, fan)
    _draw_fan(axes, fan)
    _label_horizons(axes, fan)
    _price_axis(axes)
    legend_below(figure, _legend())
    return figure


def _number(day: Any) -> Any:
    """A day, or many, on the x axis."""
    return dates.date2num(day)


def _draw_history(axes: Axes, fan: Fan) -> None:
    shown = fan.closes.iloc[-N_DAYS:]
    axes.plot(_number(shown.index), shown.to_numpy(), color=INK, linewidth=1.6, zorder=4)
    axes.axvline(_number(fan.as_of), color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)


def _draw_fan(axes: Axes, fan: Fan) -> None:
    for level, opacity in BANDS.items():
        tail = (1 - level) / 2
        lower, upper = fan.path(round(tail, 2)), fan.path(round(1 - tail, 2))
        at = _number(lower.index)
        axes.fill_between(at, lower.to_numpy(), upper.to_numpy(), color=BAND, alpha=opacity, linewidth=0, zorder=2)
    median = fan.path(0.5)
    axes.plot(_number(median.index), median.to_numpy(), "o-", color=BAND, markersize=4, linewidth=1.6, zorder=5)
    flat = [fan.closes.iloc[-1]] * 2
    axes.plot(_number(median.index[[0, -1]]), flat, **{**ZERO_LINE, "color": MUTED, "linewidth": 1.0}, zorder=3)


def _label_horizons(axes: Axes, fan: Fan) -> None:
    """Horizon, expected price and 90 % interval, above each horizon's band; the nearest ones make room."""
    place: dict[str, Any] = {"textcoords": "offset points", "fontsize": 8, "color": INK, "va": "bottom", "zorder": 6}
    place["bbox"] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "boxstyle": "round,pad=0.15"}
    for i, row in enumerate(fan.rows.sort_values("horizon").to_dict("records")):
        held = f"{price(row['lower_90'])} to {price(row['upper_90'])}"
        text = f"{ahead(int(row['horizon']))}: expected {price(row['price'])}\n90 %: {held}"
        alone = i == len(fan.rows) - 1
        offset = (6, -4) if alone else (-118, 26 + 34 * i)
        arrow = None if alone else {"arrowstyle": "-", "color": MUTED, "linewidth": 0.7}
        at = (_number(row["target_day"]), row["price"] if alone else row["upper_90"])
        axes.annotate(text, at, offset, arrowprops=arrow, annotation_clip=False, **place)


def _price_axis(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=8))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: price(value)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.01)
    locator = dates.AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))


def _legend() -> list[Any]:
    seen, bands = 1.0, []
    for level, opacity in BANDS.items():
        seen *= 1 - opacity  # narrow bands lie upon wide ones
        bands.append(Patch(color=BAND, alpha=1 - seen, linewidth=0, label=f"{100 * level:.0f} %"))
    return [
        handle("close", color=INK, linewidth=1.6),
        handle("median of the intervals", color=BAND, marker="o", markersize=4),
        handle("no change", **{**ZERO_LINE, "color": MUTED}),
        *bands,
    ]
