"""Where coins wait for each other before they work."""

import gc
import itertools
import threading
import time
from collections.abc import Iterator

import pytest

from flows import starting
from flows.starting import StartingLine


def test_runs_are_created_one_at_a_time_and_work_only_when_all_are_there() -> None:
    line, events, inside = StartingLine(3), [], threading.Semaphore(1)

    def run(coin: int) -> None:
        with line.approach() as cross:
            assert inside.acquire(blocking=False), "two were created at once"
            time.sleep(0.02)
            events.append("created")
            inside.release()
            cross()
            events.append("works")

    threads = [threading.Thread(target=run, args=(coin,)) for coin in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert events == ["created"] * 3 + ["works"] * 3


def test_runs_set_off_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "HEAD_START_SECONDS", 0.2)
    line, times = StartingLine(3), []

    def run() -> None:
        with line.approach() as cross:
            cross()
            times.append(time.monotonic())

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [later - earlier > 0.1 for earlier, later in itertools.pairwise(times)] == [True, True]


def test_a_run_that_never_starts_keeps_nobody_waiting() -> None:
    line, worked = StartingLine(2), threading.Event()

    def run() -> None:
        with line.approach() as cross:
            cross()
            worked.set()

    with pytest.raises(OSError, match="refused"), line.approach():
        raise OSError("the server refused")
    thread = threading.Thread(target=run)
    thread.start()
    assert worked.wait(10)
    thread.join(10)


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "PATIENCE_SECONDS", 0.01)
    with StartingLine(2).approach() as cross:
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
