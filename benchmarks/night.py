"""A whole night three times: cold, with one new bar, the same again - and beside the last one two empty flows.

    python -m benchmarks.night --data-dir bars --crypto BTC,ETH,LTC,XRP,DOGE
    python -m benchmarks.night --quick

Runs the command line as a user would, in a fresh folder (Prefect's home, models, reports and MLflow included), and
watches its processes: wall clock, CPU time, memory of the parent and of each worker, how busy the cores are from the
first fit to the last, how many fits were computed and how many reused, and which heavy libraries any process imported.
The empty flows have one task, the same Python and settings, and a server of their own: one that Prefect brings, as it
would for anyone's flow, or, without heartbeats too, one that is started as a night starts its own.
All flags of `retrain` are understood; `--as-of` is the last day of the second night, the first ends a day before.

Takes a cold night and a quarter, then about four minutes for the unchanged nights. `--quick`, two coins of the
simulated market with small settings, takes about five minutes on 2 cores; what depends on long fits then has no bar.
"""

import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks.measure import Watched, interleave, watch
from benchmarks.night_facts import Night, fitting_stage, imports_of, newest_reports, recount
from benchmarks.night_figures import AGAIN, COLD, EMPTY, EMPTY_OWN, NEXT, tell
from flows.usage import flag_of, flags, parse
from forecaster.config import RunConfig
from forecaster.market import load_bars

HERE = Path(__file__).parent
QUICK = {"crypto": "BTC,ETH", "epochs": 2, "folds": 3, "max_features": 40, "seq_length": 30}
SETTINGS = {  # of Prefect, for night and empty flow alike: what the command line itself would choose
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}
NOT_PASSED_ON = ("PREFECT_API_URL", "PREFECT_PROFILE", "PYTHONDONTWRITEBYTECODE")


@dataclass
class House:
    """A folder in which nights run, and what was watched there."""

    root: Path
    flags: tuple[str, ...]
    seen: dict[str, list[Night]] = field(default_factory=dict)

    def night(self, name: str, as_of: date) -> float:
        """Run one night and look at what it left; its wall seconds."""
        started = time.time()
        watched = self._watch(name, "-m", "flows.cli", *self.flags, "--as-of", as_of.isoformat())
        night = Night(
            watched=watched,
            counts=recount(newest_reports(self.root / "training_output")),
            stage=fitting_stage(self.root / "artifacts" / "cache", started, watched),
            imports=imports_of(self._witness(name)),
        )
        self.seen.setdefault(name, []).append(night)
        return watched.wall

    def empty(self, name: str) -> float:
        """Run one of the empty flows; its wall seconds."""
        return self._watch(name, str(HERE / "empty_flow.py"), *EMPTY[name]).wall

    def _watch(self, name: str, *words: str) -> Watched:
        print(f"{time.strftime('%H:%M:%S')}  {name} ...", file=sys.stderr, flush=True)
        watched = watch([sys.executable, *words], cwd=self.root, env=self._environment(name))
        if watched.returncode != 0:
            raise click.ClickException(f"{name}: exit code {watched.returncode}\n{watched.output[-3000:]}")
        return watched

    def _environment(self, name: str) -> dict[str, str]:
        """This process's, with a Prefect home of its own and a witness of imports on the path."""
        kept = {key: value for key, value in os.environ.items() if key not in NOT_PASSED_ON}
        home = self.root / ("prefect-empty" if name in EMPTY else "prefect")
        path = os.pathsep.join([str(HERE / "witness"), str(HERE.parent), os.environ.get("PYTHONPATH", "")])
        witness = self._witness(name)
        witness.mkdir(parents=True, exist_ok=True)
        return {**kept, **SETTINGS, "PREFECT_HOME": str(home), "PYTHONPATH": path, "IMPORT_WITNESS": str(witness)}

    def _witness(self, name: str) -> Path:
        return self.root / "imports" / name.replace(" ", "-")


@click.command(help=__doc__)
@click.option("--quick", is_flag=True, help="Two simulated coins, two epochs, three folds.")
@click.option("--rounds", default=5, show_default=True, help="How often unchanged night and empty flows alternate.")
@click.option("--in", "folder", type=click.Path(path_type=Path), help="Run here and keep all; by default nothing is.")
@click.option("--to", type=click.Path(path_type=Path), help="Write the figures here too, as JSON.")
@flags
def main(quick: bool, rounds: int, folder: Path | None, to: Path | None, **given: Any) -> None:
    typed = {**(QUICK if quick else {}), **{name: value for name, value in given.items() if value}}
    config = parse(dict(typed))
    last = config.as_of or second_night(config)
    with tempfile.TemporaryDirectory() as temporary:
        house = House((folder or Path(temporary)).resolve(), tuple(words_of(typed)))
        house.root.mkdir(parents=True, exist_ok=True)
        walls = run_all(house, last, rounds)
    sys.exit(tell(house.seen, walls, config, last, quick, to))


def words_of(typed: Mapping[str, Any]) -> list[str]:
    """The flags as one types them, without the day; the folder of bars must be found from elsewhere."""
    words: list[str] = []
    for name, value in typed.items():
        if name != "as_of":
            given = Path(value).resolve() if name == "data_dir" else value
            words += [flag_of(name)] if value is True else [flag_of(name), str(given)]
    return words


def second_night(config: RunConfig) -> date:
    """The newest day that all coins have; on an anchor day all boundaries move and all is refitted: the day before."""
    last = min(load_bars(coin, config.data).last for coin in config.crypto)
    anchored = (last - date(1970, 1, 1)).days % config.split.anchor_days == 0
    return last - timedelta(days=1) if anchored else last


def run_all(house: House, last: date, rounds: int) -> dict[str, Sequence[float]]:
    """The three nights, the last of them and the empty flows in turns; wall seconds by name."""
    walls: dict[str, Sequence[float]] = {COLD: [house.night(COLD, last - timedelta(days=1))]}
    walls[NEXT] = [house.night(NEXT, last)]
    house.empty(EMPTY_OWN)  # their own database is made once, as the nights' was
    empties = {name: partial(house.empty, name) for name in EMPTY}
    return walls | interleave({AGAIN: lambda: house.night(AGAIN, last), **empties}, rounds)


if __name__ == "__main__":
    main()
