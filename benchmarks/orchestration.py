"""What Prefect, caching and storage add to the bare library running the same fits on the same pool.

    python -m benchmarks.orchestration            one coin, 3 epochs, 3 folds; about 12 minutes on 2 cores
    python -m benchmarks.orchestration --quick    1 epoch, 40 columns, one round; about 3 minutes

Three contestants in turn, several rounds, each a process of its own in a fresh folder:

- night: the command line `retrain`, with its ephemeral Prefect server, an empty cache, its log and its progress.
- bare: the very units of work that the night gave to its pool (same arguments, order, barriers, number of workers),
  from a plain script that never imports Prefect: no keys, no records of steps, no states, nobody listening to epochs.
- night on one worker: what the second core brings.

Compared is the time from the start of the first fit to the end of the last serving refit. Whatever a unit does itself
(reading parts, writing models and forecasts) is on both sides; starting the server, saving, plots, report and MLflow
come before or after and are on neither.
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from benchmarks.measure import Figure, Watched, conclude, watch
from benchmarks.replay import Ran, read

ROOT = Path(__file__).parents[1]
LONG = ("--epochs", "3", "--folds", "3", "--crypto", "BTC")
QUICK = ("--epochs", "1", "--folds", "3", "--seq-length", "30", "--max-features", "40", "--crypto", "BTC")
FITS = {"fit_unit"}
STAGE = {"fit_unit", "refit_unit"}


@dataclass(frozen=True)
class Side:
    """What one contestant did in one round."""

    jobs: int
    ran: list[Ran]
    watched: Watched

    def wall(self, names: set[str]) -> float:
        """Seconds from the start of the first unit of these names to the end of the last."""
        chosen = [each for each in self.ran if each.name in names]
        return max(each.ended for each in chosen) - min(each.started for each in chosen)

    def cpu(self, role: str | None) -> float:
        """CPU seconds between the start of the first fit and the end of the last refit."""
        chosen = [each for each in self.ran if each.name in STAGE]
        first, last = min(each.started for each in chosen), max(each.ended for each in chosen)
        return self.watched.cpu_seconds(role, first - self.watched.began, last - self.watched.began)

    @property
    def beside(self) -> float:
        """CPU seconds outside the workers as a share of theirs: on a full machine, what fits have to wait for."""
        return (self.cpu(None) - self.cpu("worker")) / self.cpu("worker")

    @property
    def busy(self) -> float:
        """Share of the workers' time that units take while the fits run."""
        fits = [each for each in self.ran if each.name in FITS]
        return sum(each.ended - each.started for each in fits) / (self.jobs * self.wall(FITS))


def environment(folder: Path) -> dict[str, str]:
    """This process's environment, but with a Prefect of its own, and the project's modules."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "PREFECT_HOME": str(folder / "prefect"), "PYTHONPATH": str(ROOT)}


def run_night(folder: Path, flags: Sequence[str]) -> Side:
    """The whole command line, in a fresh folder."""
    return _run(folder, "night", str(folder / "record"), *flags)


def run_bare(folder: Path, record: Path) -> Side:
    """The units that a night's pool ran."""
    return _run(folder, "units", str(record), str(folder / "record"), str(folder / "artifacts"))


def _run(folder: Path, *arguments: str) -> Side:
    folder.mkdir(parents=True)
    done = watch([sys.executable, "-m", "benchmarks.replay", *arguments], folder, environment(folder))
    if done.returncode:
        raise click.ClickException(f"Expected a run that ends well. Received: {done.output[-3000:]}")
    return Side(*read(folder / "record"), done)


def measure(flags: Sequence[str], rounds: int, folder: Path) -> dict[str, list[Side]]:
    """Night, bare, night on one worker; and again."""
    sides: dict[str, list[Side]] = {"night": [], "bare": [], "night on one worker": []}
    for number in range(rounds):
        here = folder / str(number)
        sides["night"].append(run_night(here / "night", flags))
        sides["bare"].append(run_bare(here / "bare", here / "night" / "record"))
        sides["night on one worker"].append(run_night(here / "single", [*flags, "--jobs", "1"]))
        click.echo(f"round {number + 1} of {rounds} done", err=True)
    return sides


def out_of_turn(ran: Sequence[Ran]) -> tuple[int, int]:
    """Fits that started while one of more than twice their cost was still to start; and all fits.

    A coin takes part from the moment at which its first fit is handed to the pool.
    """
    fits = [each for each in ran if each.name in FITS]
    begins = {each.coin: min(f.handed_over for f in fits if f.coin == each.coin) for each in fits}

    def is_late(other: Ran, fit: Ran) -> bool:
        return other.cost > 2 * fit.cost and other.started > fit.started > begins[other.coin]

    return sum(any(is_late(other, fit) for other in fits) for fit in fits), len(fits)


def figures(sides: dict[str, list[Side]], quick: bool) -> list[Figure]:
    """Ratios of medians. At quick settings fits last seconds, and what does not grow with them has no bar."""
    night, bare, single = (sides[name] for name in ("night", "bare", "night on one worker"))
    late, total = out_of_turn(night[0].ran)
    return [
        Figure("stage, night / bare", _median(night, STAGE) / _median(bare, STAGE), "", None if quick else "<= 1.05"),
        Figure("fits alone, night / bare", _median(night, FITS) / _median(bare, FITS)),
        Figure("CPU outside the workers / theirs, night", statistics.median(s.beside for s in night)),
        Figure("CPU outside the workers / theirs, bare", statistics.median(s.beside for s in bare)),
        Figure("workers busy with fits while the fits run", statistics.median(s.busy for s in night), "", ">= 0.85"),
        Figure(
            "fits alone, one worker / all workers", _median(single, FITS) / _median(night, FITS), "", None, ">= 1.8"
        ),
        Figure(f"fits started before one of twice their cost, of {total}", float(late), "", "<= 0"),
    ]


def rows_of(sides: dict[str, list[Side]]) -> list[dict[str, Any]]:
    """A row per contestant, medians over rounds."""
    return [
        {
            "contestant": name,
            "workers": runs[0].jobs,
            "units": sum(each.stage is not None for each in runs[0].ran),
            "fits s": _median(runs, FITS),
            "first fit to last refit s": _median(runs, STAGE),
            "spread s": max(s.wall(STAGE) for s in runs) - min(s.wall(STAGE) for s in runs),
            "whole command s": statistics.median(s.watched.wall for s in runs),
            "CPU of workers s": statistics.median(s.cpu("worker") for s in runs),
            "other CPU s": statistics.median(s.cpu(None) - s.cpu("worker") for s in runs),
        }
        for name, runs in sides.items()
    ]


def _median(runs: Sequence[Side], names: set[str]) -> float:
    return statistics.median(side.wall(names) for side in runs)


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--quick", is_flag=True, help="One epoch, 40 columns, one round.")
@click.option("--rounds", type=click.IntRange(1), help="How often each contestant runs. Default: 3, quick 1.")
@click.option("--to", type=click.Path(path_type=Path), help="JSON file for the figures.")
@click.argument("flags", nargs=-1)
def main(quick: bool, rounds: int | None, to: Path | None, flags: tuple[str, ...]) -> None:
    """Measure what orchestration costs. FLAGS of `retrain` replace the default ones."""
    chosen = flags or (QUICK if quick else LONG)
    with tempfile.TemporaryDirectory() as folder:
        sides = measure(chosen, rounds or (1 if quick else 3), Path(folder))
    sys.exit(conclude(f"Orchestration ({' '.join(chosen)})", rows_of(sides), figures(sides, quick), to))


if __name__ == "__main__":
    main()
