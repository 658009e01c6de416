import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tasks import pool as pool_module
from tasks.accelerators import THREAD_LIMITS
from tasks.pool import Pool, PoolClosed, UnitTimedOut, WorkerDied
from tests.tasks import units

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds: a spawned process takes its time on a busy machine


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(2) as pool:
        yield pool


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


def until(happened: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (value := happened()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return value


def pid_in(started: Path) -> int:
    return int(until(lambda: started.exists() and started.read_text()))


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie that only waits to be counted."""
    stat = Path(f"/proc/{pid}/stat")
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.kill(pid, 0)
        return not stat.parent.parent.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def error_of(future: "Future[Any]") -> BaseException | None:
    return future.exception(timeout=PATIENCE)


def test_a_unit_runs_in_another_process_and_its_value_comes_back(pool: Pool):
    assert pool.run(units.add, 2, 3) == 5
    assert pool.run(units.pid) != os.getpid()


def test_a_worker_is_used_again(pool: Pool):
    assert len({pool.run(units.pid) for _ in range(4)}) <= 2


def test_workers_are_told_to_use_one_thread_each(pool: Pool):
    assert pool.run(units.environment, THREAD_LIMITS) == dict.fromkeys(THREAD_LIMITS, "1")


def test_arrow_gives_a_workers_memory_back_unless_told_otherwise(pool: Pool, monkeypatch: pytest.MonkeyPatch):
    name = "ARROW_DEFAULT_MEMORY_POOL"
    assert pool.run(units.environment, (name,)) == {name: "system"}
    monkeypatch.setenv(name, "mimalloc")
    with Pool(1) as other:
        assert other.run(units.environment, (name,)) == {name: "mimalloc"}


def test_each_worker_sees_one_gpu_and_a_third_shares_the_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")  # what workers inherit, were they told nothing
    with Pool(3, gpus=("0", "1")) as pool:
        names = ("CUDA_VISIBLE_DEVICES", "TF_FORCE_GPU_ALLOW_GROWTH")
        seen = [slot.run(units.environment, (names,), None, PATIENCE) for slot in pool._free]
    assert [tuple(worker.values()) for worker in seen] == [("0", "true"), ("1", "true"), ("0", "true")]


def test_without_gpus_a_worker_inherits_what_its_user_said_about_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    with Pool(1) as pool:
        assert pool.run(units.environment, ("CUDA_VISIBLE_DEVICES",)) == {"CUDA_VISIBLE_DEVICES": "-1"}


def test_a_worker_with_a_gpu_may_grow_further(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pool_module, "MAX_RSS", 1.0)
    with Pool(1, gpus=("0",)) as pool:
        assert pool.run(units.pid) == pool.run(units.pid)


@pytest.mark.parametrize(
    "error", [KeyError("mine"), OSError("disk full"), EOFError("file ends early"), RuntimeError("r")]
)
def test_what_a_unit_raises_comes_through_and_its_worker_lives_on(pool: Pool, error: Exception):
    before = {pool.run(units.pid) for _ in range(4)}
    with pytest.raises(type(error), match=str(error.args[0])):
        pool.run(units.fail, error)
    assert pool.run(units.pid) in before


def test_events_arrive_in_order_and_all_before_the_value(pool: Pool):
    seen: list[tuple[int, dict[str, float]]] = []
    assert pool.run(units.count, 50, on_event=lambda epoch, logs: seen.append((epoch, logs))) == 50
    assert seen == [(epoch, {"loss": 1.0 / epoch}) for epoch in range(1, 51)]


def test_events_of_one_unit_never_reach_the_next(pool: Pool):
    first: list[int] = []
    second: list[int] = []
    with pytest.raises(ValueError, match="after its events"):
        pool.run(units.count_then_fail, 5, on_event=lambda epoch, logs: first.append(epoch))
    for _ in range(2):  # both slots
        pool.run(units.count, 2, on_event=lambda epoch, logs: second.append(epoch))
    assert (first, second) == ([1, 2, 3, 4, 5], [1, 2, 1, 2])


def test_a_listener_that_fails_costs_its_unit_and_not_the_next_ones_events():
    seen: list[int] = []

    def listen(epoch: int, logs: dict[str, float]) -> None:
        raise LookupError("nobody listens")

    with Pool(1) as pool:
        with pytest.raises(LookupError, match="nobody listens"):
            pool.run(units.count, 1000, on_event=listen)
        assert pool.run(units.count, 2, on_event=lambda epoch, logs: seen.append(epoch)) == 2
    assert seen == [1, 2]


def test_a_killed_worker_fails_its_own_unit_and_no_other(pool: Pool, threads: ThreadPoolExecutor, tmp_path: Path):
    victim = threads.submit(pool.run, units.wait, tmp_path / "victim")
    neighbour = threads.submit(pool.run, units.wait, tmp_path / "neighbour", 2.0)
    pid_in(tmp_path / "neighbour")
    os.kill(pid_in(tmp_path / "victim"), signal.SIGKILL)
    assert isinstance(error_of(victim), WorkerDied)
    assert neighbour.result(timeout=PATIENCE) == "slept"
    both = [threads.submit(pool.run, units.add, 1, i) for i in range(2)]  # the slot works again
    assert [each.result(timeout=PATIENCE) for each in both] == [1, 2]


def test_a_worker_killed_while_idle_is_replaced():
    with Pool(1) as pool:
        first = pool.run(units.pid)
        os.kill(first, signal.SIGKILL)
        until(lambda: not is_running(first))
        with contextlib.suppress(WorkerDied):  # it died so lately that nobody knew: its task is retried
            pool.run(units.pid)
        assert pool.run(units.pid) != first


def test_a_unit_that_runs_too_long_is_ended_and_frees_its_slot(tmp_path: Path):
    with Pool(1) as pool:
        pool.run(units.pid)
        with pytest.raises(UnitTimedOut, match=r"more than 0\.5 s"):
            pool.run(units.wait, tmp_path / "slow", timeout=0.5)
        until(lambda: not is_running(pid_in(tmp_path / "slow")))
        assert pool.run(units.add, 1, 1, timeout=PATIENCE) == 2


def test_waiting_for_a_slot_does_not_count_as_running(threads: ThreadPoolExecutor, tmp_path: Path):
    with Pool(1) as pool:
        first = threads.submit(pool.run, units.wait, tmp_path / "first", 1.5)
        pid_in(tmp_path / "first")
        assert pool.run(units.add, 1, 1, timeout=1.0) == 2
        assert first.result(timeout=PATIENCE) == "slept"


def test_the_costliest_of_the_waiting_units_goes_first(threads: ThreadPoolExecutor, tmp_path: Path):
    order = tmp_path / "order"
    with Pool(1) as pool:
        blocker = threads.submit(pool.run, units.wait, tmp_path / "blocker", 1.0)
        pid_in(tmp_path / "blocker")
        costs = {"cheap": 1.0, "dear": 20.0, "fair": 5.0, "fair too": 5.0}
        waiting = []
        for n, (name, cost) in enumerate(costs.items(), start=1):
            waiting.append(threads.submit(pool.run, units.note, order, name, cost=cost))
            until(lambda n=n: len(pool._waiting) == n)
        for each in [blocker, *waiting]:
            each.result(timeout=PATIENCE)
    assert order.read_text().splitlines() == ["dear", "fair", "fair too", "cheap"]


def test_closing_ends_what_runs_and_what_waits(threads: ThreadPoolExecutor, tmp_path: Path):
    pool = Pool(1)
    running = threads.submit(pool.run, units.wait, tmp_path / "running")
    worker = pid_in(tmp_path / "running")
    waiting = threads.submit(pool.run, units.add, 1, 1)
    until(lambda: pool._waiting)
    pool.close()
    assert isinstance(error_of(running), PoolClosed)
    assert isinstance(error_of(waiting), PoolClosed)
    until(lambda: not is_running(worker))
    with pytest.raises(PoolClosed):
        pool.run(units.add, 1, 1)


def test_closing_while_a_worker_starts_starts_no_unit(threads: ThreadPoolExecutor, tmp_path: Path):
    pool = Pool(1)
    starting = threads.submit(pool.run, units.wait, tmp_path / "running")
    until(lambda: pool._busy)
    pool.close()
    assert isinstance(error_of(starting), PoolClosed)
    assert not (tmp_path / "running").exists()


def test_an_interrupted_wait_gives_its_turn_to_the_next(threads: ThreadPoolExecutor, tmp_path: Path, monkeypatch):
    with Pool(1) as pool:
        running = threads.submit(pool.run, units.wait, tmp_path / "running", 1.0)
        pid_in(tmp_path / "running")
        patient = pool._changed.wait_for
        monkeypatch.setattr(pool._changed, "wait_for", interrupt)
        with pytest.raises(KeyboardInterrupt):
            pool.run(units.add, 1, 1, cost=100.0)
        monkeypatch.setattr(pool._changed, "wait_for", patient)
        assert threads.submit(pool.run, units.add, 1, 1).result(timeout=PATIENCE) == 2
        assert running.result(timeout=PATIENCE) == "slept"


def interrupt(condition: Callable[[], bool], timeout: float | None = None) -> None:
    raise KeyboardInterrupt


def test_a_worker_that_grew_too_far_is_replaced(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pool_module, "MAX_RSS", 1.0)
    with Pool(1) as pool:
        assert pool.run(units.pid) != pool.run(units.pid)


def test_as_many_units_run_at_once_as_there_are_jobs(pool: Pool, threads: ThreadPoolExecutor, tmp_path: Path):
    before = threading.active_count()  # earlier tests leave threads behind
    running = [threads.submit(pool.run, units.wait, tmp_path / name, 1.0) for name in ("a", "b", "c")]
    until(lambda: len(pool._waiting) == 1)
    assert len(pool._busy) == 2
    for each in running:
        each.result(timeout=PATIENCE)
    assert threading.active_count() < before + 10


PARENT = """
import sys
from pathlib import Path
from tasks.pool import Pool
from tests.tasks import units

if __name__ == "__main__":
    Pool(1).run(units.wait, Path(sys.argv[1]))
"""


def test_workers_end_when_their_parent_is_killed(tmp_path: Path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "started")], env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    try:
        worker = pid_in(tmp_path / "started")
        assert is_running(worker)
    finally:
        parent.kill()
        parent.wait()
    until(lambda: not is_running(worker))


def test_what_a_unit_sent_at_its_very_end_is_not_left_for_the_next_one():
    class Pipe:
        """Silent while it is waited for, and filled in the moment before the future is asked."""

        polls = iter([False, True, True])

        def poll(self, timeout: float = 0.0) -> bool:
            return next(self.polls)

        def recv(self) -> str:
            return "done"

    ended: Future[None] = Future()
    ended.set_result(None)
    pipe = Pipe()
    assert pool_module._next_event(pipe, ended) is None  # type: ignore[arg-type]
    assert pool_module._next_event(pipe, ended) == "done"  # type: ignore[arg-type]


def test_of_units_that_come_at_about_the_same_time_the_costliest_goes_first(
    threads: ThreadPoolExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pool_module, "LINGER_SECONDS", 1.0)
    order = tmp_path / "order"
    with Pool(1) as pool:
        both = []
        for n, (name, cost) in enumerate((("cheap", 1.0), ("dear", 20.0)), start=1):
            both.append(threads.submit(pool.run, units.note, order, name, cost=cost))
            until(lambda n=n: len(pool._waiting) == n)
        for each in both:
            each.result(timeout=PATIENCE)
    assert order.read_text().split() == ["dear", "cheap"]


def test_a_unit_without_a_cost_goes_before_costly_ones():
    order: list[str] = []
    with Pool(1) as pool, ThreadPoolExecutor(3) as threads:
        blocker = threads.submit(pool.run, time.sleep, 1.0)
        time.sleep(0.3)
        for name, cost in (("long", {"cost": 5.0}), ("short", {})):
            threads.submit(lambda name=name, cost=cost: (pool.run(os.getpid, **cost), order.append(name)))
            time.sleep(0.1)
        blocker.result()
    assert order == ["short", "long"]
