"""A file of bars, read into a frame whose index is the day and whose columns are numbers."""

import io
from pathlib import Path

import pandas as pd
import pyarrow as pa

from forecaster.market.errors import BarsError

REQUIRED = ("open", "high", "low", "close", "volume")
SUFFIXES = (".parquet", ".csv")


def find_file(data_dir: Path, coin: str) -> Path:
    """The one file that holds the bars of `coin`.

    Raises:
        BarsError: if the folder does not exist, or holds neither or both of `{coin}.parquet` and `{coin}.csv`.
    """
    if not data_dir.is_dir():
        raise BarsError(f"Expected an existing folder of bars. Received: {data_dir}. Create it, or correct the path.")
    found = [file for suffix in SUFFIXES if (file := data_dir / f"{coin}{suffix}").is_file()]
    if len(found) == 1:
        return found[0]
    problem = "both are there: remove one" if found else f"neither is in {data_dir}: add one, or leave {coin} out"
    raise BarsError(f"Expected either {coin}.parquet or {coin}.csv. Received: {problem}.")


def read_table(content: bytes, suffix: str) -> tuple[pd.DataFrame, list[str]]:
    """Columns in lower case as float64, index `date` at UTC midnight without zone, rows as they come; and findings.

    A cell of a required column that is no number becomes NaN, which the checks refuse if the row is in use.

    Raises:
        BarsError: if the file is unreadable, lacks a column, or has a date that is none.
    """
    frame = _dated(_lower_case(_parse(content, suffix)))
    missing = [name for name in REQUIRED if name not in frame]
    if missing:
        raise BarsError(
            f"Expected the columns date, {', '.join(REQUIRED)}. Received: {', '.join(frame.columns) or 'none'}; "
            f"missing: {', '.join(missing)}. Rename or add them."
        )
    return _numeric(frame)


def _parse(content: bytes, suffix: str) -> pd.DataFrame:
    read = pd.read_parquet if suffix == ".parquet" else pd.read_csv
    try:
        return read(io.BytesIO(content))
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BarsError(
            f"Expected a readable {suffix[1:]} file. Received: {len(content)} bytes, and reading fails: {reason}. "
            "The file may be truncated: write it anew."
        ) from error


def _lower_case(frame: pd.DataFrame) -> pd.DataFrame:
    frame.columns = pd.Index([_lower(name) for name in frame.columns])
    holds_days = isinstance(frame.index, pd.DatetimeIndex) or _lower(frame.index.name) == "date"
    if holds_days and "date" not in frame:
        frame = frame.rename_axis("date").reset_index()
    twice = frame.columns[frame.columns.duplicated()].unique()
    if len(twice):
        raise BarsError(f"Expected each column once, whatever its case. Received twice: {', '.join(twice)}. Drop one.")
    return frame


def _lower(name: object) -> str:
    return str(name).strip().lower()


def _dated(frame: pd.DataFrame) -> pd.DataFrame:
    if "date" not in frame:
        raise BarsError(
            f"Expected a column or an index named `date`. Received: {', '.join(frame.columns) or 'none'}. Rename it."
        )
    dates = frame["date"]
    if pd.api.types.is_numeric_dtype(dates):
        raise BarsError(
            f"Expected dates as YYYY-MM-DD or timestamps. Received: numbers, first {dates.iloc[:1].tolist()}. Convert."
        )
    # Naive dates are taken as UTC; others are converted.
    stamps = pd.to_datetime(dates, utc=True, errors="coerce", format=None if _is_stamp(dates) else "ISO8601")
    days = pd.DatetimeIndex(stamps.dt.tz_localize(None).dt.as_unit("us"), name="date")
    bad = days.isna() | (days != days.normalize())
    if bad.any():
        row = int(bad.argmax())
        raise BarsError(
            f"Expected a UTC midnight, such as 2024-05-01, in every row. Received: {dates.iloc[row]} in row {row + 1}"
            f"{f' and {bad.sum() - 1} more like it' if bad.sum() > 1 else ''}. Stamp each daily bar with its UTC day."
        )
    return frame.drop(columns="date").set_index(days)


def _is_stamp(dates: pd.Series) -> bool:
    return pd.api.types.is_datetime64_any_dtype(dates)


def _numeric(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    required = {name: pd.to_numeric(frame[name], errors="coerce") for name in REQUIRED}
    further = [name for name in frame.columns if name not in REQUIRED]
    numbers = [name for name in further if pd.api.types.is_numeric_dtype(frame[name])]
    texts = [name for name in further if name not in numbers]
    found = [f"Columns without numbers are left out: {', '.join(texts)}."] if texts else []
    table = pd.DataFrame(required | {name: frame[name] for name in numbers}, index=frame.index)
    return table.astype("float64"), found
