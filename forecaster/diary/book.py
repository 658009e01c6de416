"""The diary itself: a file per coin and kind of market, to which forecasts are added and in which none is changed."""

import os
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock

from forecaster.store import sha256_of, write_text, write_whole

KEYS = ["coin", "source", "cutoff", "horizon"]
TOLD = ["close", "log_return", "lower_80", "upper_80", "lower_90", "upper_90"]  # equal in what is said twice
SAME = 1e-6  # relative difference of numbers that agree: networks are not exact beyond
SIMULATED = "simulated"  # folder of those that no real market stands behind


class DiaryError(ValueError):
    """A diary cannot be read; it is left as it is, and the message says what to do."""


def diary_path(artifacts_dir: Path, coin: str, simulated: bool) -> Path:
    """A coin's diary: `forecasts/{coin}.parquet` beside the artifacts, simulated ones in a folder of their own."""
    folder = Path(os.path.normpath(Path(artifacts_dir) / ".." / "forecasts"))
    return (folder / SIMULATED if simulated else folder) / f"{coin}.parquet"


def read_diary(path: Path) -> pd.DataFrame:
    """All forecasts issued, oldest first; an empty frame if there is no diary yet.

    Raises:
        DiaryError: if the file is no diary, or is gone while its JSON is there.
    """
    in_json = path.with_suffix(".json")
    is_told = in_json.is_file()  # looked at first: of a diary that is just begun it is written last
    if not path.is_file():
        if is_told:
            raise DiaryError(
                f"Expected the diary {path} beside {in_json}. Received: the latter alone. Put the former back, or move "
                "the latter away: a new diary is begun."
            )
        return pd.DataFrame()
    try:
        rows = pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise DiaryError(
            f"Expected a diary of forecasts. Received: {path}, which cannot be read ({error}). Put a copy of it back, "
            f"or move it and {in_json.name} away: a new one is begun."
        ) from error
    if missing := {*KEYS, *TOLD, "served", "issued"} - set(rows.columns):
        raise DiaryError(f"Expected a diary of forecasts. Received: {path} without {', '.join(sorted(missing))}.")
    return rows


def enter(path: Path, rows: pd.DataFrame, issued: datetime) -> int:
    """Add those of `rows` that are not there yet, as issued now, in parquet and beside it in JSON; return how many.

    The last word on a day is not said twice. What other models say is another forecast, and so is what the same models
    say of revised bars, or once they serve again after others.
    Forecasts that their own models could look up are none, and are left out. A reader sees the old files or the new
    ones, whole; of two writers one waits.

    Raises:
        DiaryError: if there is no diary where one was, or a file that is none; nothing is written then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.stem}.lock")):
        for draft in path.parent.glob(f".{path.stem}.*.*"):  # of a writer that was killed: no other holds the lock
            draft.unlink(missing_ok=True)
        known = read_diary(path)
        new = _not_in(known, rows[rows["cutoff"] >= rows["trained_until"]])
        whole = known
        if len(new):
            stamped = new.assign(issued=pd.Timestamp(issued).tz_localize(None))
            whole = stamped if known.empty else pd.concat([known, stamped], ignore_index=True)
            write_whole(path, lambda beside: whole.to_parquet(beside))
        _tell_in_json(path, whole)
    return len(new)


def _tell_in_json(path: Path, whole: pd.DataFrame) -> None:
    """Write the JSON unless it is there and newer: a writer may have ended between the two files."""
    in_json = path.with_suffix(".json")
    if path.is_file() and not (in_json.is_file() and in_json.stat().st_mtime_ns >= path.stat().st_mtime_ns):
        write_text(in_json, f"{whole.to_json(orient='records', date_format='iso', indent=1)}\n")


def digest_of_diary(path: Path) -> str:
    """What stands for the diary in a cache key."""
    return sha256_of(path) if path.is_file() else "none"


def _not_in(known: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    if known.empty:
        return rows
    last = known.drop_duplicates(KEYS, keep="last").set_index(KEYS)
    before = last.reindex(pd.MultiIndex.from_frame(rows[KEYS]))
    agrees = np.isclose(rows[TOLD].to_numpy(float), before[TOLD].to_numpy(float), rtol=SAME, atol=0).all(axis=1)
    new: pd.DataFrame = rows.loc[~(agrees & (rows["served"].to_numpy() == before["served"].to_numpy()))]
    return new
