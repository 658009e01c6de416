"""Where coins wait for each other before they work."""

import gc
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from flows import starting
from flows.starting import StartingLine


def test_runs_are_created_one_at_a_time_and_work_only_when_all_are_there() -> None:
    line, events, inside = StartingLine(3), [], threading.Semaphore(1)

    def run(coin: int) -> None:
        with line.approach(threading.Event()) as cross:
            assert inside.acquire(blocking=False), "two were created at once"
            time.sleep(0.02)
            events.append("created")
            inside.release()
            cross()
            events.append("works")

    _together([partial(run, coin) for coin in range(3)])
    assert events == ["created"] * 3 + ["works"] * 3


def test_runs_set_off_one_by_one_each_when_the_one_before_it_is_at_work() -> None:
    line, times = StartingLine(3), {"set off": [], "at work": []}

    def run() -> None:
        at_work = threading.Event()
        with line.approach(at_work) as cross:
            cross()
            times["set off"].append(time.monotonic())
            time.sleep(0.05)
            times["at work"].append(time.monotonic())
            at_work.set()
            time.sleep(0.3)  # its work does not keep the next one waiting
            ended.append(time.monotonic())

    ended: list[float] = []
    _together([run] * 3)
    assert all(later >= earlier for earlier, later in zip(times["at work"], times["set off"][1:], strict=False))
    assert times["set off"][2] < ended[0]


def test_whoever_has_no_work_for_long_lets_the_next_one_go_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "HEAD_START_SECONDS", 0.2)
    line, times, all_are_off = StartingLine(3), [], threading.Barrier(3)

    def idle() -> None:
        with line.approach(threading.Event()) as cross:
            cross()
            times.append(time.monotonic())
            all_are_off.wait(10)

    _together([idle] * 3)
    assert not all_are_off.broken
    assert [later - earlier > 0.15 for earlier, later in itertools.pairwise(times)] == [True, True]


def test_a_run_that_ends_counts_as_at_work() -> None:
    at_work = threading.Event()
    with StartingLine(1).approach(at_work) as cross:
        cross()
        assert not at_work.is_set()
    assert at_work.is_set()


def _together(runs: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=run) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)


def test_a_run_that_never_starts_keeps_nobody_waiting() -> None:
    line, worked = StartingLine(2), threading.Event()

    def run() -> None:
        with line.approach(threading.Event()) as cross:
            cross()
            worked.set()

    with pytest.raises(OSError, match="refused"), line.approach(threading.Event()):
        raise OSError("the server refused")
    thread = threading.Thread(target=run)
    thread.start()
    assert worked.wait(10)
    thread.join(10)


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "PATIENCE_SECONDS", 0.01)
    with StartingLine(2).approach(threading.Event()) as cross:
        cross()  # returns although the other never comes


@pytest.fixture
def _collector() -> Iterator[None]:
    """The garbage collector as it was, after the test."""
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


@pytest.mark.usefixtures("_collector")
def test_what_is_imported_inside_is_never_collected_and_what_comes_later_seldom() -> None:
    before = gc.get_freeze_count()
    with starting.kept_for_good():
        assert not gc.isenabled()
        kept: list[list[int]] = [[] for _ in range(100)]
    assert gc.isenabled()
    assert gc.get_threshold()[0] == starting.SELDOM
    assert gc.get_freeze_count() >= before + len(kept)


def test_inside_runs_send_no_heartbeats() -> None:
    from prefect.settings import get_current_settings

    with starting.without_heartbeats():
        assert get_current_settings().flows.heartbeat_frequency is None
