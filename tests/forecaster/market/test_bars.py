import hashlib
import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.market import BarsError, load_bars, require_length, rows_needed, simulate, stale_days
from forecaster.settings import COINS, DataConfig, SplitConfig

TODAY = date(2024, 6, 1)


def load(folder, **settings):
    return load_bars("BTC", DataConfig(data_dir=folder, **settings), today=TODAY)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_clean_bars_come_back_as_they_were_with_the_digest_of_their_file(bars, save, suffix):
    loaded = load(save(bars, suffix))
    pd.testing.assert_frame_equal(loaded.frame, bars, check_freq=False, check_index_type=False)
    assert loaded.sha256 == hashlib.sha256((save(bars, suffix) / f"BTC{suffix}").read_bytes()).hexdigest()
    assert (loaded.findings, loaded.path, loaded.source, loaded.simulated) == ((), f"BTC{suffix}", "folder", False)


def test_bars_end_on_the_as_of_date(bars, save):
    loaded = load(save(bars), as_of=date(2024, 2, 1))
    assert loaded.last == date(2024, 2, 1)
    assert "68 row(s) after 2024-02-01" in loaded.findings[0]


@pytest.mark.parametrize("as_of", [None, date(2024, 4, 9), date(2030, 1, 1)])
def test_the_bar_of_a_day_that_is_still_open_is_never_used(bars, save, as_of):
    config = DataConfig(data_dir=save(bars), as_of=as_of)
    loaded = load_bars("BTC", config, today=date(2024, 4, 9))  # the day of the last row
    assert loaded.last == date(2024, 4, 8)
    assert "1 row(s) after 2024-04-08" in loaded.findings[0]


def test_damage_after_the_as_of_date_does_not_matter(bars, save):
    bars.loc["2024-04-01", "close"] = np.nan
    assert load(save(bars), as_of=date(2024, 3, 31)).last == date(2024, 3, 31)


def test_an_error_names_file_row_expectation_and_remedy(bars, save):
    bars.loc["2024-04-01", "low"] = -5.0
    with pytest.raises(BarsError, match=r"BTC\.parquet: .*2024-04-01 low = -5\.0 must be positive.*Correct these rows"):
        load(save(bars))


def test_nothing_up_to_the_as_of_date_is_an_error(bars, save):
    with pytest.raises(BarsError, match="on or before the as-of date"):
        load(save(bars), as_of=date(2020, 1, 1))


def test_without_a_folder_the_simulated_market_serves_and_says_so():
    loaded = load_bars("ETH", DataConfig(as_of=date(2020, 1, 1)))
    assert loaded.simulated
    assert loaded.path is None
    assert "simulated" in loaded.findings[0]
    whole = simulate().bars["ETH"]
    pd.testing.assert_frame_equal(loaded.frame, whole.loc[:"2020-01-01"])


def test_an_earlier_as_of_date_leaves_the_digest_of_the_simulated_market_alone_and_a_seed_does_not():
    digests = [
        load_bars("BTC", DataConfig(as_of=as_of, seed=seed)).sha256
        for as_of, seed in [(date(2020, 1, 1), 1), (date(2021, 1, 1), 1), (date(2021, 1, 1), 2)]
    ]
    assert digests[0] == digests[1] != digests[2]


def test_the_simulated_market_refuses_a_day_before_it_starts():
    with pytest.raises(BarsError, match="starts on"):
        load_bars("BTC", DataConfig(as_of=date(2000, 1, 1)))


def test_stale_days_count_from_the_last_bar(bars, save):
    loaded = load(save(bars))
    assert stale_days(loaded, date(2024, 4, 12)) == 3
    assert stale_days(loaded, date(2024, 4, 9)) == 0
    assert stale_days(loaded, date(2024, 4, 1)) == 0
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert stale_days(loaded) == pytest.approx((yesterday - loaded.last).days, abs=1)


def test_the_simulated_market_is_stale_only_if_asked_for_a_date():
    loaded = load_bars("BTC", DataConfig())
    assert stale_days(loaded) == 0
    assert stale_days(loaded, loaded.last + timedelta(days=5)) == 5


def test_rows_needed_add_up():
    small = SplitConfig(lookback=10, horizons=(1, 5), train=0.5, val=0.25, n_folds=4, min_fold_origins=35)
    # train: (35 + 5) * 5 / 4 = 50 origins, 9 days of first lookback, 5 purged, of half the rows; val: 35 of a quarter
    assert rows_needed(small) == max(2 * 64, 4 * 35)
    assert rows_needed(small.model_copy(update={"lookback": 30})) == 2 * 84


def test_a_short_history_is_refused_with_rows_available_and_needed():
    loaded = load_bars("BTC", DataConfig())
    since_anchor = (loaded.last - date(1970, 1, 1)).days % 30
    needed = rows_needed(SplitConfig()) + since_anchor
    frame = loaded.frame
    require_length(replace(loaded, frame=frame.tail(needed)), SplitConfig())
    with pytest.raises(BarsError, match=rf"at least {needed} daily rows.*Received: {needed - 1} usable rows.*why\."):
        require_length(replace(loaded, frame=frame.tail(needed - 1), findings=("why.",)), SplitConfig())


@pytest.mark.skipif("RETRAIN_BARS" not in os.environ, reason="RETRAIN_BARS names no folder of real bars")
@pytest.mark.parametrize("coin", COINS)
def test_real_bars_are_usable(coin):
    loaded = load_bars(coin, DataConfig(data_dir=Path(os.environ["RETRAIN_BARS"])))
    require_length(loaded, SplitConfig())
    assert (loaded.frame[["open", "high", "low", "close"]] > 0).all(axis=None)
    assert (np.diff(loaded.frame.index) == np.timedelta64(1, "D")).all()
