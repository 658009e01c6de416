"""Bars handed over in memory, read and checked as files that held them would be."""

import io
from collections.abc import Mapping
from datetime import date

import pandas as pd

from forecaster.market.checks import clean
from forecaster.market.errors import BarsError
from forecaster.market.files import read_table

COIN = "coin"


def by_coin(bars: pd.DataFrame | Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Bars as given, one frame per coin in capitals: a long frame is divided by its `coin` column.

    Raises:
        BarsError: if there is no such column, or no row.
    """
    if isinstance(bars, Mapping):
        return {str(coin).strip().upper(): frame for coin, frame in bars.items()}
    column = next((name for name in bars.columns if str(name).strip().lower() == COIN), None)
    if column is None or bars.empty:
        raise BarsError(
            "Expected daily bars of several coins below each other, with a column `coin`. Received: "
            f"{len(bars)} row(s) with the columns {', '.join(map(str, bars.columns)) or 'none'}. Add it."
        )
    coins = bars[column].astype(str).str.strip().str.upper()
    return {str(coin): _without_foreign(rows.drop(columns=column)) for coin, rows in bars.groupby(coins)}


def _without_foreign(rows: pd.DataFrame) -> pd.DataFrame:
    """Without columns that only other coins of a long frame have."""
    return rows.dropna(axis=1, how="all")


def checked_bars(coin: str, given: pd.DataFrame, today: date) -> pd.DataFrame:
    """Bars of one coin in order, without gaps, up to the day before `today`, whose own bar is not closed.

    Raises:
        BarsError: if a column is missing, a date is none, dates conflict or a value is impossible.
    """
    try:
        table, _ = read_table(_as_file(given), ".parquet")
        return clean(table[table.index < pd.Timestamp(today)])[0]
    except BarsError as error:
        raise BarsError(f"{coin}: {error}") from error


def _as_file(given: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    try:
        given.to_parquet(file)
    except (ValueError, TypeError) as error:  # pyarrow's errors are of these kinds
        raise BarsError(
            f"Expected one kind of value per column. Received: {error}. Convert dates and numbers first."
        ) from error
    return file.getvalue()
