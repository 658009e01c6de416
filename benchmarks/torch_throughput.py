"""How many samples a second the machine trains beside the same networks in PyTorch.

    make bench-torch, or, where torch is installed: python -m benchmarks.torch_throughput [--rounds 7] [--to FILE]

Per network, in turns, medians told: (a) ours, one one-threaded process; (b) ours, as many of them as cores, side by
side, as a night runs; (c) PyTorch as people run it, one process and its default threads; (d) PyTorch our way, as many
one-threaded processes as cores. The musts are on b / c. Windows are gathered by indexing tensors, without a DataLoader,
and augmented with the same drawn noise, in every contestant's time. Before anything is timed, both sides are given the
same weights and must answer the same. On a busy machine
PyTorch's threads wait for each other, and the ratios flatter us: that counts as a miss. About six minutes on 2 quiet
cores; exits 1 when a must is missed.
"""

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import click
import numpy as np

from benchmarks.contestants import describe, describe_pytorch, ours, pytorch, pytorch_answer, weights_and_answer
from benchmarks.measure import Figure, conclude, interleave
from benchmarks.teams import Team, all_threads, busy_figure, race_options, side_by_side
from benchmarks.workload import LABELS
from tasks.accelerators import n_cores

MUST = {"tcn": ">= 2.5", "enhanced_lstm": ">= 1.5", "transformer": ">= 1.9"}
STRETCH = ">= 2.5"
TOLERANCE = 1e-4  # between two libraries' float32 answers
Rates = Mapping[str, float]


class Teams(NamedTuple):
    """Processes of the three kinds: ours serve (a) and (b)."""

    ours: Team
    torch: Team
    torch_side_by_side: Team


def measure(name: str, teams: Teams, rounds: int) -> dict[str, float]:
    """Median samples per second of (a) to (d), measured in turns."""
    for team, factory in zip(teams, (ours, pytorch, pytorch), strict=True):
        team.warm_up(factory, name)
    contestants = {
        "a": lambda: teams.ours.rate_alone(ours, name),
        "b": lambda: teams.ours.rate(ours, name),
        "c": lambda: teams.torch.rate(pytorch, name),
        "d": lambda: teams.torch_side_by_side.rate(pytorch, name),
    }
    return {way: median(rates) for way, rates in interleave(contestants, rounds).items()}


def difference(name: str, teams: Teams) -> float:
    """Largest difference between the answers of both networks with the same weights, over the largest answer.

    Raises:
        AssertionError: if they are not the same network.
    """
    weights, x, answer = teams.ours.ask(weights_and_answer, name)
    error = np.abs(teams.torch.ask(pytorch_answer, name, weights, x) - answer).max() / np.abs(answer).max()
    assert error < TOLERANCE, f"{name}: with the same weights the answers differ by {error:.2g}"
    return float(error)


def row(name: str, rates: Rates, teams: Teams, differ_by: float) -> dict[str, Any]:
    """A network's line of the table."""
    n, (torch_parameters, n_threads) = n_cores(), teams.torch.ask(describe_pytorch, name)
    return {
        "network": LABELS[name],
        "parameters, ours": f"{teams.ours.ask(describe, name)[0]:,}",
        "PyTorch": f"{torch_parameters:,}",
        "answers differ by": differ_by,
        "a: ours, 1 process, samples/s": rates["a"],
        f"b: ours, {n} processes": rates["b"],
        f"c: PyTorch, 1 process x {n_threads} threads": rates["c"],
        f"d: PyTorch, {n} processes": rates["d"],
        "b / a": rates["b"] / rates["a"],
        "b / c": rates["b"] / rates["c"],
        "b / d": rates["b"] / rates["d"],
    }


def race(names: Sequence[str], rounds: int) -> tuple[list[dict[str, Any]], list[Figure]]:
    """Table and figures of all networks."""
    rows, figures = [], []
    with ExitStack() as stack:
        teams = Teams(*[stack.enter_context(team()) for team in (side_by_side, all_threads, side_by_side)])
        differences = {name: difference(name, teams) for name in names}  # before minutes are spent on the unequal
        for name in names:
            rates = measure(name, teams, rounds)
            rows.append(row(name, rates, teams, differences[name]))
            stretch = STRETCH if name in MUST else None
            title = f"{LABELS[name]}: ours / PyTorch with all threads"
            figures.append(Figure(title, rates["b"] / rates["c"], "x", MUST.get(name), stretch))
            click.echo(f"{LABELS[name]}: measured", err=True)
    return rows, figures


@click.command(help=__doc__.split("\n")[0])
@race_options(rounds=7)
def main(networks: str, rounds: int, to: Path | None) -> None:
    """See the module."""
    busy = busy_figure()
    rows, figures = race(networks.split(","), rounds)
    sys.exit(
        conclude("Training throughput beside PyTorch, 60 days x 80 features, batches of 32", rows, [*figures, busy], to)
    )


if __name__ == "__main__":
    main()
