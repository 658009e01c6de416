import numpy as np
import pandas as pd
import pytest

from forecaster.features import (
    calendar,
    engineer,
    momentum,
    moving_average,
    price,
    regime,
    statistical,
    volatility,
    volume,
)


def bars_of(close, **columns):
    close = np.asarray(close, dtype=float)
    frame = {"open": close, "high": close, "low": close, "close": close, "volume": np.ones(len(close))} | columns
    return pd.DataFrame(frame, index=pd.date_range("2024-01-01", periods=len(close), name="date"))


def test_returns_are_simple_and_logarithmic_over_the_days_they_name():
    columns = price.features(bars_of([100, 110, 121, 60.5]))
    np.testing.assert_allclose(columns["return_1d"], [np.nan, 0.1, 0.1, -0.5])
    np.testing.assert_allclose(columns["return_3d"], [np.nan, np.nan, np.nan, -0.395])
    np.testing.assert_allclose(columns["log_return_1d"], np.log([np.nan, 1.1, 1.1, 0.5]))
    np.testing.assert_allclose(columns["log_return_1d_lag_2"], [np.nan, np.nan, np.nan, np.log(1.1)])


def test_spreads_and_shadows_measure_one_bar():
    day = price.features(bars_of([108], open=[102], high=[110], low=[100])).iloc[0]
    assert day["high_low_spread"] == pytest.approx(np.log(1.1))
    assert day["close_open_spread"] == pytest.approx(np.log(108 / 102))
    assert [day["upper_shadow"], day["body_share"], day["lower_shadow"]] == pytest.approx([0.2, 0.6, 0.2])


def test_a_gap_is_measured_in_basis_points_and_tamed():
    gap = price.features(bars_of([100, 100], open=[100, 101]))["gap"].iloc[1]
    assert np.sinh(gap) == pytest.approx(1e4 * np.log(1.01))


def test_range_position_and_drawdown_stand_between_low_and_high():
    close = [*np.linspace(80, 200, 21), *np.linspace(200, 150, 20)[1:]]
    day = price.features(bars_of(close)).iloc[-1]
    assert day["range_position_7d"] == 0.0
    assert day["drawdown_30d"] == pytest.approx(np.log(150 / 200))
    assert day["rise_from_low_30d"] == pytest.approx(np.log(150 / close[10]))


def test_a_steady_rise_stands_above_its_averages_by_half_their_length(rising):
    day = moving_average.features(rising).iloc[-1]
    last_five = np.exp(-0.01 * np.arange(5)).mean()
    assert day["sma_ratio_5"] == pytest.approx(-np.log(last_five))
    assert day["sma_slope_200"] == pytest.approx(0.05)
    assert day["sma_cross_5_20"] > 0
    assert day["ema_cross_50_200"] > 0
    assert day["macd"] > 0
    assert day["sma_alignment"] == 1


def test_a_steady_rise_is_as_overbought_as_can_be(rising):
    day = momentum.features(rising).iloc[-1]
    assert [day["rsi_7"], day["rsi_14"], day["cmo_14"], day["mfi_14"], day["aroon_oscillator_25"]] == pytest.approx(
        [100] * 5
    )
    assert day["roc_12"] == pytest.approx(100 * (np.exp(0.12) - 1))
    assert day["directional_spread_14"] > 0
    assert day["stochastic_k"] > 90
    assert day["williams_r_14"] > -10


def test_volatility_is_the_standard_deviation_of_log_returns():
    close = 100 * np.exp(np.cumsum(np.tile([0.01, -0.01], 50)))
    day = volatility.features(bars_of(close)).iloc[-1]
    assert day["volatility_20d"] == pytest.approx(np.std(np.tile([0.01, -0.01], 10), ddof=1))
    assert day["volatility_ratio_30_90"] == pytest.approx(np.log(np.sqrt(30 / 29) / np.sqrt(90 / 89)))
    assert [day["downside_volatility_20d"], day["upside_volatility_20d"]] == pytest.approx([0.01 / np.sqrt(2)] * 2)


def test_range_volatility_follows_its_formula(rising):
    day = volatility.features(rising).iloc[-1]
    span = 0.01 + np.log(1.01 / 0.99)
    assert day["parkinson_20d"] == pytest.approx(span / np.sqrt(4 * np.log(2)))
    assert day["garman_klass_20d"] == pytest.approx(np.sqrt(0.5 * span**2 - (2 * np.log(2) - 1) * 0.01**2))


def test_bands_hold_the_close_in_units_of_their_width(rising):
    day = volatility.features(rising).iloc[-1]
    close = rising["close"].iloc[-20:]
    sd = close.std(ddof=0)
    assert day["bollinger_position_20"] == pytest.approx((close.iloc[-1] - close.mean() + 2 * sd) / (4 * sd))
    assert day["bollinger_width_20"] == pytest.approx(4 * sd / close.mean())


def test_bands_work_at_prices_at_which_ta_lib_alone_takes_variance_for_zero():
    close = 2e-4 * np.exp(np.cumsum(np.tile([0.01, -0.01, 0.02, -0.02], 15)))
    assert volatility.features(bars_of(close))["bollinger_width_20"].iloc[-1] > 0.03


def test_volume_is_seen_against_its_own_level_and_where_it_went():
    traded = np.ones(40)
    traded[-1] = 3.0
    columns = volume.features(bars_of(100 * 1.01 ** np.arange(40), volume=traded))
    day = columns.iloc[-1]
    assert day["volume_ratio_5d"] == pytest.approx(np.log(3 / 1.4))
    assert day["volume_breakout"] == 1
    assert columns["volume_breakout"].iloc[-2] == 0
    assert day["obv_10d"] == 1
    assert day["vpt_30d"] == pytest.approx(np.log(1.01))


def test_money_that_flows_at_the_high_is_positive_and_without_trade_there_is_no_flow():
    close = np.full(40, 110.0)
    columns = volume.features(bars_of(close, low=np.full(40, 100.0)))
    assert columns["money_flow_20d"].iloc[-1] == pytest.approx(1)
    nothing = volume.features(bars_of(close, volume=np.zeros(40))).iloc[-1]
    assert nothing["money_flow_20d"] == nothing["volume_ratio_20d"] == nothing["vwap_ratio_20d"] == 0


def test_alternating_returns_have_opposite_autocorrelations_at_odd_and_even_lags():
    day = statistical.features(bars_of(100 * np.exp(np.cumsum(np.tile([0.01, -0.01], 60))))).iloc[-1]
    assert [day["autocorrelation_1_60d"], day["autocorrelation_2_60d"]] == pytest.approx([-1, 1])
    assert day["variance_ratio_5_60d"] == pytest.approx(0.2)  # five days move as far as one
    assert day["skewness_60d"] == pytest.approx(0, abs=1e-9)


def test_a_straight_line_is_all_trend(rising):
    day = statistical.features(rising).iloc[-1]
    assert day["trend_slope_20d"] == pytest.approx(0.01)
    assert day["trend_r2_20d"] == pytest.approx(1)
    assert day["price_zscore_20d"] == pytest.approx(9.5 / np.std(np.arange(20), ddof=1))


def test_circles_close_at_the_end_of_week_and_year():
    columns = calendar.features(bars_of(np.ones(400)))
    assert columns.loc["2024-01-01", ["day_of_week_sin", "day_of_week_cos", "month_sin", "month_cos"]].tolist() == [
        0,
        1,
        0,
        1,
    ]
    assert columns.loc["2024-04-01", ["quarter_sin", "quarter_cos"]].tolist() == pytest.approx([1, 0])
    assert columns.loc["2024-01-08", "day_of_week_sin"] == 0
    assert columns.loc["2024-01-06":"2024-01-08", "is_weekend"].tolist() == [1, 1, 0]
    assert columns.loc["2024-02-28":"2024-03-01", "is_month_end"].tolist() == [0, 1, 0]
    assert columns.loc["2024-03-30":"2024-04-01", "is_quarter_end"].tolist() == [0, 1, 0]


def test_a_rise_is_a_bull_market_and_a_fall_by_a_quarter_a_bear_market(rising):
    day = regime.features(rising).iloc[-1]
    assert (day["bull"], day["bear"]) == (1, 0)
    assert day["trend_strength"] == pytest.approx(1)
    fallen = rising.copy()
    fallen.iloc[-1, :4] *= 0.75
    assert regime.features(fallen)["bear"].iloc[-1] == 1


def test_a_burst_of_volatility_is_a_high_volatility_regime_under_stress():
    calm = np.random.default_rng(0).normal(0, 0.01, 400)
    wild = calm.copy()
    wild[-20:] = np.tile([0.1, -0.12], 10)
    columns = {
        name: regime.features(bars_of(np.exp(np.cumsum(r)))).iloc[-1] for name, r in (("calm", calm), ("wild", wild))
    }
    assert columns["wild"]["high_volatility"] == 1
    assert columns["wild"]["market_stress"] > 0.9
    assert columns["wild"]["market_stress"] > columns["calm"]["market_stress"]


def test_flags_are_unknown_while_history_is_short():
    columns = engineer(bars_of(100 + np.arange(30.0)))
    assert columns[["bull", "bear", "high_volatility", "squeeze"]].iloc[5].isna().all()
