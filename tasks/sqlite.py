"""MLflow's SQLite database: where it is, and who may write to it when. A tracking server looks after its own."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from filelock import FileLock

PREFIX = "sqlite:///"
_making = threading.Lock()
_writing = threading.Lock()


def file_of(tracking_uri: str) -> Path | None:
    """The database's file; None for a server."""
    return Path(tracking_uri.removeprefix(PREFIX)).resolve() if tracking_uri.startswith(PREFIX) else None


def resolved(tracking_uri: str) -> str:
    """A URI that means the same from every working directory."""
    database = file_of(tracking_uri)
    return tracking_uri if database is None else f"{PREFIX}{database}"


def artifact_location(tracking_uri: str, coin: str) -> str | None:
    """Beside the database, whatever the working directory is; elsewhere the server decides."""
    database = file_of(tracking_uri)
    return None if database is None else (database.parent / "mlruns" / coin).as_uri()


@contextmanager
def making(tracking_uri: str) -> Iterator[None]:
    """One thread and one process at a time opens the database: on a fresh one they would race in its migration."""
    database = file_of(tracking_uri)
    with _making, nullcontext() if database is None else FileLock(database.with_name(f".{database.name}.lock")):
        yield


def turn(tracking_uri: str) -> AbstractContextManager[object]:
    """One coin of a night writes at a time: another would sleep, or find the database locked and start over."""
    return nullcontext() if file_of(tracking_uri) is None else _writing
