"""What retraining bought: stored models of some days ago forecast the days since, beside newer ones and beside zero."""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.saving import MANIFEST
from forecaster.serving import load_run
from forecaster.serving.served_run import ServedRun
from forecaster.settings import Config
from forecaster.store import Artifact, Store, sha256_of
from forecaster.windows import LOG_CLOSE

KEYS = ["cutoff", "horizon"]
SHIPPED = "shipped"  # the column of what a run would have forecast
AGES = {
    1: (1, 3),
    7: (4, 14),
    30: (15, 60),
}  # days: the age that is meant, and the youngest and oldest that stand for it
OTHER_BARS = 0.01  # share of known returns that may differ before a run counts as one on other bars
SAME_RETURN = 1e-6


class EarlierRun(Config):
    """A stored run, `age` days older than the newest bars."""

    run: str
    folder: str
    manifest_sha256: str
    last: date
    age: int


class Replayed(Config):
    """Forecasts of `horizon` days from the days since one model's cut, by every model that is at least as old.

    Attributes:
        since: the cut: first origin.
        horizon: days ahead.
        n: labelled origins.
        zero: RMSE of the zero forecast on them; None without any.
        rmse: RMSE by age of the model, in days.
    """

    since: date
    horizon: int
    n: int
    zero: float | None
    rmse: dict[int, float]


class Retraining(Config):
    """What stored models of different ages would have forecast.

    Attributes:
        runs: those that were replayed, youngest first.
        rows: their losses.
        left_out: why others were not, a sentence each.
    """

    runs: tuple[EarlierRun, ...] = ()
    rows: tuple[Replayed, ...] = ()
    left_out: tuple[str, ...] = ()


def earlier_runs(artifacts_dir: Path, coin: str, source: str, last: date) -> tuple[EarlierRun, ...]:
    """Stored runs of about 1, 7 and 30 days before `last`, youngest first: of several on one day the newest.

    Only manifests are read, so that a night without such runs pays milliseconds.
    """
    known: dict[int, Path] = {}
    for manifest in sorted((Path(artifacts_dir) / coin).glob(f"*/{MANIFEST}")):
        if (told := _scope_and_day(manifest)) and told[0] == source:
            known[(last - told[1]).days] = manifest
    nearest = [_nearest(known, meant, *span) for meant, span in AGES.items()]
    return tuple(_earlier_run(known[age], coin, last, age) for age in nearest if age is not None)


def _scope_and_day(manifest: Path) -> tuple[str, date] | None:
    """What a manifest says of its run; None if it is damaged: what is saved tonight must not depend on it."""
    try:
        told = json.loads(manifest.read_text(encoding="utf-8"))
        return str(told["scope"]), date.fromisoformat(told["as_of"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _nearest(ages: Iterable[int], meant: int, youngest: int, oldest: int) -> int | None:
    inside = [age for age in ages if youngest <= age <= oldest]
    return min(inside, key=lambda age: (abs(age - meant), age), default=None)


def _earlier_run(manifest: Path, coin: str, last: date, age: int) -> EarlierRun:
    run = manifest.parent.name
    cut = date.fromordinal(last.toordinal() - age)
    return EarlierRun(run=run, folder=f"{coin}/{run}", manifest_sha256=sha256_of(manifest), last=cut, age=age)


def retraining_unit(root: Path, coin: str, runs: Sequence[EarlierRun], rows: Artifact) -> Retraining:
    """Replay stored serving models on the days since their cuts.

    Args:
        root: the store.
        coin: ticker.
        runs: whose models are replayed; one that cannot be is left out, with the reason.
        rows: features and `log_close` of every day up to now.
    """
    frame, replays, left_out = Store(root).frame(rows), {}, []
    for run in runs:
        try:
            replays[run.age] = replay(Path(root) / run.folder, frame, pd.Timestamp(run.last))
        except (ValueError, OSError) as error:
            left_out.append(f"The run {run.run} of {run.last} could not be replayed: {error}")
    replayed = [run for run in runs if run.age in replays]
    rows_found = [row for run in replayed for row in _compared(run, replays)]
    return Retraining(runs=tuple(replayed), rows=tuple(rows_found), left_out=tuple(left_out))


def _compared(run: EarlierRun, replays: dict[int, pd.DataFrame]) -> list[Replayed]:
    """One model's days: what it and all older ones forecast on them."""
    older = {age: frame.set_index(KEYS) for age, frame in replays.items() if age >= run.age}
    joined = pd.DataFrame({age: frame[SHIPPED] for age, frame in older.items()})
    joined.insert(0, "y", older[run.age]["y"])
    known = joined[joined.index.get_level_values("cutoff") >= pd.Timestamp(run.last)].dropna()
    horizons = sorted(set(joined.index.get_level_values("horizon")))
    return [_row(run.last, h, known[known.index.get_level_values("horizon") == h]) for h in horizons]


def _row(since: date, horizon: int, known: pd.DataFrame) -> Replayed:
    if known.empty:
        return Replayed(since=since, horizon=int(horizon), n=0, zero=None, rmse={})
    errors = {age: known["y"] - known[age] for age in known.columns if age != "y"}
    return Replayed(
        since=since,
        horizon=int(horizon),
        n=len(known),
        zero=_root_mean_square(known["y"]),
        rmse={int(age): _root_mean_square(error) for age, error in errors.items()},
    )


def _root_mean_square(values: "pd.Series[float]") -> float:
    return float(np.sqrt((values**2).mean()))


def replay(folder: Path, rows: pd.DataFrame, since: pd.Timestamp, judged: bool = False) -> pd.DataFrame:
    """What a stored run forecasts from the days since `since`, as far as it would have known at each day's close.

    Args:
        folder: of the run.
        rows: features and `log_close` by day, up to now.
        since: first origin.
        judged: by its judged models in place of those that were served.

    Returns:
        `cutoff, horizon, y` (NaN where not labelled yet), a column per model, and `shipped`.

    Raises:
        ValueError: if the run is altered, cannot be served, or was trained on other bars.
    """
    run, days = load_run(folder, judged), pd.DatetimeIndex(rows.index)
    log_close: pd.Series[float] = rows[LOG_CLOSE]
    _require_same_bars(run, log_close)
    wanted = np.asarray(days >= since) & (np.arange(len(days)) >= run.facts.lookback - 1)
    before = run.stored[run.stored["cutoff"] < since]
    walk = pd.concat([before[[*KEYS, *run.models]], run.fresh(rows, wanted)], ignore_index=True)
    walk["ds"] = walk["cutoff"] + pd.to_timedelta(walk["horizon"], unit="D")
    walk["y"] = _returns(walk, log_close)
    closes = pd.Series(np.exp(log_close.to_numpy()), index=days)
    walk[SHIPPED] = run.ensemble.predict(walk, closes) if run.ensemble else walk[run.shipped]
    return walk.loc[walk["cutoff"] >= since, [*KEYS, "y", *run.models, SHIPPED]].reset_index(drop=True)


def _require_same_bars(run: ServedRun, log_close: "pd.Series[float]") -> None:
    known = run.stored[np.isfinite(run.stored["y"])]
    differs = ~(abs(known["y"].to_numpy(float) - _returns(known, log_close)) <= SAME_RETURN)  # a missing day too
    if len(known) and differs.mean() > OTHER_BARS:
        raise ValueError(
            f"Expected a run on these bars. Received: one that knows other returns on {differs.mean():.0%} of its days."
        )


def _returns(frame: pd.DataFrame, log_close: "pd.Series[float]") -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    after, before = log_close.reindex(frame["ds"]), log_close.reindex(frame["cutoff"])
    return np.asarray(after.to_numpy(float) - before.to_numpy(float))
