"""Daily bars to 150+ columns, one file per category of columns.

Every column of day `t` uses days `<= t` only, and none of them knows the price level: a model that learned at 10,000
can be asked at 100,000. NaN means that history is too short, nothing else.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd

from forecaster.features import (
    calendar,
    momentum,
    moving_average,
    price,
    regime,
    statistical,
    volatility,
    volume,
)
from forecaster.features.cross_asset import COLUMNS as CROSS_ASSET_COLUMNS
from forecaster.features.cross_asset import cross_asset, cross_asset_columns

OHLCV = ("open", "high", "low", "close", "volume")

CATEGORIES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "price": price.features,
    "moving_average": moving_average.features,
    "momentum": momentum.features,
    "volatility": volatility.features,
    "volume": volume.features,
    "statistical": statistical.features,
    "calendar": calendar.features,
    "regime": regime.features,
}

__all__ = ["CATEGORIES", "category_of", "columns_of", "cross_asset", "cross_asset_columns", "engineer"]


def engineer(bars: pd.DataFrame) -> pd.DataFrame:
    """All columns but the cross-asset ones, for every day of `bars`: `(n_days, 150+)` float64, never infinite.

    Args:
        bars: `open high low close volume`, one row per day without gaps; further numeric columns pass through at the
            end, as `extra_{name}` if a column of ours has their name.

    Raises:
        ValueError: if a column is missing, rows are out of order, or a price or volume is missing or impossible.
    """
    _require_usable(bars)
    own = pd.concat([make(bars) for make in CATEGORIES.values()], axis=1)
    further = bars.drop(columns=list(OHLCV)).astype("float64")
    return pd.concat([own, further.rename(columns={name: f"extra_{name}" for name in further if name in own})], axis=1)


@cache
def columns_of(category: str) -> tuple[str, ...]:
    """Names of the columns of one category: they do not depend on the bars."""
    if category == "cross_asset":
        return CROSS_ASSET_COLUMNS
    one_day = pd.DataFrame(1.0, index=pd.DatetimeIndex(["2020-01-01"], name="date"), columns=list(OHLCV))
    return tuple(CATEGORIES[category](one_day).columns)


def category_of(column: str) -> str:
    """Category of an engineered column; `"extra"` for one that the input brought along."""
    for category in (*CATEGORIES, "cross_asset"):
        if column in columns_of(category):
            return category
    return "extra"


def _require_usable(bars: pd.DataFrame) -> None:
    missing = [name for name in OHLCV if name not in bars]
    if missing:
        raise ValueError(f"Expected the columns {', '.join(OHLCV)}. Received: {', '.join(map(str, bars.columns))}")
    if bars.empty or not (
        isinstance(bars.index, pd.DatetimeIndex) and bars.index.is_monotonic_increasing and bars.index.is_unique
    ):
        raise ValueError(
            f"Expected at least one day, and days in order, each once. Received: {bars.index!r}. Use `load_bars`"
        )
    values = bars[list(OHLCV)].to_numpy()
    possible = np.isfinite(values).all(axis=1) & (values[:, :4] > 0).all(axis=1) & (values[:, 4] >= 0)
    if not possible.all():
        row = int((~possible).argmax())
        raise ValueError(
            "Expected finite positive prices and no negative volume on every day. "
            f"Received: {dict(zip(OHLCV, values[row].tolist(), strict=True))} on {bars.index[row].date()}. "
            "Load bars with `load_bars`, which mends or refuses such rows"
        )
