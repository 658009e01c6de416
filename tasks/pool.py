"""One pool of worker processes per run, shared by all coins: a single-threaded fit per core, or one per GPU.

Each slot is an executor with one spawned, long-lived worker, so that a worker that dies costs the unit it ran and
nothing else: the slot is refilled, the unit's task is retried. TensorFlow deadlocks after fork, hence spawn.
"""

import heapq
import math
import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from tasks.accelerators import keep_freed_memory, worker_environment

P = ParamSpec("P")
R = TypeVar("R")
OnEvent = Callable[[int, dict[str, float]], None]

POLL_SECONDS = 0.2
TIMEOUT_SECONDS = 1800.0  # of a unit that is not a fit
SHORT = math.inf
LINGER_SECONDS = 0.2  # a coin's fits come on several threads, in any order: the longest must not find all slots taken
MAX_RSS = 1.1 * 2**30  # bytes; memory of a TensorFlow process grows with every fit, so it is replaced in time
MAX_RSS_WITH_GPU = 8.0 * 2**30  # CUDA's libraries alone take gigabytes, and a Mac's GPU shares the memory
KINDNESS = {  # to what else runs in a worker, or beside it
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # Arrow's own keeps what a read part took, and nothing else can use it
}
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
        log: file to which whatever the workers' libraries print is appended; by default it goes to stderr.
        gpus: what `visible_gpus` found; each worker sees one of them, and several share it where there are more jobs.
    """

    def __init__(self, jobs: int, log: Path | None = None, gpus: Sequence[str] = ()) -> None:
        self.jobs = jobs
        self._free = [_Slot(worker_environment(slot, jobs, gpus), bool(gpus), log) for slot in range(jobs)]
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
        cost: float = SHORT,
        timeout: float = TIMEOUT_SECONDS,
    ) -> R:
        """Run `unit(*args)` in a worker and return its value; blocks the calling thread.

        Args:
            unit: a module-level function. With `on_event` it must take a keyword `on_epoch` to report through.
            args: its arguments, small: they are pickled.
            on_event: called in this thread with every (epoch, logs) that the unit reports.
            cost: rough work; of several waiting units the most costly starts first. By default a unit is short, and
                goes before all others: it is what long ones wait for.
            timeout: seconds the unit may run, waiting for a slot not included.

        Raises:
            WorkerDied, UnitTimedOut, PoolClosed: see there. Whatever `unit` raises is raised here too.
        """
        slot = self._acquire(cost)
        try:
            return slot.run(unit, args, on_event, timeout)
        except Exception as error:
            if self._closed:  # whatever a killed worker looks like from here
                raise PoolClosed("The pool was closed while the unit ran.") from error
            raise
        finally:
            self._release(slot)

    @property
    def is_closed(self) -> bool:
        """Whether the run is being cancelled."""
        return self._closed

    def close(self) -> None:
        """End all workers now. Units that run or wait raise `PoolClosed`."""
        with self._changed:
            self._closed = True
            for slot in [*self._free, *self._busy]:
                slot.close()
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
            try:
                if cost < SHORT:
                    self._changed.wait_for(lambda: self._closed, timeout=LINGER_SECONDS)
                self._changed.wait_for(lambda: self._closed or (self._free and self._waiting[0] == ticket))
            finally:  # also when the waiting thread is interrupted: nobody else could take its turn
                self._waiting.remove(ticket)
                heapq.heapify(self._waiting)
                self._changed.notify_all()
            if self._closed:
                raise PoolClosed("The pool was closed before the unit started.")
            slot = self._free.pop()
            self._busy.add(slot)
            return slot

    def _release(self, slot: "_Slot") -> None:
        with self._changed:
            self._busy.discard(slot)
            self._free.append(slot)
            self._changed.notify_all()


@dataclass(eq=False)
class _Slot:
    """One worker process at a time, started when first needed and replaced when it dies or grows too far."""

    environment: dict[str, str]
    has_gpu: bool = False
    log: Path | None = None
    executor: ProcessPoolExecutor | None = None
    events: Connection | None = None
    pid: int | None = None
    is_closed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, unit: Callable[..., R], args: tuple[Any, ...], on_event: OnEvent | None, timeout: float) -> R:
        executor, events = self.start()
        try:
            future = executor.submit(_work, unit, args, on_event is not None)
            self.listen(events, future, on_event, timeout)
            value, rss = future.result()
        except BrokenProcessPool as error:
            self.end()
            last_words = f"What it printed: {self.log}." if self.log else ""
            raise WorkerDied(f"Worker {self.pid} ended while it ran {unit.__name__}. {last_words}".strip()) from error
        if rss > (MAX_RSS_WITH_GPU if self.has_gpu else MAX_RSS):
            self.end()
        return value

    def listen(self, events: Connection, future: "Future[Any]", on_event: OnEvent | None, timeout: float) -> None:
        """Pass events on until the unit ends; end the worker when its time is up, or when nobody listens any more."""
        deadline = time.monotonic() + timeout
        try:
            while (event := _next_event(events, future)) != _DONE:
                if event is not None and on_event is not None:
                    on_event(*event)
                if time.monotonic() > deadline:
                    raise UnitTimedOut(f"A unit ran for more than {timeout:g} s and was ended.")
        except BaseException:  # the unit still runs, and the next one would read its events
            self.end()
            raise

    def start(self) -> tuple[ProcessPoolExecutor, Connection]:
        with self.lock:
            if self.is_closed:
                raise PoolClosed("The pool was closed before the unit started.")
            if self.executor is not None and self.events is not None and self.is_alive():
                return self.executor, self.events
            context = multiprocessing.get_context("spawn")
            self.events, send = context.Pipe(duplex=False)
            self.executor = ProcessPoolExecutor(
                1, mp_context=context, initializer=_start_worker, initargs=(send, self.log, self.environment)
            )
            try:
                self.pid = self.executor.submit(os.getpid).result()
            except BrokenProcessPool as error:
                self.executor = None
                raise WorkerDied("A worker process could not start.") from error
            finally:
                send.close()
            if self.is_closed:  # while the worker started; who closes waits for the lock, and ends it
                raise PoolClosed("The pool was closed before the unit started.")
            return self.executor, self.events

    def is_alive(self) -> bool:
        """Whether the worker process is there."""
        processes = getattr(self.executor, "_processes", None) or {}
        return any(process.is_alive() for process in processes.values())

    def close(self) -> None:
        """End the worker for good."""
        self.is_closed = True
        self.end()

    def end(self) -> None:
        """End the worker, whatever it does; the next unit starts a fresh one."""
        with self.lock:
            executor, self.executor = self.executor, None
            if executor is not None:
                for process in list((getattr(executor, "_processes", None) or {}).values()):
                    process.kill()
                executor.shutdown(wait=False, cancel_futures=True)


def _next_event(events: Connection, future: "Future[Any]") -> Any:
    """The next (epoch, logs); None if there is none yet; `_DONE` once the unit ended or its worker is gone."""
    try:
        if events.poll(POLL_SECONDS):
            return events.recv()
    except (EOFError, OSError):  # the worker's end of the pipe is gone; the future knows why
        return _DONE
    # The unit may have ended since: what it still sent must be read, or the next unit would read it.
    return _DONE if future.done() and not events.poll() else None


_send: Connection | None = None


def _start_worker(send: Connection, log: Path | None, environment: dict[str, str]) -> None:
    """Runs in a worker before anything heavy is imported."""
    global _send
    _send = send
    if log is not None:  # TensorFlow writes to the descriptor itself, into the middle of the terminal's progress
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            os.dup2(file.fileno(), 2)
    os.environ.update(environment)
    for name, value in KINDNESS.items():
        os.environ.setdefault(name, value)
    keep_freed_memory()
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
        return unit(*args, **keywords), _rss()
    finally:
        _send.send(_DONE)


def _rss() -> float:
    """Bytes of memory in use; on a Mac, without `/proc`, the most so far.

    That peak is no use on Linux: it starts with that of the process which started this one, a notebook's gigabytes.
    """
    try:
        return float(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    except FileNotFoundError:
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
