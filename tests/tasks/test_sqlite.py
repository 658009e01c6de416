"""MLflow's database file: how it is kept."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from tasks import sqlite


def mode_of(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    return str(mode)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """One in which a table is kept the usual way."""
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE runs (name)")
    assert mode_of(path) == "delete"
    return path


def test_a_database_keeps_a_write_ahead_log_from_then_on(database: Path):
    sqlite.write_ahead(f"sqlite:///{database}")
    assert mode_of(database) == "wal"


def test_a_database_that_does_not_exist_yet_is_made_that_way(tmp_path: Path):
    sqlite.write_ahead(f"sqlite:///{tmp_path / 'new.db'}")
    assert mode_of(tmp_path / "new.db") == "wal"


def test_a_database_that_another_writes_to_stays_as_it_is(database: Path):
    with closing(sqlite3.connect(database)) as other:
        other.execute("BEGIN IMMEDIATE")
        sqlite.write_ahead(f"sqlite:///{database}")
    assert mode_of(database) == "delete"


@pytest.mark.parametrize("uri", ["http://127.0.0.1:5000", "sqlite:///mlflow.db?timeout=5"])
def test_what_is_no_plain_file_is_left_alone(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    sqlite.write_ahead(uri)
    assert not list(tmp_path.iterdir())


def synchronous_of(uri: str) -> int:
    """2: each commit waits for the disk; 1: in a write-ahead log it does not."""
    with create_engine(uri, poolclass=NullPool).connect() as connection:
        return int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())


def test_commits_to_a_database_with_a_log_do_not_wait_for_the_disk_each(database: Path, tmp_path: Path):
    uri, another = f"sqlite:///{database}", f"sqlite:///{tmp_path / 'another.db'}"
    for each in (uri, another):
        sqlite.write_ahead(each)
    sqlite.wait_once(uri)
    assert synchronous_of(uri) == 1
    assert synchronous_of(another) == 2


def test_without_a_log_each_commit_waits_as_before(database: Path):
    sqlite.wait_once(f"sqlite:///{database}")
    assert synchronous_of(f"sqlite:///{database}") == 2


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Inodes of the files that were waited for."""
    inodes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda fd: inodes.append(os.fstat(fd).st_ino))
    return inodes


def test_what_was_committed_in_a_turn_is_on_disk_when_it_is_over(database: Path, synced: list[int]):
    uri = f"sqlite:///{database}"
    sqlite.write_ahead(uri)
    with closing(sqlite3.connect(database)) as connection:
        with sqlite.turn(uri):
            connection.execute("INSERT INTO runs VALUES ('tonight')")
            connection.commit()
            assert synced == []
        assert synced == [database.with_name("mlflow.db-wal").stat().st_ino]


def test_a_turn_at_a_database_without_a_log_waits_for_nothing_more(database: Path, synced: list[int]):
    with sqlite.turn(f"sqlite:///{database}"):
        pass
    assert synced == []


def test_a_disk_that_fails_at_the_end_of_a_turn_is_told(database: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(_: int) -> None:
        raise OSError("the disk is gone")

    database.with_name("mlflow.db-wal").touch()
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="gone"), sqlite.turn(f"sqlite:///{database}"):
        pass
