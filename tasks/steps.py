"""What each step of a coin did: hit, miss or always; why; how long; how often it was retried."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

Cache = Literal["hit", "miss", "always"]


@dataclass
class StepRecord:
    """One line of the report's `steps`."""

    name: str
    cache: Cache
    because: str
    seconds: float = 0.0
    attempts: int = 0


class StepLog:
    """Collects step records from many threads, in the order in which steps began.

    Attributes:
        at_work: set once a step is done rather than reused.
    """

    def __init__(self) -> None:
        self.at_work = threading.Event()
        self._records: dict[str, StepRecord] = {}
        self._lock = threading.Lock()

    def begin(self, name: str, cache: Cache, because: str) -> None:
        """Note how a step starts; a retry keeps the first reason."""
        with self._lock:
            self._records.setdefault(name, StepRecord(name, cache, because))

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Count an attempt of a step and add the time it takes, waiting for a worker included."""
        started = time.perf_counter()
        with self._lock:
            record = self._records.setdefault(name, StepRecord(name, "always", "not cached"))
            record.attempts += 1
        if record.cache != "hit":  # a finished study is looked up inside of its step
            self.at_work.set()
        try:
            yield
        finally:
            record.seconds += time.perf_counter() - started

    def as_dicts(self) -> list[dict[str, Any]]:
        """Plain records for the report."""
        with self._lock:
            records = [asdict(record) for record in self._records.values()]
        for record in records:
            record["retries"] = max(record.pop("attempts") - 1, 0)
            record["seconds"] = round(record["seconds"], 3)
        return records
