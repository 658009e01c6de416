import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.market import BarsError
from forecaster.prepare import prepare, prepare_unit
from forecaster.settings import COINS, Coin, DataConfig, SplitConfig
from forecaster.store import Store
from forecaster.windows import LOG_CLOSE

SPLIT = SplitConfig(lookback=10, n_folds=3, min_fold_origins=60)


def test_a_new_bar_leaves_train_and_val_untouched(world):
    before, after = world.today, world.tomorrow
    assert after.data.rows == before.data.rows + 1
    assert (after.parts.train, after.parts.val) == (before.parts.train, before.parts.val)
    assert (after.judged, after.folds) == (before.judged, before.folds)
    assert after.parts.test != before.parts.test
    assert after.parts.all != before.parts.all
    assert after.serving != before.serving


def test_a_new_bar_between_anchors_leaves_the_anchored_rows_untouched(world):
    assert world.tomorrow.parts.anchored == world.today.parts.anchored
    last = world.rows("anchored").index[-1]
    assert (last - pd.Timestamp(0)).days % SPLIT.anchor_days == 0
    assert 0 < (world.rows("all").index[-1] - last).days < SPLIT.anchor_days


def test_no_part_holds_a_day_after_its_own(world):
    boundaries = world.today.boundaries
    assert world.rows("train").index[-1] == pd.Timestamp(boundaries.val) - pd.Timedelta(days=1)
    assert world.rows("val").index[-1] == pd.Timestamp(boundaries.test) - pd.Timedelta(days=1)
    assert world.rows("test").index[-1] == pd.Timestamp(boundaries.last)


@pytest.mark.parametrize("part", ["val", "test"])
def test_later_parts_begin_a_lookback_early_so_that_their_first_window_is_full(world, part):
    first_origin = world.rows(part).index[SPLIT.lookback - 1]
    assert first_origin == pd.Timestamp(getattr(world.today.boundaries, part))


def test_parts_are_cuts_of_all_rows(world):
    for part in ("train", "val", "test", "anchored"):
        rows = world.rows(part)
        pd.testing.assert_frame_equal(rows, world.rows("all").loc[rows.index], check_freq=False)


def test_rows_hold_features_cross_asset_columns_and_the_logarithm_of_the_close(world):
    rows, bars = world.rows("all"), pd.read_parquet(world.bars / "BTC.parquet")
    np.testing.assert_allclose(rows[LOG_CLOSE], np.log(bars["close"].loc[rows.index]))
    assert world.today.cross_asset == (
        "eth_return_1d",
        "eth_return_7d",
        "eth_return_30d",
        "eth_rsi_14",
        "eth_volatility_20d",
        "eth_btc_ratio_sma",
    )
    assert rows.shape[1] == world.today.n_engineered + 1


def test_the_summary_says_where_the_bars_came_from(world):
    data = world.today.data
    assert (data.source, data.simulated, data.last, data.stale_days) == ("folder", False, date(2025, 12, 20), 0)
    assert data.rows == len(world.rows("all"))


def test_the_audit_is_clean_and_covers_every_part(world):
    parts = [row.part for row in world.today.audit]
    assert all(row.is_clean for row in world.today.audit)
    assert {"train", "val", "test"} <= set(parts)
    assert len(parts) == 3 + 3 * len(world.today.folds)


def test_a_coin_without_its_partner_loses_six_columns_and_says_why(world, tmp_path: Path):
    shutil.copy(world.bars / "BTC.parquet", tmp_path)
    alone = prepare("BTC", DataConfig(data_dir=tmp_path, as_of=date(2025, 12, 20)), SPLIT, Store(tmp_path))
    assert alone.cross_asset == ()
    assert alone.n_engineered == world.today.n_engineered - 6
    assert len(alone.degraded) == 1
    assert "partner ETH" in alone.degraded[0]
    assert alone.partner_months == {}


def test_of_a_partner_whose_bars_are_late_only_months_that_are_over_are_remembered(world, tmp_path: Path):
    shutil.copytree(world.bars, tmp_path / "bars")
    eth = pd.read_parquet(tmp_path / "bars" / "ETH.parquet")
    eth.loc[:"2025-12-18"].to_parquet(tmp_path / "bars" / "ETH.parquet")
    config = DataConfig(data_dir=tmp_path / "bars", as_of=date(2025, 12, 20))
    late, whole = prepare("BTC", config, SPLIT, Store(tmp_path / "store")).partner_months, world.today.partner_months
    assert late == dict(list(whole.items())[:-1])


def test_a_coin_without_its_own_bars_fails(world, tmp_path: Path):
    shutil.copy(world.bars / "ETH.parquet", tmp_path)
    with pytest.raises(BarsError, match="BTC"):
        prepare("BTC", DataConfig(data_dir=tmp_path), SPLIT, Store(tmp_path))


def test_columns_that_the_input_brings_under_a_name_of_ours_are_kept_under_another(world, tmp_path: Path):
    shutil.copy(world.bars / "ETH.parquet", tmp_path)
    bars = pd.read_parquet(world.bars / "BTC.parquet")
    bars.assign(eth_rsi_14=2.0, log_close=3.0).to_parquet(tmp_path / "BTC.parquet")
    store = Store(tmp_path)
    rows = store.frame(prepare("BTC", DataConfig(data_dir=tmp_path, as_of=date(2025, 12, 20)), SPLIT, store).parts.all)
    pd.testing.assert_frame_equal(rows[["eth_rsi_14", LOG_CLOSE]], world.rows()[["eth_rsi_14", LOG_CLOSE]])
    assert rows[["extra_eth_rsi_14", "extra_log_close"]].iloc[0].tolist() == [2.0, 3.0]


def test_the_unit_prepares_into_the_store_below_its_root(world, tmp_path: Path):
    data = DataConfig(data_dir=world.bars, as_of=date(2025, 12, 20))
    assert prepare_unit(tmp_path, "BTC", data, SPLIT) == world.today
    assert Store(tmp_path).holds(world.today.parts.all)


@pytest.mark.parametrize("coin", COINS)
def test_no_label_crosses_on_real_bars(real_bars: Path, tmp_path: Path, coin: Coin):
    prepared = prepare(coin, DataConfig(data_dir=real_bars), SplitConfig(), Store(tmp_path))
    assert prepared.folds
    assert all(row.is_clean for row in prepared.audit)
    assert prepared.n_engineered >= 150
