"""How runs start: coins together; without heartbeats where the server is this process's own.

Coins' runs are created one after another, none works before all are there, and then they set off one by one, each when
the one before it is at work: whatever can be reused is looked up by this process alone, and five coins that do so side
by side all end late, while MLflow, which takes one at a time, has nothing to do.

Prefect's SQLite server refuses to create a run while another writes, and its client then waits 2, 4, 8, ... seconds, up
to five times. Five coins that start at once, or while one already reports its steps, wait half a minute that way.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

PATIENCE_SECONDS = 60.0  # for the others; whoever waits longer goes on without them
HEAD_START_SECONDS = 5.0  # of a run before the next one, at most
SELDOM = 50_000  # new objects between two looks of the garbage collector; Python's 700 cost a cached night a second


class StartingLine:
    """Where the threads of `n` runs wait for each other.

    Args:
        n: how many runs will come.
    """

    def __init__(self, n: int) -> None:
        self._creating = threading.Lock()
        self._all = threading.Barrier(n)
        self._setting_off = threading.Lock()
        self._ahead_at_work = threading.Event()  # of whoever set off last
        self._ahead_at_work.set()

    @contextmanager
    def approach(self, at_work: threading.Event) -> Iterator[Any]:
        """Create a run inside: nobody else does meanwhile. Yields the hook that Prefect calls once it runs.

        A run that ends without ever running keeps nobody waiting.

        Args:
            at_work: set once the run does what cannot be reused; set here when it ends.
        """
        has_started = threading.Event()

        def cross(*flow_run_and_state: object) -> None:
            has_started.set()
            self._creating.release()
            with suppress(threading.BrokenBarrierError):
                self._all.wait(PATIENCE_SECONDS)
            with self._setting_off:
                self._ahead_at_work.wait(HEAD_START_SECONDS)
                self._ahead_at_work = at_work

        self._creating.acquire()
        try:
            yield cross
        finally:
            at_work.set()
            if not has_started.is_set():
                self._all.abort()
                self._creating.release()


@contextmanager
def kept_for_good() -> Iterator[None]:
    """What is imported inside lives as long as the process: the garbage collector never looks at it, not even then.

    Going through a million objects takes it a second and more while modules are imported, and as much at the end.
    At what is made later it looks seldom.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(SELDOM)
        gc.enable()


def without_heartbeats() -> AbstractContextManager[object]:
    """Inside, runs send no heartbeats: if their server ends with this process, nobody would miss them.

    A run waits at its end for the thread that sends them, which sleeps in whole seconds.
    """
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    return temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
