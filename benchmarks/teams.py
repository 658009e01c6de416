"""Processes that train side by side, spawned and kept warm as the workers of a night are.

No script of its own. A team is started with its number of threads in the environment, before any library is loaded.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache, reduce
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import click
import psutil

from benchmarks.measure import Figure
from benchmarks.workload import LABELS
from tasks.accelerators import THREAD_LIMITS, keep_freed_memory, n_cores, worker_environment

Train = Callable[[], float]  # does a fixed piece of work, and returns how much that was
Factory = Callable[[str], Train]  # prepares the work on one network, given its name
LISTEN_SECONDS = 3.0
PATIENCE_SECONDS = 600.0  # for the others at the start, or something is broken


class Team:
    """`n_processes`, each with one thread, or with as many as its libraries take by default.

    Use it as a context, and only below `if __name__ == "__main__"`: processes are spawned.
    """

    def __init__(self, n_processes: int = 1, one_thread: bool = True) -> None:
        context = multiprocessing.get_context("spawn")
        start = context.Barrier(n_processes)
        self._members = [
            ProcessPoolExecutor(1, mp_context=context, initializer=_join, initargs=(start, one_thread))
            for _ in range(n_processes)
        ]
        with _environment(worker_environment(0, 1, ()) if one_thread else {}):
            for member in self._members:
                member.submit(os.getpid).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for member in self._members:
            member.shutdown()

    def ask(self, question: Callable[..., Any], *args: Any) -> Any:
        """What a module-level function returns in the first process."""
        return self._members[0].submit(question, *args).result()

    def warm_up(self, factory: Factory, name: str) -> None:
        """Let every member prepare (build, trace, compile) and do the work once."""
        for future in [member.submit(_warm_up, factory, name) for member in self._members]:
            future.result()

    def rate(self, factory: Factory, name: str) -> float:
        """Work per second of all members together: they start at the same moment, and the slowest one's time counts."""
        futures = [member.submit(_measure, factory, name, True) for member in self._members]
        work, seconds = zip(*[future.result() for future in futures], strict=True)
        return float(sum(work) / max(seconds))

    def rate_alone(self, factory: Factory, name: str) -> float:
        """Work per second of one member while the others wait."""
        work, seconds = self.ask(_measure, factory, name, False)
        return float(work / seconds)


def side_by_side() -> Team:
    """As a night runs: as many one-threaded processes as there are cores."""
    return Team(n_cores())


def all_threads() -> Team:
    """As people run a script: one process, and as many threads as the library likes."""
    return Team(one_thread=False)


def race_options(rounds: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The flags of every script in which networks race, with its own number of rounds."""
    options = [
        click.option("--networks", default=",".join(LABELS), show_default=True, help="Which, comma-separated."),
        click.option("--rounds", default=rounds, show_default=True, help="Measurements of each contestant."),
        click.option("--to", type=click.Path(path_type=Path), help="JSON file for the same figures."),
    ]
    return lambda command: reduce(lambda wrapped, option: option(wrapped), reversed(options), command)


def busy_figure() -> Figure:
    """How busy others keep the cores before anything is started: what is measured beside them is worth little."""
    return Figure("cores busy before the start", psutil.cpu_percent(LISTEN_SECONDS), "%", "<= 15")


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """What a process started inside finds: `values`, and no other limit on threads."""
    before = dict(os.environ)
    for name in THREAD_LIMITS:
        os.environ.pop(name, None)
    os.environ.update({"TF_CPP_MIN_LOG_LEVEL": "2", **values})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


_start: Any = None


def _join(start: Any, as_worker: bool) -> None:
    global _start
    _start = start
    if as_worker:
        keep_freed_memory()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # TensorFlow's greetings; what fails is raised in the parent


@cache
def _prepare(factory: Factory, name: str) -> Train:
    return factory(name)


def _warm_up(factory: Factory, name: str) -> None:
    _prepare.cache_clear()  # one network at a time in memory
    _prepare(factory, name)()


def _measure(factory: Factory, name: str, together: bool) -> tuple[float, float]:
    train = _prepare(factory, name)
    if together:
        _start.wait(PATIENCE_SECONDS)
    started = perf_counter()
    work = train()
    return work, perf_counter() - started
