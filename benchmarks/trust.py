"""Whether forecasts can be trusted: intervals that hold what they promise, and a point forecast that does no harm.

    python -m benchmarks.trust --data-dir DIR [--runs ARTIFACTS_DIR] [--as-of 2025-12-30] [--to FILE]

Intervals are computed here from bars, over all days, and scored on test beside quantiles of the last 365 days,
quantiles of train and an anchor of known parts (`benchmarks/trust_rivals.py`). Point forecasts are those that nights
have stored in `--runs`; with them the intervals stand around what was shipped, without around zero. Nothing is trained:
it takes about a minute. `--part val` scores val, on which choices are made: test is for the end. What is kept of a
planted signal tells `benchmarks.signals --ensemble`. Exits 1 on a missed must.
"""

import sys
from datetime import date, datetime
from pathlib import Path

import click

from benchmarks import trust_intervals, trust_points
from benchmarks.measure import Figure, conclude, table
from forecaster.market import load_bars
from forecaster.settings import COINS, HORIZONS, DataConfig


@click.command(help=__doc__)
@click.option("--data-dir", type=click.Path(path_type=Path, exists=True), required=True, help="Folder of daily bars.")
@click.option("--runs", type=click.Path(path_type=Path, exists=True), help="Artifacts of nights on the same bars.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Last day of bars.")
@click.option("--coins", default=",".join(COINS))
@click.option("--part", type=click.Choice(["val", "test"]), default="test")
@click.option("--to", type=click.Path(path_type=Path), help="Where the figures go, as JSON.")
def main(data_dir: Path, runs: Path | None, as_of: datetime | None, coins: str, part: str, to: Path | None) -> None:
    """See the module."""
    stored = {coin: trust_points.read_run(runs, coin) for coin in coins.split(",")} if runs else {}
    bars: list[Figure] = []
    if stored:
        scored = trust_points.table_of(stored.values(), part)
        bars += trust_points.figures(list(stored.values()), scored, part)
        print(table(trust_points.summary(scored)))
    data = DataConfig(data_dir=data_dir, as_of=_day(as_of))
    cases = []
    for coin in coins.split(","):
        centre = stored[coin].centre if coin in stored else None
        cases += trust_intervals.cases_of(coin, load_bars(coin, data).frame, centre, part, HORIZONS)
    bars += trust_intervals.figures(cases)
    sys.exit(conclude(f"Forecasts one can trust, {part}", [trust_intervals.row_of(c) for c in cases], bars, to))


def _day(stamp: datetime | None) -> date | None:
    return None if stamp is None else stamp.date()


if __name__ == "__main__":
    main()
