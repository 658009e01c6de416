"""How many samples a second the machine trains, per network, beside plain Keras and beside its own peak.

    python -m benchmarks.throughput [--rounds 5] [--to FILE]

Per network: one one-threaded process; as many of them as there are cores, side by side, as a night runs; and plain
Keras as people run it: Keras' own layers, `fit`, one process, all threads. All take turns, medians are told. The must:
processes side by side are worth at least 0.9 of a lone one each. About four minutes on 2 quiet cores; exits 1
on a miss.

GFLOP/s count the matrix products of forward and backward pass (see `contestants.multiply_adds`); the peak is that of
large float32 products in the same processes. Drawing and adding the augmentation's noise is part of every contestant's
time, except plain Keras', whose windows lie ready.
"""

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import click

from benchmarks.contestants import describe, matrix_product, ours, plain_keras
from benchmarks.measure import Figure, conclude, interleave
from benchmarks.teams import Team, all_threads, busy_figure, race_options, side_by_side
from benchmarks.workload import LABELS
from tasks.accelerators import n_cores

GIGA = 1e9
PEAK_ROUNDS = 5
Rates = Mapping[str, float]


def measure(name: str, team: Team, keras: Team, rounds: int) -> dict[str, float]:
    """Median samples per second of each way to train a network, measured in turns."""
    for each, factory in ((team, ours), (keras, plain_keras)):
        each.warm_up(factory, name)
    contestants = {
        "one": lambda: team.rate_alone(ours, name),
        "all": lambda: team.rate(ours, name),
        "keras": lambda: keras.rate(plain_keras, name),
    }
    return {way: median(rates) for way, rates in interleave(contestants, rounds).items()}


def measure_peak(team: Team) -> tuple[float, float]:
    """Most floating-point operations per second in products of large matrices: one process, and all side by side."""
    team.warm_up(matrix_product, "peak")
    contestants = {
        "one": lambda: team.rate_alone(matrix_product, "peak"),
        "all": lambda: team.rate(matrix_product, "peak"),
    }
    rates = interleave(contestants, PEAK_ROUNDS)
    return max(rates["one"]), max(rates["all"])


def row(name: str, rates: Rates, described: tuple[int, float], peak: tuple[float, float]) -> dict[str, Any]:
    """A network's line of the table."""
    n_parameters, flops = described
    speed = [rates["one"] * flops, rates["all"] * flops]
    return {
        "network": LABELS[name],
        "parameters": f"{n_parameters:,}",
        "MFLOP a sample": flops / 1e6,
        "1 process, samples/s": rates["one"],
        f"{n_cores()} processes, samples/s": rates["all"],
        "grows": rates["all"] / rates["one"],
        "plain Keras, samples/s": rates["keras"],
        "ours / Keras": rates["all"] / rates["keras"],
        "GFLOP/s, 1 process": speed[0] / GIGA,
        f"GFLOP/s, {n_cores()} processes": speed[1] / GIGA,
        "of peak": f"{speed[1] / peak[1]:.0%}",
    }


def growth_figure(name: str, rates: Rates) -> Figure:
    """Throughput of all processes over that of one, which must not fall below 0.9 each."""
    must = f">= {0.9 * n_cores():g}" if n_cores() > 1 else None
    return Figure(f"{LABELS[name]}: {n_cores()} processes / 1", rates["all"] / rates["one"], "x", must)


def peak_figures(peak: tuple[float, float]) -> list[Figure]:
    """The machine's own speed."""
    one, every = peak[0] / GIGA, peak[1] / GIGA
    return [Figure("peak, 1 process", one, "GFLOP/s"), Figure(f"peak, {n_cores()} processes", every, "GFLOP/s")]


def race(names: Sequence[str], rounds: int) -> tuple[list[dict[str, Any]], list[Figure]]:
    """Table and figures of all networks."""
    rows, figures = [], []
    with ExitStack() as stack:
        team, keras = stack.enter_context(side_by_side()), stack.enter_context(all_threads())
        peak = measure_peak(team)
        for name in names:
            rates = measure(name, team, keras, rounds)
            rows.append(row(name, rates, team.ask(describe, name), peak))
            figures.append(growth_figure(name, rates))
            click.echo(f"{LABELS[name]}: measured", err=True)
    return rows, [*figures, *peak_figures(peak)]


@click.command(help=__doc__.split("\n")[0])
@race_options(rounds=5)
def main(networks: str, rounds: int, to: Path | None) -> None:
    """See the module."""
    busy = busy_figure()
    rows, figures = race(networks.split(","), rounds)
    sys.exit(conclude("Training throughput, 60 days x 80 features, batches of 32", rows, [*figures, busy], to))


if __name__ == "__main__":
    main()
