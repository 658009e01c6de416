"""MLflow's database file: how it is kept."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

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
