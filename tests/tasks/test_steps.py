from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks.steps import StepLog


def test_records_come_in_the_order_in_which_steps_began():
    log = StepLog()
    for name in ("prepare", "select", "fit"):
        log.begin(name, "miss", "never ran before")
    with log.timed("save"):
        pass
    assert [record["name"] for record in log.as_dicts()] == ["prepare", "select", "fit", "save"]


def test_a_cached_step_took_no_time_and_was_never_retried():
    log = StepLog()
    log.begin("fit", "hit", "nothing it depends on changed")
    assert log.as_dicts() == [
        {"name": "fit", "cache": "hit", "because": "nothing it depends on changed", "seconds": 0.0, "retries": 0}
    ]


def test_a_retry_keeps_the_first_reason_and_is_counted():
    log = StepLog()
    log.begin("fit", "miss", "changed: input spec.seed")
    with pytest.raises(OSError, match="first"), log.timed("fit"):
        raise OSError("first")
    log.begin("fit", "miss", "it has not finished before")
    with log.timed("fit"):
        pass
    (record,) = log.as_dicts()
    assert (record["because"], record["retries"]) == ("changed: input spec.seed", 1)


def test_a_step_that_is_only_timed_runs_always():
    log = StepLog()
    with log.timed("log-BTC"):
        pass
    assert log.as_dicts()[0]["cache"] == "always"
    assert log.as_dicts()[0]["retries"] == 0


def test_time_adds_up_over_attempts(monkeypatch: pytest.MonkeyPatch):
    clock = iter([0.0, 1.5, 10.0, 12.25])
    monkeypatch.setattr("tasks.steps.time.perf_counter", lambda: next(clock))
    log = StepLog()
    for _ in range(2):
        with log.timed("fit"):
            pass
    assert log.as_dicts()[0]["seconds"] == 3.75


def test_many_threads_lose_no_record():
    log = StepLog()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda i: log.begin(f"fit-{i % 100}", "miss", "new"), range(800)))
    assert len(log.as_dicts()) == 100


def test_a_coin_is_at_work_once_a_step_is_done_rather_than_reused():
    log = StepLog()
    log.begin("tune-tcn", "hit", "nothing it depends on changed")
    with log.timed("tune-tcn"):
        assert not log.at_work.is_set()
    with log.timed("save"):
        assert log.at_work.is_set()
