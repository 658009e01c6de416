import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from forecaster.diary.book import DiaryError, diary_path, digest_of_diary, enter, read_diary

NOON = datetime(2025, 6, 2, 12, tzinfo=UTC)


def rows(
    cutoff: str = "2025-06-01", served: str = "a", log_return: float = 0.01, source: str = "folder", close: float = 100
) -> pd.DataFrame:
    day = pd.Timestamp(cutoff)
    return pd.DataFrame(
        {
            "coin": "BTC",
            "source": source,
            "cutoff": day,
            "horizon": [1, 7],
            "target_day": [day + pd.Timedelta(days=1), day + pd.Timedelta(days=7)],
            "served": served,
            "trained_until": pd.Timestamp("2025-05-31"),
            "log_return": log_return,
            "close": float(close),
            **{f"{end}_{level}": 90.0 for end in ("lower", "upper") for level in (80, 90)},
        }
    )


def test_forecasts_are_added_below_those_that_are_there_and_change_none(tmp_path: Path) -> None:
    path = tmp_path / "BTC.parquet"
    assert enter(path, rows("2025-06-01"), NOON) == 2
    before = read_diary(path)
    assert enter(path, rows("2025-06-02"), NOON) == 2
    pd.testing.assert_frame_equal(read_diary(path).iloc[:2], before)
    assert read_diary(path)["cutoff"].dt.day.tolist() == [1, 1, 2, 2]


def test_the_same_forecast_is_not_added_twice(tmp_path: Path) -> None:
    path = tmp_path / "BTC.parquet"
    enter(path, rows(), NOON)
    digest = digest_of_diary(path)
    assert enter(path, rows(), datetime(2025, 6, 3, tzinfo=UTC)) == 0
    assert digest_of_diary(path) == digest


def test_what_the_same_models_say_of_revised_bars_is_added_and_what_they_said_before_stays(tmp_path: Path) -> None:
    path = tmp_path / "BTC.parquet"
    enter(path, rows(), NOON)
    assert enter(path, rows(close=101), NOON) == 2
    assert enter(path, rows(close=101), NOON) == 0
    assert enter(path, rows(close=101, log_return=0.5), NOON) == 2
    assert read_diary(path)["close"].tolist() == [100, 100, 101, 101, 101, 101]
    assert read_diary(path)["log_return"].tolist() == [0.01] * 4 + [0.5] * 2


def test_other_models_of_the_same_day_are_another_forecast(tmp_path: Path) -> None:
    path = tmp_path / "BTC.parquet"
    enter(path, rows(served="a"), NOON)
    assert enter(path, rows(served="b"), NOON) == 2


def test_models_that_serve_again_after_others_have_the_last_word(tmp_path: Path) -> None:
    path = tmp_path / "BTC.parquet"
    for served in ("a", "b", "a"):  # promoted, and rolled back
        assert enter(path, rows(served=served, log_return=0.1 if served == "a" else 0.2), NOON) == 2
    assert enter(path, rows(served="a", log_return=0.1), NOON) == 0
    assert read_diary(path)["served"].tolist() == ["a", "a", "b", "b", "a", "a"]


def test_a_diary_that_is_gone_is_missed_while_its_json_is_there(tmp_path: Path) -> None:
    path = tmp_path / "BTC.parquet"
    enter(path, rows("2025-06-01"), NOON)
    path.unlink()
    before = path.with_suffix(".json").read_bytes()
    with pytest.raises(DiaryError, match=r"BTC.parquet beside .*BTC.json. Received: the latter alone. Put the former"):
        enter(path, rows("2025-06-02"), NOON)
    assert path.with_suffix(".json").read_bytes() == before
    assert not path.exists()


def test_json_that_was_not_written_is_made_up_for(tmp_path: Path) -> None:
    path = tmp_path / "BTC.parquet"
    enter(path, rows("2025-06-01"), NOON)
    path.with_suffix(".json").unlink()  # as if a writer had ended between the two
    assert enter(path, rows("2025-06-01"), NOON) == 0
    assert len(json.loads(path.with_suffix(".json").read_text())) == 2


def test_what_a_killed_writer_left_half_written_is_swept_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "BTC.parquet"
    for name in (".BTC.json.0a1b2c3d", ".BTC.parquet.0a1b2c3d", ".ETH.json.0a1b2c3d"):
        (tmp_path / name).write_text("half")
    enter(path, rows(), NOON)
    left = {each.name for each in tmp_path.iterdir()} - {".BTC.lock"}
    assert left == {"BTC.json", "BTC.parquet", ".ETH.json.0a1b2c3d"}


def test_what_its_own_models_could_look_up_is_no_forecast(tmp_path: Path) -> None:
    path = tmp_path / "BTC.parquet"
    assert enter(path, rows("2025-05-30"), NOON) == 0
    assert not path.exists()


def test_json_holds_the_same_rows(tmp_path: Path) -> None:
    path = tmp_path / "BTC.parquet"
    enter(path, rows(), NOON)
    told = json.loads(path.with_suffix(".json").read_text())
    assert [each["horizon"] for each in told] == [1, 7]
    assert told[0]["target_day"].startswith("2025-06-02")
    assert told[0]["issued"].startswith("2025-06-02T12:00")


def test_a_damaged_diary_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "BTC.parquet"
    path.write_bytes(b"torn")
    with pytest.raises(DiaryError, match=r"Expected a diary of forecasts. Received: .*BTC.parquet"):
        enter(path, rows(), NOON)
    assert path.read_bytes() == b"torn"
    assert not path.with_suffix(".json").exists()


def test_a_write_that_fails_leaves_the_diary_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "BTC.parquet"
    enter(path, rows("2025-06-01"), NOON)
    digest = digest_of_diary(path)

    def fail(*args: object, **keywords: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_parquet", fail)
        with pytest.raises(OSError, match="disk full"):
            enter(path, rows("2025-06-02"), NOON)
    assert digest_of_diary(path) == digest
    assert enter(path, rows("2025-06-02"), NOON) == 2  # and the next one mends it
    assert len(json.loads(path.with_suffix(".json").read_text())) == 4


def test_simulated_forecasts_lie_in_a_folder_of_their_own(tmp_path: Path) -> None:
    assert diary_path(tmp_path / "artifacts", "BTC", False) == tmp_path / "forecasts" / "BTC.parquet"
    assert diary_path(tmp_path / "artifacts", "BTC", True) == tmp_path / "forecasts" / "simulated" / "BTC.parquet"
    assert diary_path(Path("artifacts"), "BTC", False) == Path("forecasts/BTC.parquet")
