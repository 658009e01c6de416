"""How the time of a whole run grows with coins, rows and features.

    python -m benchmarks.growth --to growth.json            about 15 minutes on 2 cores; draws growth.png beside it
    python -m benchmarks.growth --quick --to growth.json    about 4 minutes: fewer sizes, DLinear and LightGBM only

Each point is the command line `retrain` on simulated bars in a fresh folder with an empty cache, a few epochs, one
worker, so that what is added is work and not waiting. Wall clock and CPU seconds of the whole process tree count, of
the fastest of the rounds: other work on a machine only ever adds. Two exponents are held to the bar: that of the
power law through the points (1 is proportional; fixed costs, such as interpreters, server and imports, pull it down),
and, where an axis has three sizes, that of the last doubling, which something quadratic would bend upwards first.
What grows cannot be told apart from the fixed costs: where a doubling adds seconds, two rounds differ by as many.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.measure import Figure, conclude, watch
from benchmarks.orchestration import environment

# Two folds: with three, the first one of the shortest run would have too few days and be dropped.
COMMON = ("--epochs", "2", "--folds", "2", "--seq-length", "30", "--jobs", "1")
FEW_MODELS = ("--no-tcn", "--no-lstm", "--no-transformer")
COINS = ("BTC", "ETH", "LTC", "XRP")
DAYS, FEATURES = 2000, 40  # of a run that does not vary them
Run = tuple[int, int, int]  # coins, days and columns
SMALL = (1, 1500, 10)


@dataclass(frozen=True)
class Axis:
    """One thing that grows, and what else the runs have in common."""

    name: str
    sizes: tuple[int, ...]

    def run(self, size: int) -> Run:
        """Coins, days and columns at one size."""
        given = {"coins": 1, "days": DAYS, "features": FEATURES} | {self.name: size}
        return given["coins"], given["days"], given["features"]


AXES = (Axis("coins", (1, 2, 4)), Axis("days", (1500, 3000, 6000)), Axis("features", (40, 80, 160)))
QUICK = (Axis("coins", (1, 2)), Axis("days", (1500, 6000)), Axis("features", (40, 160)))


def write_bars(folder: Path, n_days: int) -> Path:
    """Files of simulated bars, as long as asked for."""
    from forecaster.market.simulated import simulate

    bars = folder / f"bars-{n_days}"
    if not bars.exists():
        bars.mkdir()
        for coin, frame in simulate(n_days=n_days).bars.items():
            frame.to_parquet(bars / f"{coin}.parquet")
    return bars


def measure(axes: Sequence[Axis], flags: Sequence[str], folder: Path, rounds: int) -> list[dict[str, Any]]:
    """A row per axis and size: the fastest of the rounds; a run that two axes share is run once a round."""
    _time(SMALL, flags, folder)  # not counted: it warms the disk
    runs = dict.fromkeys(axis.run(size) for axis in axes for size in axis.sizes)
    taken = [{run: _time(run, flags, folder) for run in runs} for _ in range(rounds)]
    wall, cpu = ({run: min(times[run][i] for times in taken) for run in runs} for i in (0, 1))
    sizes = [(axis, size, axis.run(size)) for axis in axes for size in axis.sizes]
    return [{"axis": axis.name, "size": size, "wall s": wall[run], "CPU s": cpu[run]} for axis, size, run in sizes]


def _time(run: Run, flags: Sequence[str], folder: Path) -> tuple[float, float]:
    n_coins, n_days, n_features = run
    here = Path(tempfile.mkdtemp(dir=folder))
    bars = write_bars(folder, n_days)
    command = [sys.executable, "-m", "flows.cli", *flags, "--data-dir", str(bars), "--as-of", "2025-12-31"]
    command += ["--crypto", ",".join(COINS[:n_coins]), "--max-features", str(n_features)]
    done = watch(command, here, environment(folder))
    if done.returncode:
        raise click.ClickException(f"Expected a run that ends well. Received: {done.output[-3000:]}")
    wall, cpu = done.wall, done.cpu_seconds()
    click.echo(f"{n_coins} coin(s), {n_days} days, {n_features} features: {wall:.0f} s, CPU {cpu:.0f} s", err=True)
    return wall, cpu


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Of the power law through the points, by least squares of logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def figures(rows: Sequence[dict[str, Any]]) -> list[Figure]:
    """Exponents per axis."""
    found = []
    for axis in dict.fromkeys(row["axis"] for row in rows):
        points = [row for row in rows if row["axis"] == axis]
        sizes = [row["size"] for row in points]
        for measure, must in (("wall s", "<= 1.15"), ("CPU s", "<= 1.15")):
            found.append(
                Figure(
                    f"{axis}, {measure}: exponent", exponent(sizes, [r[measure] for r in points]), "", must, "<= 1.0"
                )
            )
        if len(points) > 2:
            last = exponent(sizes[-2:], [row["CPU s"] for row in points[-2:]])
            found.append(Figure(f"{axis}, CPU s: exponent of the last doubling", last, "", "<= 1.15", "<= 1.0"))
    return found


def draw(rows: Sequence[dict[str, Any]], to: Path) -> None:
    """One panel per axis: the points, and the straight line from the origin through the first."""
    from matplotlib.figure import Figure as Canvas

    axes = list(dict.fromkeys(row["axis"] for row in rows))
    canvas = Canvas(figsize=(4 * len(axes), 3.6), layout="constrained")
    panels = np.atleast_1d(canvas.subplots(1, len(axes)))
    for panel, axis in zip(panels, axes, strict=True):
        points = [row for row in rows if row["axis"] == axis]
        sizes = [row["size"] for row in points]
        for measure, marker in (("wall s", "o-"), ("CPU s", "s-")):
            panel.plot(sizes, [row[measure] for row in points], marker, label=measure)
        straight = np.array([0, sizes[-1]]) * points[0]["wall s"] / sizes[0]
        panel.plot([0, sizes[-1]], straight, ":", color="grey", label="proportional to the first")
        panel.set(xlabel=axis, ylabel="seconds", ylim=(0, None), xlim=(0, None))
    panels[0].legend()
    canvas.savefig(to, dpi=120)


@click.command()
@click.option("--quick", is_flag=True, help="Fewer sizes, DLinear and LightGBM only.")
@click.option("--rounds", default=1, type=click.IntRange(1), help="How often each run is taken; the fastest counts.")
@click.option("--to", type=click.Path(path_type=Path), help="JSON file for the figures; the plot lands beside it.")
def main(quick: bool, rounds: int, to: Path | None) -> None:
    """Measure how the time of a run grows."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    flags = (*COMMON, *FEW_MODELS) if quick else COMMON
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(QUICK if quick else AXES, flags, Path(folder), rounds)
    if to is not None:
        to.parent.mkdir(parents=True, exist_ok=True)
        draw(rows, to.with_suffix(".png"))
    sys.exit(conclude("Growth", rows, figures(rows), to))


if __name__ == "__main__":
    main()
