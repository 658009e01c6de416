"""The Prefect server that a run brings where none is configured."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from flows import server

RUN = """
import json, sys
from flows.server import OwnServer, is_configured
own = OwnServer()
before = is_configured()
import httpx
try:
    httpx.get(f"{own.url}/health", timeout=8)
    is_early = True
except httpx.ReadTimeout:
    is_early = False
own.serve()
own.wait(120)
from prefect import flow, get_client
from prefect.settings import PREFECT_API_URL

@flow(persist_result=False)
def answer() -> int:
    return 42

print(json.dumps({"before": before, "after": is_configured(), "url": own.url, "prefect": PREFECT_API_URL.value(),
                  "answer": answer(), "pid": own._process.pid, "is_early": is_early}), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A Prefect home of its own, in which no server is configured."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return {**kept, "PREFECT_HOME": str(tmp_path), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}


@pytest.mark.flow
@pytest.mark.parametrize("end", ["politely", "killed"])
def test_a_run_s_own_server_serves_it_and_ends_with_it(end: str, environment: dict[str, str]) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", RUN], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert run.stdin is not None
    assert run.stdout is not None
    with run:
        told = json.loads(next(line for line in run.stdout if line.startswith("{")))
        assert told["answer"] == 42
        assert not told["is_early"]  # it served once it was told to
        assert (told["before"], told["after"]) == (False, True)
        assert told["prefect"] == told["url"]
        assert httpx.get(f"{told['url']}/health").status_code == 200
        assert os.getsid(told["pid"]) != os.getsid(run.pid)  # Ctrl-C does not reach it
        if end == "killed":
            run.kill()
        run.stdin.close()
    assert _is_gone(told["url"], within=30 if end == "killed" else 0)


def _is_gone(url: str, within: float) -> bool:
    deadline = time.monotonic() + within
    while True:
        try:
            httpx.get(f"{url}/health")
        except httpx.TransportError:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.2)


def test_a_server_that_ends_before_it_answers_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    popen = subprocess.Popen
    monkeypatch.setattr(server, "_point_prefect_at", lambda url: None)
    monkeypatch.setattr(
        subprocess, "Popen", lambda words, **how: popen([sys.executable, "-c", "import sys; sys.exit(3)"], **how)
    )
    own = server.OwnServer()
    own.serve()
    with pytest.raises(
        RuntimeError, match=r"own was started at http://127\.0\.0\.1:\d+/api: it ended with exit code 3"
    ):
        own.wait(30)


@pytest.mark.parametrize("how", ["ended", "left alone"])
def test_a_server_that_nobody_wants_ends(how: str, environment: dict[str, str]) -> None:
    code = "import flows.server as s; own = s.OwnServer(); print(own._process.pid, flush=True)"
    code += "; own.stop(); assert own._process.poll() is not None" if how == "ended" else ""
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stderr == ""
    deadline = time.monotonic() + 30
    while _is_running(int(run.stdout)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE  # dead, but nobody has asked for its exit code
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("url", "may_bring", "is_configured"),
    [(None, True, False), ("http://127.0.0.1:4200/api", True, True), (None, False, True)],
)
def test_a_run_brings_its_server_only_where_none_is_configured(
    url: str | None, may_bring: bool, is_configured: bool
) -> None:
    from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE, temporary_settings

    with temporary_settings({PREFECT_API_URL: url, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: may_bring}):
        assert server.is_configured() is is_configured
