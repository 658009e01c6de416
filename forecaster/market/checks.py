"""What daily bars must satisfy before anything learns from them.

What can be used safely is used, with a finding in words; what cannot is refused with the row and the remedy.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pandera.pandas as pa

from forecaster.market.errors import BarsError
from forecaster.market.files import REQUIRED

MAX_GAP_DAYS = 3  # a pause of up to this many days is bridged; history starts after the last longer one
WIDENING = 0.01  # vendors round high and low apart from open and close: so much is mended
EXTREME = 0.5  # absolute log-return worth a sentence
UNIT_FACTOR = 50  # between medians of adjacent windows: no market did that, a change of unit does
UNIT_WINDOW = 30  # days
MAX_NAMED = 5  # dates listed in one sentence

Findings = list[str]
Step = Callable[[pd.DataFrame], tuple[pd.DataFrame, Findings]]


def _reaches(frame: pd.DataFrame) -> pd.Series:
    return frame["high"] * (1 + WIDENING) >= frame[["open", "close", "low"]].max(axis=1)


def _stays_under(frame: pd.DataFrame) -> pd.Series:
    return frame["low"] * (1 - WIDENING) <= frame[["open", "close", "high"]].min(axis=1)


def _column(*checks: pa.Check) -> pa.Column:
    finite = pa.Check(np.isfinite, error="must be finite")
    return pa.Column("float64", [finite, *checks], nullable=False)


_positive = pa.Check.gt(0, error="must be positive")
SCHEMA = pa.DataFrameSchema(
    {name: _column(_positive) for name in ("open", "high", "low", "close")}
    | {"volume": _column(pa.Check.ge(0, error="must not be negative"))},
    checks=[
        pa.Check(_reaches, error="high must not be below open, close or low"),
        pa.Check(_stays_under, error="low must not be above open, close or high"),
    ],
    strict=False,
)


def clean(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Bars in order, one per day without gaps, each one possible; and what was done and noticed, one sentence each.

    Args:
        frame: float64 columns `open high low close volume` and others; index `date` at midnight, in any order.

    Raises:
        BarsError: if no rows are left, dates conflict, or a value is impossible.
    """
    findings: Findings = []
    for step in STEPS:
        if frame.empty:
            raise BarsError("Expected a daily bar on or before the as-of date. Received: none. Choose a later one.")
        frame, found = step(frame)
        findings += found
    return frame, tuple(findings)


def drop_repeated_rows(frame: pd.DataFrame) -> tuple[pd.DataFrame, Findings]:
    """Drop rows that repeat another in date and values; refuse two different bars of one day."""
    repeated = frame.reset_index().duplicated().to_numpy()
    kept = frame[~repeated]
    twice = kept.index[kept.index.duplicated()]
    if len(twice):
        raise BarsError(f"Expected one bar a day. Received: different bars for {_named(twice)}. Keep one of each.")
    if not repeated.any():
        return frame, []
    return kept, [f"Rows given more than once are used once: {_named(frame.index[repeated])}."]


def put_in_order(frame: pd.DataFrame) -> tuple[pd.DataFrame, Findings]:
    """Sort by date."""
    if frame.index.is_monotonic_increasing:
        return frame, []
    return frame.sort_index(), ["The rows were not in order of their dates: they are sorted."]


def start_after_long_gap(frame: pd.DataFrame) -> tuple[pd.DataFrame, Findings]:
    """Start after the last run of more than `MAX_GAP_DAYS` missing days: a return across it is no daily return."""
    missing = _missing_days_before(frame)
    long = np.flatnonzero(missing > MAX_GAP_DAYS)
    if not len(long):
        return frame, []
    start = long[-1]
    return frame.iloc[start:], [
        f"History starts on {_iso(frame.index[start])}: before it {missing[start]} days are missing, more than the "
        f"{MAX_GAP_DAYS} that can be bridged. {start} row(s) are left out."
    ]


def start_with_volume(frame: pd.DataFrame) -> tuple[pd.DataFrame, Findings]:
    """Start on the first day from which volume stays positive, but for pauses of up to `MAX_GAP_DAYS` rows."""
    traded = frame["volume"] > 0
    if not traded.any():
        raise BarsError("Expected positive volume on some day. Received: none. Supply volumes.")
    first = int(traded.to_numpy().argmax())
    run = (~traded).groupby(traded.cumsum()).transform("sum")  # length of the untraded run a row belongs to
    stopped = np.flatnonzero(~traded & (run > MAX_GAP_DAYS))
    start = max(first, stopped[-1] + 1 if len(stopped) else 0)
    if start == len(frame):
        raise BarsError(
            f"Expected positive volume up to the last row. Received: none since {_iso(frame.index[traded][-1])}. "
            "Supply the newest volumes, or choose an as-of date up to then."
        )
    return frame.iloc[start:], _on_volume(frame, start)


def _on_volume(frame: pd.DataFrame, start: int) -> Findings:
    findings = []
    if start:
        findings.append(
            f"History starts on {_iso(frame.index[start])}, from when on volume stays positive: {start} earlier row(s) "
            "are left out."
        )
    paused = frame.index[start:][frame["volume"].iloc[start:] == 0]
    return [*findings, f"Volume is zero, and is kept so, on {_named(paused)}."] if len(paused) else findings


def refuse_impossible(frame: pd.DataFrame) -> tuple[pd.DataFrame, Findings]:
    """Refuse rows with missing, infinite or impossible values, all named at once."""
    try:
        SCHEMA.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        raise BarsError(_explain(errors.failure_cases, frame)) from errors
    return frame, []


def _explain(cases: pd.DataFrame, frame: pd.DataFrame) -> str:
    cases = cases.assign(check=cases["check"].replace("not_nullable", "is missing or not a number"))
    cases = cases.drop_duplicates(["index", "check"]).sort_values("index", kind="stable")
    rows = [
        f"{_iso(day)} {rule if whole else f'{column} = {frame.loc[day, column]} {rule}'}"
        for day, column, rule, whole in zip(
            cases["index"], cases["column"], cases["check"], cases["schema_context"] == "DataFrameSchema", strict=True
        )
    ]
    more = f"; and {len(rows) - MAX_NAMED} more" if len(rows) > MAX_NAMED else ""
    return (
        "Expected finite positive prices, low <= open, close <= high, and no negative volume. Received: "
        f"{'; '.join(rows[:MAX_NAMED])}{more}. Correct these rows, or remove them: up to {MAX_GAP_DAYS} missing days "
        "in a row are bridged."
    )


def widen(frame: pd.DataFrame) -> tuple[pd.DataFrame, Findings]:
    """Let high and low enclose open and close where rounding kept them apart."""
    prices = frame[["open", "high", "low", "close"]]
    high, low = prices.max(axis=1), prices.min(axis=1)
    off = frame.index[(high > frame["high"]) | (low < frame["low"])]
    if not len(off):
        return frame, []
    return frame.assign(high=high, low=low), [
        f"High or low did not enclose open and close, by at most {WIDENING:.0%}, and was widened on {_named(off)}."
    ]


def bridge_gaps(frame: pd.DataFrame) -> tuple[pd.DataFrame, Findings]:
    """Fill missing days with flat bars at the last close and no volume: the move then falls on the next real bar.

    A filled day looks back only, so that the bars of a day never depend on later ones.
    """
    days = pd.date_range(frame.index[0], frame.index[-1], freq="D", name="date", unit="us")
    missing = days[~days.isin(frame.index)]
    if not len(missing):
        return frame, []
    filled = frame.reindex(days)
    further = [name for name in frame.columns if name not in REQUIRED]
    filled["close"] = filled["close"].ffill()
    for name in ("open", "high", "low"):
        filled[name] = filled[name].fillna(filled["close"])
    filled["volume"] = filled["volume"].fillna(0.0)
    filled.loc[missing, further] = filled[further].ffill().loc[missing]
    return filled, [f"Missing days are filled with the last close and no volume: {_named(missing)}."]


def without_infinities(frame: pd.DataFrame) -> tuple[pd.DataFrame, Findings]:
    """Take infinite values of further columns as missing."""
    infinite = pd.DataFrame(np.isinf(frame), frame.index, frame.columns)
    names = infinite.columns[infinite.any()]
    if not len(names):
        return frame, []
    return frame.mask(infinite), [f"Infinite values are taken as missing in {', '.join(names)}."]


def describe(frame: pd.DataFrame) -> tuple[pd.DataFrame, Findings]:
    """Name stale bars, extreme days and changes of the volume's unit; all are kept."""
    traded = frame["volume"] > 0
    stale = traded & (frame[["close", "volume"]].diff() == 0).all(axis=1)
    extreme = np.log(frame["close"]).diff().abs() > EXTREME
    sentences = {
        "Close and volume repeat the day before (stale, kept) on {}.": frame.index[stale],
        f"Close moved by more than {EXTREME} in log (kept) on {{}}.": frame.index[extreme],
        f"Volume rose or fell {UNIT_FACTOR}-fold, as if its unit had changed, about {{}}.": _unit_changes(frame),
    }
    return frame, [sentence.format(_named(days)) for sentence, days in sentences.items() if len(days)]


STEPS: tuple[Step, ...] = (
    drop_repeated_rows,
    put_in_order,
    start_after_long_gap,
    start_with_volume,
    refuse_impossible,
    widen,
    without_infinities,
    bridge_gaps,
    describe,
)


def _missing_days_before(frame: pd.DataFrame) -> np.ndarray:
    days = frame.index.to_numpy().astype("datetime64[D]").astype(int)
    return np.diff(days, prepend=days[:1] - 1) - 1


def _unit_changes(frame: pd.DataFrame) -> pd.Index:
    level = frame["volume"].rolling(UNIT_WINDOW).median()
    shift = np.log(level.where(level > 0)).diff(UNIT_WINDOW).abs()
    big = shift > np.log(UNIT_FACTOR)
    if not big.any():
        return frame.index[:0]
    peaks = shift[big].groupby((~big).cumsum()[big]).idxmax()
    return pd.DatetimeIndex(peaks) - pd.Timedelta(days=UNIT_WINDOW - 1)  # the newer window's first day


def _named(days: pd.Index) -> str:
    more = f" and {len(days) - MAX_NAMED} more" if len(days) > MAX_NAMED else ""
    return ", ".join(_iso(day) for day in days[:MAX_NAMED]) + more


def _iso(day: pd.Timestamp) -> str:
    return day.date().isoformat()
