from datetime import date
from io import BytesIO

import pandas as pd
import pytest

from forecaster.market import BarsError
from forecaster.market.files import find_file, read_table

HEADER = "date,open,high,low,close,volume"


def read(*lines):
    return read_table("\n".join(lines).encode(), ".csv")


def parquet(frame):
    buffer = BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


def test_the_file_of_a_coin_is_found_whatever_its_suffix(tmp_path):
    (tmp_path / "BTC.csv").touch()
    (tmp_path / "ETH.parquet").touch()
    assert find_file(tmp_path, "BTC").name == "BTC.csv"
    assert find_file(tmp_path, "ETH").name == "ETH.parquet"


def test_neither_or_both_files_or_no_folder_is_an_error(tmp_path):
    with pytest.raises(BarsError, match="neither is in"):
        find_file(tmp_path, "BTC")
    (tmp_path / "BTC.csv").touch()
    (tmp_path / "BTC.parquet").touch()
    with pytest.raises(BarsError, match="both are there"):
        find_file(tmp_path, "BTC")
    with pytest.raises(BarsError, match="existing folder"):
        find_file(tmp_path / "nowhere", "BTC")


def test_column_names_may_be_in_upper_case():
    frame, found = read(" Date ,Open,HIGH,low,Close,Volume", "2024-01-01,1,2,1,2,5")
    assert frame.index.tolist() == [pd.Timestamp("2024-01-01")]
    assert list(frame.columns) == ["open", "high", "low", "close", "volume"]
    assert found == []


@pytest.mark.parametrize(
    "index",
    [
        pd.DatetimeIndex(["2024-01-01"], name="date"),
        pd.DatetimeIndex(["2024-01-01"], name="Timestamp"),
        pd.DatetimeIndex(["2024-01-01"], name="date", tz="UTC"),
        pd.DatetimeIndex(["2024-01-01T01:00"], name="date", tz="Europe/Berlin"),
        pd.Index([date(2024, 1, 1)], name="date"),
        pd.Index(["2024-01-01"], name="DATE"),
    ],
)
def test_an_index_of_days_is_understood_and_zones_become_utc(bars, index):
    frame, _ = read_table(parquet(bars.head(1).set_index(index)), ".parquet")
    assert frame.index.tolist() == [pd.Timestamp("2024-01-01")]
    assert frame.index.name == "date"
    assert frame["close"].tolist() == [100.0]


def test_zones_in_text_become_utc():
    frame, _ = read(HEADER, "2024-01-01T00:00:00Z,1,1,1,1,1", "2024-01-02T02:00:00+02:00,1,1,1,1,1")
    assert frame.index.tolist() == [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02")]


@pytest.mark.parametrize("bad", ["2024-01-02 13:00", "yesterday", "", "2024-02-30"])
def test_a_date_that_is_no_utc_midnight_is_named_with_its_row(bad):
    with pytest.raises(BarsError, match=r"UTC midnight.*in row 2"):
        read(HEADER, "2024-01-01,1,1,1,1,1", f"{bad},1,1,1,1,1")


def test_numbers_are_no_dates():
    with pytest.raises(BarsError, match="numbers, first"):
        read(HEADER, "20240101,1,1,1,1,1")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("date,open,high,low,close", "missing: volume"),
        ("day,open,high,low,close,volume", "named `date`"),
        ("date,open,high,low,close,volume,Close", "Received twice: close"),
    ],
)
def test_a_missing_or_repeated_column_is_named(header, message):
    with pytest.raises(BarsError, match=message):
        read(header, ",".join(["2024-01-01", *["1"] * header.count(",")]))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\xff\xfe\x00broken\n\x00"])
@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_an_unreadable_file_is_an_error_that_says_so(content, suffix):
    with pytest.raises(BarsError):
        read_table(content, suffix)


def test_a_truncated_parquet_file_is_an_error_that_says_so(bars):
    content = parquet(bars)
    with pytest.raises(BarsError, match="may be truncated"):
        read_table(content[: len(content) // 2], ".parquet")


def test_further_numbers_are_kept_and_texts_left_out_with_a_finding():
    frame, found = read(HEADER + ",addresses,note", "2024-01-01,1,1,1,1,1,7,hello")
    assert frame["addresses"].tolist() == [7.0]
    assert "note" not in frame
    assert found == ["Columns without numbers are left out: note."]


def test_a_cell_that_is_no_number_becomes_missing_for_the_checks_to_refuse():
    frame, _ = read(HEADER, "2024-01-01,1,1,1,n/q,1")
    assert frame["close"].isna().tolist() == [True]
