from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows.preflight import settings_that_do_not_fit
from forecaster.config import RunConfig
from forecaster.market import simulate

BARS = simulate(seed=7, n_days=1100).bars  # newest day 2025-12-31


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """BTC has 1100 days, ETH the newest 700 of them, LTC 300; XRP is broken, and DOGE has no file."""
    for coin, n_days in (("BTC", 1100), ("ETH", 700), ("LTC", 300)):
        BARS[coin].iloc[-n_days:].to_csv(tmp_path / f"{coin}.csv")
    (tmp_path / "XRP.csv").write_text("date,close\nnever,1\n")
    return tmp_path


def complaints(folder: Path, coins: str, **settings: Any) -> list[str]:
    return settings_that_do_not_fit(RunConfig(crypto=coins.split(","), data_dir=folder, **settings))


def test_settings_that_fit_pass(folder: Path):
    assert complaints(folder, "BTC,ETH") == []
    assert complaints(folder, "BTC", walk_forward=True, wf_min_train=300, wf_splits=5) == []


def test_the_simulated_market_passes():
    assert settings_that_do_not_fit(RunConfig()) == []


def test_a_coin_that_is_missing_broken_or_too_short_for_anything_is_left_to_the_night(folder: Path):
    assert complaints(folder, "LTC,XRP,DOGE") == []
    assert complaints(folder, "LTC,XRP,DOGE", walk_forward=True) == []
    assert complaints(folder, "XRP,DOGE", as_of="2025-01-01") == []


def test_a_lookback_is_too_long_for_one_coin_and_what_fits_is_said(folder: Path):
    (told,) = complaints(folder, "BTC,ETH", seq_length=200)
    assert told.startswith("--seq-length: expected a lookback that leaves train, val and test of ETH enough of its 700")
    longest = int(told.partition("Received: 200. At most ")[2].split()[0])
    assert complaints(folder, "ETH", seq_length=longest) == []
    assert complaints(folder, "ETH", seq_length=longest + 1) != []


def test_a_lookback_longer_than_the_data_is_refused_even_where_nothing_shorter_fits(folder: Path):
    (told,) = complaints(folder, "LTC", seq_length=300)
    assert "Received: 300. No lookback fits so few" in told


def test_more_folds_than_days_are_refused(folder: Path):
    (told,) = complaints(folder, "BTC", folds=900)
    assert told.startswith("--folds: expected fewer folds, so that each holds enough days of BTC")
    assert "Received: 900. For instance 5 fit." in told


def test_folds_that_nothing_needs_are_not_looked_at(folder: Path):
    assert complaints(folder, "BTC", folds=900, no_ensemble=True) == []
    assert complaints(folder, "BTC", folds=900, no_ensemble=True, tune=True) != []


def test_more_walk_forward_splits_than_the_days_allow_are_refused(folder: Path):
    (told,) = complaints(folder, "BTC", walk_forward=True, wf_splits=50, wf_min_train=300)
    assert told.startswith("BTC: --wf-splits 50 and --wf-min-train 300 need ")
    assert complaints(folder, "BTC", wf_splits=50) == []


def test_every_coin_that_does_not_fit_is_named(folder: Path):
    told = complaints(folder, "BTC,ETH", seq_length=690)
    assert [coin in each for coin, each in zip(("of BTC", "of ETH"), told, strict=True)] == [True, True]


def test_an_as_of_before_all_bars_is_refused_and_their_first_day_said(folder: Path):
    first = pd.Timestamp(BARS["BTC"].index[0]).date()
    (told,) = complaints(folder, "BTC", as_of="2001-01-01")
    assert told.startswith(
        f"--as-of: expected a day on which BTC has bars; they start on {first}. Received: 2001-01-01."
    )
