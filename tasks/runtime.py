"""What all steps of a run share and no cache key may contain: the store, the worker pool, the listeners.

It travels in a context variable, which Prefect copies into the threads of its task runner.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from forecaster.store import Store
from tasks.pool import Pool
from tasks.steps import StepLog

R = TypeVar("R")


class Progress(Protocol):
    """Whoever wants to show how far the work is."""

    def expect(self, coin: str, n_units: int) -> None:
        """`n_units` more units of work belong to `coin`."""

    def epoch(self, coin: str, model: str, fold: str, epoch: int, total: int | None, logs: dict[str, float]) -> None:
        """A unit finished an epoch of `total` at most (or a boosting round, without a total)."""

    def done(self, coin: str, model: str, fold: str, how: str) -> None:
        """A unit ended: fitted, cached or failed."""

    def say(self, coin: str, text: str) -> None:
        """Something worth a line."""

    def finished(self, outcome: Any) -> None:
        """The coin's night is over; `outcome` is a `flows.outcome.CoinOutcome`."""


@dataclass(frozen=True)
class Runtime:
    """One coin's share of a run."""

    coin: str
    artifacts_dir: Path
    scope: str  # kind of data source: a coin's pointer, lock and reasons of cache misses are kept apart by it
    pool: Pool
    progress: Progress
    steps: StepLog
    logging_pool: Pool | None = None  # one process for MLflow, which keeps a process as busy as all else together

    def log_apart(self, unit: Callable[..., R], *args: Any) -> R:
        """`unit(*args)` in the process kept for MLflow, or where there is none, in this one."""
        return unit(*args) if self.logging_pool is None else self.logging_pool.run(unit, *args)

    @property
    def store(self) -> Store:
        """Content-named artifacts, shared by all coins."""
        return Store(self.artifacts_dir)

    @property
    def records(self) -> Path:
        """Where Prefect keeps the result records of cached steps."""
        return self.artifacts_dir / "cache"


_current: ContextVar[Runtime] = ContextVar("runtime")


def runtime() -> Runtime:
    """The runtime of the coin whose step is running.

    Raises:
        LookupError: outside of `use_runtime`.
    """
    return _current.get()


@contextmanager
def use_runtime(value: Runtime) -> Iterator[Runtime]:
    """Make `value` the runtime of everything called inside."""
    token = _current.set(value)
    try:
        yield value
    finally:
        _current.reset(token)
