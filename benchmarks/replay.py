"""The two sides of `benchmarks.orchestration`, each in a process of its own: a night, and its units without Prefect.

`python -m benchmarks.replay night RECORD FLAGS...` runs the command line `retrain` and writes down every unit of work
that it gives to its pool: what, with which arguments, when it was handed over, when it got a worker, when it ended.
`python -m benchmarks.replay units RECORD TO ARTIFACTS` gives the same units to the same kind of pool, in the same order
and with the same barriers, from plain threads: no Prefect, no cache keys, no records, nobody who listens to epochs.
"""

import itertools
import pickle
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from forecaster.fitting import FitResult
from tasks.pool import SHORT, TIMEOUT_SECONDS, Pool

STAGES = (  # of a coin: a unit waits until every unit of earlier stages has ended
    {"prepare_unit"},
    {"select_unit"},
    {"fit_unit"},
    {"predict_unit"},
    {"stack_unit"},
    {"judge_unit"},
    {"refit_unit", "intervals_unit", "static_intervals_unit"},
)


@dataclass(frozen=True)
class Ran:
    """One unit of work on the pool; moments are seconds of this machine's clock."""

    coin: str
    unit: Callable[..., Any]
    args: tuple[Any, ...]  # without the root of the store, which comes first
    cost: float
    timeout: float
    handed_over: float
    started: float
    ended: float

    @property
    def name(self) -> str:
        """Of the function that a worker ran."""
        return self.unit.__name__

    @property
    def stage(self) -> int | None:
        """Place among `STAGES`; None for what only reports."""
        return next((place for place, names in enumerate(STAGES) if self.name in names), None)


_started: ContextVar[float] = ContextVar("started")


class RecordingPool(Pool):
    """A pool that remembers what it ran."""

    def __init__(self, jobs: int, *args: Any) -> None:
        super().__init__(jobs, *args)
        self.ran: list[Ran] = []
        self.coin_of: Callable[[], str] = lambda: ""

    def run(self, unit: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        """Run a unit as every pool does, then note it."""
        handed_over = time.monotonic()
        value = super().run(unit, *args, **keywords)
        told = {name: keywords.get(name, default) for name, default in (("cost", SHORT), ("timeout", TIMEOUT_SECONDS))}
        times = (handed_over, _started.get(), time.monotonic())
        self.ran.append(Ran(self.coin_of(), unit, args[1:], *told.values(), *times))
        return value

    def _acquire(self, cost: float) -> Any:
        slot = super()._acquire(cost)
        _started.set(time.monotonic())
        return slot


def night(record: Path, flags: list[str]) -> int:
    """Run `retrain` with `flags`, and keep what its pool ran."""
    from flows import cli

    cli._prepare_environment()  # as the command line does, before Prefect is imported
    import flows.retrain
    from tasks.runtime import runtime

    pools: list[RecordingPool] = []

    def make_pool(*args: Any) -> RecordingPool:
        pools.append(RecordingPool(*args))
        pools[-1].coin_of = lambda: runtime().coin
        return pools[-1]

    flows.retrain.Pool = make_pool  # type: ignore[assignment, misc]
    try:
        cli.retrain.main(flags, prog_name="retrain", standalone_mode=False)
    except SystemExit as ended:
        _write(record, pools)
        return int(ended.code or 0)
    return 1


def units(record: Path, to: Path, artifacts: Path) -> int:
    """Run what a night's pool ran, on a pool of as many workers."""
    jobs, ran = read(record)
    by_coin = {coin: [each for each in ran if each.coin == coin] for coin in dict.fromkeys(r.coin for r in ran)}
    with RecordingPool(jobs, artifacts / "workers.log") as pool, ThreadPoolExecutor(len(by_coin)) as threads:
        list(threads.map(lambda work: _Coin(pool, artifacts).replay(work), by_coin.values()))
    _write(to, [pool])
    return 0


def read(record: Path) -> tuple[int, list[Ran]]:
    """Number of workers, and what they ran."""
    jobs, ran = pickle.loads(record.read_bytes())
    return jobs, [Ran(*each) for each in ran]


class _Coin:
    """One coin's units, stage after stage, on as many threads as the flow has."""

    def __init__(self, pool: RecordingPool, artifacts: Path) -> None:
        self.pool, self.artifacts = pool, artifacts
        self.fits: dict[tuple[str, str], FitResult] = {}

    def replay(self, work: Iterable[Ran]) -> None:
        """Run all units that do more than report."""
        known = sorted((each for each in work if each.stage is not None), key=lambda each: each.stage)
        with ThreadPoolExecutor(self.pool.jobs + 1) as threads:
            for _, stage in itertools.groupby(known, key=lambda each: each.stage):
                list(threads.map(self.run, sorted(stage, key=lambda each: each.handed_over)))

    def run(self, each: Ran) -> None:
        """One unit; where it was given a fitted model it is given this side's own fit, whose file has a time inside."""
        args = [self.fits[arg.model, arg.fold] if isinstance(arg, FitResult) else arg for arg in each.args]
        result = self.pool.run(each.unit, self.artifacts, *args, cost=each.cost, timeout=each.timeout)
        if isinstance(result, FitResult):
            self.fits[result.model, result.fold] = result


def _write(record: Path, pools: list[RecordingPool]) -> None:
    ran = [astuple(each) for pool in pools for each in pool.ran]  # no class of `__main__`: another module reads it
    record.write_bytes(pickle.dumps((max((pool.jobs for pool in pools), default=0), ran)))


if __name__ == "__main__":
    role, *given = sys.argv[1:]
    if role == "night":
        sys.exit(night(Path(given[0]), given[1:]))
    sys.exit(units(*map(Path, given)))
