"""A Prefect server of the run's own, where none is configured; run as a script, it is that server.

Prefect would bring one too, but imports all of a server into this process before it starts one in another. Here it
starts before this process has imported Prefect, and boots while that happens.
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

    Constructed, it imports what a server needs. It serves from `serve` on, and answers once `wait` returns.

    Attributes:
        url: where it will answer.
    """

    def __init__(self) -> None:
        with socket.create_server((HOST, 0)) as listening:  # handed down, so that nobody else can take the port
            self.url = f"http://{HOST}:{listening.getsockname()[1]}/api"
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(listening.fileno())],  # -P: no folder of the user's comes first
                env={**os.environ, "PREFECT_UI_ENABLED": "false"},
                stdin=subprocess.PIPE,
                bufsize=0,
                pass_fds=[listening.fileno()],
                start_new_session=True,  # Ctrl-C is ours: a server that ends with us cannot be told of the cancellation
            )

    def serve(self) -> None:
        """Let it serve, and make it Prefect's server from now on."""
        _point_prefect_at(self.url)
        atexit.register(self.stop)  # after Prefect's own handlers, which send what is left
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended already: `wait` will say so
            self._process.stdin.write(b"\n")

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

    def stop(self) -> None:
        """End it. One that nobody wants any more may also be left alone: it ends with this process."""
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


def _point_prefect_at(url: str) -> None:
    from prefect.context import refresh_global_settings_context

    os.environ["PREFECT_API_URL"] = url
    refresh_global_settings_context()


def _serve(descriptor: int) -> None:
    """Be the server on a socket that listens already, once told to, until asked to end or the parent is gone."""
    told = threading.Event()
    threading.Thread(target=_listen_to_parent, args=(told,), daemon=True).start()
    import uvicorn
    from prefect.server.api.server import create_app

    server = uvicorn.Server(uvicorn.Config(create_app(ephemeral=True, final=True), log_level="error"))
    told.wait()
    server.run(sockets=[socket.socket(fileno=descriptor)])


def _listen_to_parent(told: threading.Event) -> None:
    """One line means to serve; the end of the pipe, that nobody is left to serve."""
    while os.read(0, 1):
        told.set()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SECONDS_TO_END)
    os._exit(1)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
