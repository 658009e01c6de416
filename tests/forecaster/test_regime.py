import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.regime import DEFAULT_WEIGHTS, REGIME_WEIGHTS, REGIMES, MarketRegimeDetector, weights_for
from forecaster.settings import MODELS


def closes_from(returns):
    return pd.Series(np.exp(np.cumsum(returns)), index=pd.date_range("2020-01-01", periods=len(returns)))


@pytest.fixture
def closes():
    rng = np.random.default_rng(0)
    volatility = np.repeat(rng.uniform(0.005, 0.05, 20), 50)
    return closes_from(rng.normal(size=1000) * volatility)


def test_every_set_of_weights_covers_the_five_models_and_sums_to_one():
    for weights in (DEFAULT_WEIGHTS, *REGIME_WEIGHTS.values()):
        assert set(weights) == set(MODELS)
        assert sum(weights.values()) == pytest.approx(1)
    assert set(REGIME_WEIGHTS) == set(REGIMES)


def test_each_regime_favours_the_model_that_the_specification_names():
    assert REGIME_WEIGHTS["trending"]["enhanced_lstm"] > DEFAULT_WEIGHTS["enhanced_lstm"]
    assert REGIME_WEIGHTS["mean_reverting"]["lightgbm"] > DEFAULT_WEIGHTS["lightgbm"]
    assert REGIME_WEIGHTS["volatile"]["transformer"] > DEFAULT_WEIGHTS["transformer"]


def test_a_lost_model_leaves_its_weight_to_the_others():
    weights = weights_for("volatile", ["dlinear", "transformer"])
    assert weights == pytest.approx({"dlinear": 0.25, "transformer": 0.75})
    assert weights_for(None, ["tcn"]) == {"tcn": 1.0}


def test_unknown_regimes_and_models_are_refused():
    with pytest.raises(ValueError, match="Received: bullish"):
        weights_for("bullish", ["tcn"])
    with pytest.raises(ValueError, match="prophet"):
        weights_for(None, ["prophet"])
    with pytest.raises(ValueError, match="at least one model"):
        weights_for(None, [])


def test_steady_growth_is_trending():
    assert MarketRegimeDetector().detect(closes_from(np.full(200, 0.01))).iloc[-1] == "trending"


def test_up_and_down_in_turn_is_mean_reverting():
    assert MarketRegimeDetector().detect(closes_from(0.01 * (-1.0) ** np.arange(200))).iloc[-1] == "mean_reverting"


def test_suddenly_larger_swings_are_volatile():
    returns = 0.01 * (-1.0) ** np.arange(400)
    returns[-30:] *= 5
    assert MarketRegimeDetector().detect(closes_from(returns)).iloc[-1] == "volatile"


def test_small_swings_in_pairs_are_ranging():
    returns = np.tile([0.01, 0.01, -0.01, -0.01], 50)  # no net movement, and no correlation from day to day
    assert MarketRegimeDetector().detect(closes_from(returns)).iloc[-1] == "ranging"


def test_days_without_enough_history_and_a_dead_market_are_ranging(closes):
    assert set(MarketRegimeDetector().detect(closes[:30])) == {"ranging"}
    assert set(MarketRegimeDetector().detect(np.full(500, 7.0))) == {"ranging"}


def test_a_day_s_regime_does_not_depend_on_later_days(closes):
    detector = MarketRegimeDetector()
    full = detector.detect(closes)
    assert set(full) == set(REGIMES)
    for n in (31, 100, 365, 400, 777):
        pd.testing.assert_series_equal(detector.detect(closes[:n]), full[:n])
        crashed = closes.copy()
        crashed.iloc[n:] *= 0.01
        pd.testing.assert_series_equal(detector.detect(crashed)[:n], full[:n])


def test_an_array_gives_the_same_regimes_as_a_series(closes):
    detector = MarketRegimeDetector()
    assert detector.detect(closes.to_numpy()).tolist() == detector.detect(closes).tolist()


@pytest.mark.parametrize("bad", [np.nan, 0.0, -1.0, np.inf])
def test_closes_that_are_no_prices_are_refused(closes, bad):
    with pytest.raises(ValueError, match="Expected positive closes"):
        MarketRegimeDetector().detect(np.append(closes, bad))


@pytest.mark.skipif("RETRAIN_BARS" not in os.environ, reason="RETRAIN_BARS names no folder with real bars")
@pytest.mark.parametrize("coin", ["BTC", "ETH", "LTC", "XRP", "DOGE"])
def test_every_regime_has_a_sane_share_of_real_days(coin):
    closes = pd.read_parquet(Path(os.environ["RETRAIN_BARS"]) / f"{coin}.parquet")["close"].loc["2013-12-27":]
    shares = MarketRegimeDetector().detect(closes).value_counts(normalize=True)
    assert set(shares.index) == set(REGIMES)
    assert shares.between(0.10, 0.50).all()
