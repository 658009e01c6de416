"""A Prefect server of the run's own, where none is configured; run as a script, it is that server.

Prefect would bring one too, but imports all of a server into this process before it starts one in another. Here it
starts at once, and boots while this process imports what a night needs.
"""

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

HOST = "127.0.0.1"
SECONDS_TO_END = 5.0
SECONDS_BETWEEN = 0.1  # two questions whether it answers


class OwnServer:
    """A server in a process of its own, for this process alone: it ends when this one ends, however that comes about.

    Constructing it starts it and makes it Prefect's server from then on; `wait` until it answers.

    Attributes:
        url: where it will answer.
    """

    def __init__(self) -> None:
        with socket.create_server((HOST, 0)) as listening:  # handed down, so that nobody else can take the port
            self.url = f"http://{HOST}:{listening.getsockname()[1]}/api"
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(listening.fileno())],  # -P: no folder of the user's comes first
                env={**os.environ, **_settings(), "PREFECT_UI_ENABLED": "false"},
                stdin=subprocess.PIPE,
                pass_fds=[listening.fileno()],
                start_new_session=True,  # Ctrl-C is ours: a server that ends with us cannot be told of the cancellation
            )
        atexit.register(self._stop)  # after Prefect's own handlers, which send what is left
        _point_prefect_at(self.url)

    def wait(self, seconds: float) -> None:
        """Until it answers.

        Raises:
            RuntimeError: if it ends, or does not answer in time.
        """
        import httpx

        deadline = time.monotonic() + seconds
        while self._process.poll() is None and (left := deadline - time.monotonic()) > 0:
            with suppress(httpx.HTTPError):  # until it listens, requests wait in its queue
                httpx.get(f"{self.url}/health", timeout=left, trust_env=False).raise_for_status()
                return
            time.sleep(SECONDS_BETWEEN)
        code = self._process.poll()
        why = f"no answer within {seconds:g} seconds" if code is None else f"it ended with exit code {code}"
        raise RuntimeError(f"A Prefect server of the run's own was started at {self.url}: {why}")

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def is_configured() -> bool:
    """Whether Prefect has been told of a server, or told not to bring one."""
    from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE

    return bool(PREFECT_API_URL.value()) or not PREFECT_SERVER_ALLOW_EPHEMERAL_MODE.value()


def _settings() -> dict[str, str]:
    """Of Prefect, wherever they were set: a profile is not known to a child."""
    from prefect.settings import get_current_settings

    return get_current_settings().to_environment_variables(exclude_unset=True)


def _point_prefect_at(url: str) -> None:
    from prefect.context import refresh_global_settings_context

    os.environ["PREFECT_API_URL"] = url
    refresh_global_settings_context()


def _serve(descriptor: int) -> None:
    """Be the server on a socket that listens already, until asked to end or the parent is gone."""
    import uvicorn
    from prefect.server.api.server import create_app

    threading.Thread(target=_end_with_parent, daemon=True).start()
    server = uvicorn.Server(uvicorn.Config(create_app(ephemeral=True, final=True), log_level="error"))
    server.run(sockets=[socket.socket(fileno=descriptor)])


def _end_with_parent() -> None:
    os.read(0, 1)  # nothing is ever written: it returns when the other end is closed
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SECONDS_TO_END)
    os._exit(1)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
