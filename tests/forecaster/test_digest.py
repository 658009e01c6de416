from pathlib import Path

import pytest

from forecaster.market.digest import MISSING, bars_digest
from forecaster.settings import DataConfig


@pytest.fixture
def folder(tmp_path: Path) -> DataConfig:
    (tmp_path / "BTC.csv").write_text("date,open,high,low,close,volume\n")
    return DataConfig(data_dir=tmp_path)


def test_the_digest_follows_the_content_and_not_the_place(folder: DataConfig, tmp_path: Path):
    before = bars_digest("BTC", folder)
    (tmp_path / "moved").mkdir()
    (tmp_path / "BTC.csv").rename(tmp_path / "moved" / "BTC.csv")
    assert bars_digest("BTC", DataConfig(data_dir=tmp_path / "moved")) == before
    (tmp_path / "moved" / "BTC.csv").write_text("other")
    assert bars_digest("BTC", DataConfig(data_dir=tmp_path / "moved")) != before


def test_a_touched_file_has_the_same_digest(folder: DataConfig, tmp_path: Path):
    before = bars_digest("BTC", folder)
    (tmp_path / "BTC.csv").touch()
    assert bars_digest("BTC", folder) == before


def test_missing_or_ambiguous_bars_are_missing(folder: DataConfig, tmp_path: Path):
    assert bars_digest("ETH", folder) == MISSING
    (tmp_path / "BTC.parquet").write_bytes(b"")
    assert bars_digest("BTC", folder) == MISSING
    assert bars_digest("BTC", DataConfig(data_dir=tmp_path / "nowhere")) == MISSING


def test_simulated_bars_are_known_by_what_they_are_made_from():
    plain = bars_digest("BTC", DataConfig())
    assert plain == bars_digest("BTC", DataConfig())
    assert plain != bars_digest("BTC", DataConfig(seed=1))
    assert plain != bars_digest("BTC", DataConfig(signal=0.1))
