"""Coins start together: their runs are created one after another, and none works before all are there.

Prefect's SQLite server refuses to create a run while another writes, and its client then waits 2, 4, 8, ... seconds, up
to five times. Five coins that start at once, or while one already reports its steps, wait half a minute that way.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

PATIENCE_SECONDS = 60.0  # for the others; whoever waits longer goes on without them


class StartingLine:
    """Where the threads of `n` runs wait for each other.

    Args:
        n: how many runs will come.
    """

    def __init__(self, n: int) -> None:
        self._creating = threading.Lock()
        self._all = threading.Barrier(n)

    @contextmanager
    def approach(self) -> Iterator[Any]:
        """Create a run inside: nobody else does meanwhile. Yields the hook that Prefect calls once it runs.

        A run that ends without ever running keeps nobody waiting.
        """
        has_started = threading.Event()

        def cross(*flow_run_and_state: object) -> None:
            has_started.set()
            self._creating.release()
            with suppress(threading.BrokenBarrierError):
                self._all.wait(PATIENCE_SECONDS)

        self._creating.acquire()
        try:
            yield cross
        finally:
            if not has_started.is_set():
                self._all.abort()
                self._creating.release()
