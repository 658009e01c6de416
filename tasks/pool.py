"""One pool of worker processes per run, shared by all coins: as many single-threaded fits as there are cores.

Each slot is an executor with one spawned, long-lived worker, so that a worker that dies costs the unit it ran and
nothing else: the slot is refilled, the unit's task is retried. TensorFlow deadlocks after fork, hence spawn.
"""

import heapq
import multiprocessing
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
OnEvent = Callable[[int, dict[str, float]], None]

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
POLL_SECONDS = 0.2
MAX_RSS = 2.0 * 2**30  # bytes; memory of a TensorFlow process grows with every fit, so it is replaced in time
_DONE = "done"


class WorkerDied(RuntimeError):
    """The process that ran a unit ended before it could answer. Running the unit again is safe."""


class UnitTimedOut(RuntimeError):
    """A unit ran longer than it may; its worker was ended."""


class PoolClosed(RuntimeError):
    """The run is being cancelled; nothing more will be computed."""


class Pool:
    """Slots for units of work. Units that cost most go first when several wait.

    Args:
        jobs: how many units run at once, one process each.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._free = [_Slot() for _ in range(jobs)]
        self._waiting: list[tuple[float, int]] = []
        self._tickets = 0
        self._busy: set[_Slot] = set()
        self._closed = False
        self._changed = threading.Condition()

    def run(
        self,
        unit: Callable[..., R],
        *args: Any,
        on_event: OnEvent | None = None,
        cost: float = 0.0,
        timeout: float | None = None,
    ) -> R:
        """Run `unit(*args)` in a worker and return its value; blocks the calling thread.

        Args:
            unit: a module-level function. With `on_event` it must take a keyword `on_epoch` to report through.
            args: its arguments, small: they are pickled.
            on_event: called in this thread with every (epoch, logs) that the unit reports.
            cost: rough work; of several waiting units the most costly starts first.
            timeout: seconds the unit may run, waiting for a slot not included.

        Raises:
            WorkerDied, UnitTimedOut, PoolClosed: see there. Whatever `unit` raises is raised here too.
        """
        slot = self._acquire(cost)
        try:
            return slot.run(unit, args, on_event, timeout)
        except (WorkerDied, UnitTimedOut):
            if self._closed:
                raise PoolClosed("The pool was closed while the unit ran.") from None
            raise
        finally:
            self._release(slot)

    def close(self) -> None:
        """End all workers now. Units that run or wait raise `PoolClosed`."""
        with self._changed:
            self._closed = True
            for slot in [*self._free, *self._busy]:
                slot.end()
            self._changed.notify_all()

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _acquire(self, cost: float) -> "_Slot":
        with self._changed:
            ticket = (-cost, self._tickets)
            self._tickets += 1
            heapq.heappush(self._waiting, ticket)
            self._changed.wait_for(lambda: self._closed or (self._free and self._waiting[0] == ticket))
            self._waiting.remove(ticket)
            heapq.heapify(self._waiting)
            if self._closed:
                raise PoolClosed("The pool was closed before the unit started.")
            slot = self._free.pop()
            self._busy.add(slot)
            self._changed.notify_all()
            return slot

    def _release(self, slot: "_Slot") -> None:
        with self._changed:
            self._busy.discard(slot)
            self._free.append(slot)
            self._changed.notify_all()


@dataclass(eq=False)
class _Slot:
    """One worker process at a time, started when first needed and replaced when it dies or grows too far."""

    executor: ProcessPoolExecutor | None = None
    events: Connection | None = None
    pid: int | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, unit: Callable[..., R], args: tuple[Any, ...], on_event: OnEvent | None, timeout: float | None) -> R:
        self.start()
        assert self.executor is not None
        try:
            future = self.executor.submit(_work, unit, args, on_event is not None)
            self.listen(future, on_event, timeout)
            value, rss = future.result()
        except (BrokenProcessPool, EOFError, OSError) as error:
            if isinstance(error, OSError) and self.is_alive():
                raise  # the unit's own error
            pid = self.pid
            self.end()
            raise WorkerDied(f"Worker {pid} ended while it ran {unit.__name__}. Its unit can be run again.") from error
        if rss > MAX_RSS:
            self.end()
        return value

    def listen(self, future: "Future[Any]", on_event: OnEvent | None, timeout: float | None) -> None:
        """Pass events on until the unit ends; end the worker when its time is up."""
        deadline = None if timeout is None else time.monotonic() + timeout
        assert self.events is not None
        while True:
            if self.events.poll(POLL_SECONDS):
                event = self.events.recv()
                if event == _DONE:
                    return
                if on_event is not None:
                    on_event(*event)
            elif future.done():  # only after the pipe is empty, or the next unit would read this one's events
                return
            if deadline is not None and time.monotonic() > deadline:
                self.end()
                raise UnitTimedOut(f"A unit ran for more than {timeout:.0f} s and was ended.")

    def start(self) -> None:
        with self.lock:
            if self.executor is not None and self.is_alive():
                return
            context = multiprocessing.get_context("spawn")
            self.events, send = context.Pipe(duplex=False)
            self.executor = ProcessPoolExecutor(1, mp_context=context, initializer=_start_worker, initargs=(send,))
            try:
                self.pid = self.executor.submit(os.getpid).result()
            except BrokenProcessPool as error:
                self.executor = None
                raise WorkerDied("A worker process could not start.") from error
            finally:
                send.close()

    def is_alive(self) -> bool:
        """Whether the worker process is there."""
        processes = getattr(self.executor, "_processes", None) or {}
        return any(process.is_alive() for process in processes.values())

    def end(self) -> None:
        """End the worker, whatever it does; the next unit starts a fresh one."""
        with self.lock:
            executor, self.executor = self.executor, None
            if executor is not None:
                for process in list((getattr(executor, "_processes", None) or {}).values()):
                    process.kill()
                executor.shutdown(wait=False, cancel_futures=True)


_send: Connection | None = None


def _start_worker(send: Connection) -> None:
    """Runs in a worker before anything heavy is imported."""
    global _send
    _send = send
    for name in THREAD_LIMITS:
        os.environ[name] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # else every worker reports that it found no GPU
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed must not live on as an orphan."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(unit: Callable[..., R], args: tuple[Any, ...], reports: bool) -> tuple[R, float]:
    assert _send is not None
    keywords = {"on_epoch": lambda epoch, logs: _send.send((epoch, logs))} if reports else {}
    try:
        return unit(*args, **keywords), _peak_rss()
    finally:
        _send.send(_DONE)


def _peak_rss() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else peak * 1024)
