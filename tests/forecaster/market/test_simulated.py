from datetime import date

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from forecaster.market import simulate
from forecaster.market.checks import clean
from forecaster.market.simulated import DAILY_VOLATILITY
from forecaster.settings import COINS


@pytest.fixture(scope="module")
def market():
    return simulate(signal=0.0)


@pytest.fixture(scope="module")
def planted():
    return simulate(signal=0.1)


def log_returns(market, days=1):
    return pd.DataFrame({coin: np.log(bars["close"]).diff(days) for coin, bars in market.bars.items()}).iloc[days:]


def future(bars, days):
    return np.log(bars["close"].shift(-days) / bars["close"]).dropna()


def r2(y, forecast):
    return 1 - ((y - forecast.loc[y.index]) ** 2).sum() / (y**2).sum()


def test_the_same_seed_gives_the_same_bits_and_another_one_does_not(market):
    again, other = simulate(seed=42), simulate(seed=43)
    for coin in COINS:
        pd.testing.assert_frame_equal(market.bars[coin], again.bars[coin], check_exact=True)
        assert not np.allclose(market.bars[coin]["close"], other.bars[coin]["close"])


def test_a_longer_market_starts_with_the_same_bars(market):
    short = simulate(n_days=500)
    for coin in COINS:
        np.testing.assert_array_equal(short.bars[coin].to_numpy(), market.bars[coin].to_numpy()[:500])


def test_every_coin_has_all_days_up_to_the_end(market):
    days = pd.date_range(end="2025-12-31", periods=4500)
    for coin in COINS:
        assert (market.bars[coin].index == days).all()
    assert simulate(n_days=10, end=date(2020, 2, 29)).factor.index[-1] == pd.Timestamp("2020-02-29")


@pytest.mark.parametrize("coin", COINS)
@pytest.mark.parametrize("signal", [0.0, 0.1])
def test_simulated_bars_pass_every_check(coin, signal):
    frame, findings = clean(simulate(signal=signal).bars[coin])
    assert len(frame) == 4500
    assert all("(kept)" in finding for finding in findings)


def test_returns_have_their_volatility_fat_tails_and_common_moves(market):
    returns = log_returns(market)
    for coin in COINS:
        assert returns[coin].std() == pytest.approx(DAILY_VOLATILITY[coin], rel=0.15)
        assert returns[coin].kurt() > 3
    correlation = returns.corr().to_numpy()[np.triu_indices(5, 1)]
    assert (correlation > 0.4).all()
    assert (correlation < 0.8).all()


def test_volatility_clusters(market):
    size = log_returns(market).abs()
    for lag in (1, 10, 30):
        assert size.apply(lambda coin, lag=lag: coin.autocorr(lag)).mean() > 0.04


def test_without_a_signal_returns_neither_drift_nor_repeat(market):
    returns = log_returns(market)
    standard_error = returns.std() / np.sqrt(len(returns))
    assert (returns.mean().abs() < 3 * standard_error).all()
    for lag in (1, 2, 7):  # volatility clusters widen the usual 1 / sqrt(n) = 0.015
        assert returns.apply(lambda coin, lag=lag: coin.autocorr(lag)).abs().max() < 0.06


def test_without_a_signal_the_oracle_is_zero_and_there_are_no_gauges(market):
    for coin in COINS:
        assert (market.oracle[coin] == 0).all(axis=None)
        assert list(market.bars[coin].columns) == ["open", "high", "low", "close", "volume"]


def test_volume_rises_with_the_size_of_the_move(market):
    returns = log_returns(market).abs()
    for coin in COINS:
        volume = np.log(market.bars[coin]["volume"].iloc[1:])
        assert 0.2 < volume.corr(returns[coin]) < 0.8


@pytest.mark.parametrize("coin", COINS)
def test_the_oracle_explains_the_planted_share_of_one_day_and_more_of_seven(planted, coin):
    bars, oracle = planted.bars[coin], planted.oracle[coin]
    y = future(bars, 1)
    assert oracle[1].iloc[:-1].var() / y.var() == pytest.approx(0.1, rel=1e-6)
    assert r2(y, oracle[1]) == pytest.approx(0.1, abs=0.02)
    assert 0.25 < r2(future(bars, 7), oracle[7]) < 0.5


def test_the_oracle_is_the_factor_times_the_sum_of_its_expected_decay(planted):
    oracle = planted.oracle["BTC"]
    np.testing.assert_allclose(oracle[7], oracle[1] * sum(0.97**k for k in range(7)))
    beta = oracle[1] / planted.factor["BTC"]
    assert beta.std() < 1e-12
    assert beta.iloc[0] > 0


@pytest.mark.parametrize("coin", COINS)
def test_a_linear_model_of_the_gauges_finds_about_half_of_the_signal(planted, coin):
    bars = planted.bars[coin]
    gauges = bars.filter(like="gauge_")
    assert gauges.shape[1] == 10
    y = future(bars, 1)
    fitted = LinearRegression().fit(gauges.loc[y.index], y)
    assert 0.035 < r2(y, pd.Series(fitted.predict(gauges.loc[y.index]), y.index)) < 0.08
    assert gauges.corrwith(planted.factor[coin]).between(0.25, 0.42).all()


def test_a_signal_leaves_the_daily_volatility_alone(market, planted):
    ratio = log_returns(planted).std() / log_returns(market).std()
    assert ratio.between(0.95, 1.05).all()


@pytest.mark.parametrize("settings", [{"signal": 1.0}, {"signal": -0.1}, {"n_days": 1}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match="Received"):
        simulate(**settings)
