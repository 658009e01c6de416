"""What was issued, in the report, on the run's page and in the terminal."""

from collections.abc import Iterable, Mapping
from typing import Any

from forecaster.names import NOTHING, ahead, days, label, percent, price, share
from forecaster.report.tables import table

HEADER = ("horizon", "expected return", "expected price", "80 % interval", "90 % interval")
LIVE_HEADER = (
    "horizon",
    "graded",
    "90 % covers (promised)",
    "80 % covers (promised)",
    "interval score (promised)",
    "skill vs zero (promised)",
    "waiting",
)
Entry = Mapping[str, Any]


def forecast_section(coin: str, entry: Entry | None) -> str:
    """The forecasts as markdown; empty where there are none."""
    if not entry:
        return ""
    names = {True: "**{name}**", False: "{name}"}
    found = [f"- {names[g['alarm']].format(name=g['name'])}: {g['says']}" for g in entry["guards"]]
    return "\n\n".join(
        [
            "## Forecast",
            _told(coin, entry),
            table(HEADER, _rows(entry)),
            "Looked at beside it (bold: trust it less):\n\n" + "\n".join(found),
            "### Forecasts issued so far",
            *_live(entry),
        ]
    )


def forecast_lines(coin: str, entry: Entry) -> list[str]:
    """The forecasts as lines for a terminal."""
    simulated = "SIMULATED DATA. " if entry["simulated"] else ""
    rows = [HEADER, *_rows(entry)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
    aligned = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    warnings = [f"WARNING: {guard['says']}" for guard in entry["guards"] if guard["alarm"]]
    return [f"{simulated}{_told(coin, entry)}", *(f"  {line}" for line in aligned), *warnings, *_live_lines(entry)]


def _told(coin: str, entry: Entry) -> str:
    which = "champion" if entry["promoted"] else "latest run"
    distance = entry["distance_quantile"]
    return (
        f"{coin} from the close of {entry['cutoff']}, {price(entry['close'])}, by {label(entry['shipped'])} of run "
        f"{entry['run']} ({which}). Regime: {str(entry['regime']).replace('_', '-')}. The models know the bars up to "
        f"{entry['trained_until']}{_age(int(entry['model_age_days']))}. The window lies farther out than "
        f"{share(distance)} of those in training."
    )


def _age(n_days: int) -> str:
    if n_days < 0:
        return f", {days(-n_days)} after that close"
    return f": {days(n_days) if n_days else '0 days'} old"


def _rows(entry: Entry) -> list[tuple[str, ...]]:
    return [
        (
            ahead(int(h)),
            f"{100 * row['log_return']:+.2f} %",
            price(row["price"]),
            f"{price(row['lower_80'])} to {price(row['upper_80'])}",
            f"{price(row['lower_90'])} to {price(row['upper_90'])}",
        )
        for h, row in entry["horizons"].items()
    ]


def _live(entry: Entry) -> Iterable[str]:
    """The grades of forecasts whose day has come, beside what had been promised."""
    if not entry["live"]:
        return ["None is in the diary yet."]
    rows = [(ahead(int(h)), *_live_cells(each)) for h, each in entry["live"].items()]
    return [table(LIVE_HEADER, rows), " ".join([f"Diary: `{entry['diary']}`.", *_reservations(entry)])]


def _live_cells(live: Mapping[str, Any]) -> tuple[Any, ...]:
    told = live["promised"]
    return (
        live["n"],
        *(f"{share(live[name])} ({share(told[name])})" for name in ("coverage_90", "coverage_80")),
        f"{_number(live['interval_score_90'])} ({_number(told['interval_score_90'])})",
        f"{percent(live['skill_vs_zero'])} ({percent(told['skill_vs_zero'])})",
        live["n_waiting"],
    )


def _live_lines(entry: Entry) -> list[str]:
    lines = [
        f"Live, {ahead(int(h))}: {live['n']} graded, 90 % interval held {share(live['coverage_90'])} (promised "
        f"{share(live['promised']['coverage_90'])}), skill {percent(live['skill_vs_zero'])} (promised "
        f"{percent(live['promised']['skill_vs_zero'])})"
        for h, live in entry["live"].items()
        if live["n"]
    ]
    return [*lines, *_reservations(entry)]


def _reservations(entry: Entry) -> list[str]:
    """What to bear in mind when reading the grades."""
    lives = entry["live"].values()
    n, replayed, revised = (sum(live[name] for live in lives) for name in ("n", "n_replayed", "n_revised"))
    told = []
    if n:
        told.append("A few dozen forecasts cannot tell a good interval from a bad one." if n < 300 else "")
    if replayed:
        told.append(f"Made late, from bars cut at an earlier day: {replayed}, which do not count.")
    if revised:
        told.append(f"{revised} of {n} were issued with a close that has been revised since; the bars of today count.")
    return [line for line in told if line]


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4f}"
