"""MLflow's SQLite database: where it is, and who may write to it when. A tracking server looks after its own."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import Any

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


def write_ahead(tracking_uri: str) -> None:
    """Let the database keep a write-ahead log, from now on, also where it does not exist yet.

    A coin's night is about a hundred transactions: each then waits for the disk once instead of four times, and the
    UI reads while we write. Where that cannot be had, because others use the database just now or its disk is a
    network's, it stays as it is.
    """
    database = file_of(tracking_uri)
    if database is not None and "?" not in database.name:  # options after the name are SQLAlchemy's
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(database, timeout=1)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")


@cache
def wait_once(tracking_uri: str) -> None:
    """Let what SQLAlchemy commits to this database wait for the disk when a turn ends, no longer each by itself.

    Only where a write-ahead log is kept: without one a power cut in between could damage the database.
    """
    database = file_of(tracking_uri)
    if database is None:
        return
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "connect")
    def relax(connection: Any, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection) and _main_file(connection) == database and _keeps_log(connection):
            connection.execute("PRAGMA synchronous=NORMAL")


def _main_file(connection: sqlite3.Connection) -> Path | None:
    files = {name: file for _, name, file in connection.execute("PRAGMA database_list")}
    return Path(files["main"]).resolve() if files.get("main") else None


def _keeps_log(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA journal_mode").fetchone() == ("wal",))


@contextmanager
def turn(tracking_uri: str) -> Iterator[None]:
    """One coin of a night writes at a time: another would sleep, or find the database locked and start over.

    What was written is on disk when the turn is over.
    """
    database = file_of(tracking_uri)
    if database is None:
        yield
        return
    with _writing:
        yield
        _sync(database.with_name(f"{database.name}-wal"))


def _sync(log: Path) -> None:
    """Wait for the disk; a log that is gone is in the database, which SQLite has waited for."""
    with suppress(FileNotFoundError), log.open("rb") as file:
        os.fsync(file.fileno())
