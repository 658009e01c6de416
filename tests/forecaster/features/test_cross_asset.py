import numpy as np
import pandas as pd
import pytest
import talib

from forecaster.features import columns_of, cross_asset, cross_asset_columns
from forecaster.market import simulate
from forecaster.settings import COINS, partner_of


@pytest.fixture(scope="module")
def market():
    return simulate(n_days=300).bars


def test_bitcoin_sees_ethereum_in_the_six_columns_of_the_specification(market):
    columns = cross_asset(market["BTC"], market["ETH"], "BTC", "ETH")
    assert list(columns.columns) == [
        "eth_return_1d",
        "eth_return_7d",
        "eth_return_30d",
        "eth_rsi_14",
        "eth_volatility_20d",
        "eth_btc_ratio_sma",
    ]
    btc, eth = market["BTC"]["close"], market["ETH"]["close"]
    day = columns.iloc[-1]
    assert day["eth_return_7d"] == pytest.approx(eth.iloc[-1] / eth.iloc[-8] - 1)
    assert day["eth_rsi_14"] == pytest.approx(talib.RSI(eth.to_numpy(), 14)[-1])
    assert day["eth_volatility_20d"] == pytest.approx(np.diff(np.log(eth.iloc[-21:])).std(ddof=1))
    assert np.exp(day["eth_btc_ratio_sma"]) == pytest.approx((eth / btc).iloc[-20:].mean())


def test_other_coins_see_bitcoin():
    assert cross_asset_columns("LTC", "BTC")[0] == "btc_return_1d"
    assert cross_asset_columns("LTC", "BTC")[-1] == "btc_ltc_ratio_sma"
    assert all(set(cross_asset_columns(coin, partner_of(coin))) <= set(columns_of("cross_asset")) for coin in COINS)


def test_days_without_the_partner_stay_missing(market):
    own, partner = market["BTC"], market["ETH"].iloc[100:200]
    columns = cross_asset(own, partner, "BTC", "ETH")
    assert columns.index.equals(own.index)
    assert columns.iloc[:101].isna().all(axis=None)
    assert columns.iloc[200:].isna().all(axis=None)
    assert columns.iloc[130:200].notna().all(axis=None)


def test_a_partner_that_never_overlaps_gives_only_missing_values(market):
    early = market["ETH"].set_axis(market["ETH"].index - pd.Timedelta(days=1000))
    assert cross_asset(market["BTC"], early, "BTC", "ETH").isna().all(axis=None)


@pytest.mark.parametrize("cut", [1, 15, 60, 200, 299])
def test_cross_asset_columns_look_back_only(market, cut):
    own, partner = market["XRP"], market["BTC"]
    past = cross_asset(own.iloc[:cut], partner.iloc[:cut], "XRP", "BTC")
    whole = cross_asset(own, partner, "XRP", "BTC").iloc[:cut]
    pd.testing.assert_frame_equal(past, whole, check_freq=False, rtol=1e-9)


def test_a_partners_future_changes_nothing(market):
    own, partner = market["XRP"], market["BTC"]
    altered = partner.copy()
    altered.iloc[200:, :4] *= 7
    before, after = (cross_asset(own, frame, "XRP", "BTC").iloc[:200] for frame in (partner, altered))
    pd.testing.assert_frame_equal(before, after, check_exact=True)
