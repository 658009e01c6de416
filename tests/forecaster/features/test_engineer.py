import numpy as np
import pandas as pd
import pytest

from forecaster.features import CATEGORIES, category_of, columns_of, engineer
from forecaster.market import simulate

AT_LEAST = {
    "price": 40,
    "moving_average": 29,
    "momentum": 16,
    "volatility": 25,
    "volume": 10,
    "statistical": 11,
    "calendar": 14,
    "regime": 5,
    "cross_asset": 6,
}
CUTS = (1, 2, 40, 201, 340, 365, 520, 699)  # within the warm-up, the flat stretch, the days without volume, and after


@pytest.fixture(scope="module")
def full(bars):
    return engineer(bars)


@pytest.fixture(scope="module")
def truncated(bars):
    return {cut: engineer(bars.iloc[:cut]) for cut in CUTS}


def assert_looks_back_only(whole: pd.Series, pasts: dict[int, pd.Series]) -> None:
    """The last rows that were computed without the future equal those computed with it."""
    for cut, past in pasts.items():
        np.testing.assert_allclose(past.iloc[-5:], whole.iloc[:cut].iloc[-5:], rtol=1e-9, atol=1e-12)


COLUMNS = [name for category in CATEGORIES for name in columns_of(category)]


@pytest.mark.parametrize("column", COLUMNS)
def test_a_feature_of_a_day_uses_that_day_and_earlier_ones_only(full, truncated, column):
    assert_looks_back_only(full[column], {cut: past[column] for cut, past in truncated.items()})


@pytest.mark.parametrize(
    "planted",
    [
        lambda close: close.shift(-1) / close,
        lambda close: close.rolling(5, center=True).mean() / close,
        lambda close: close / close.mean(),
        lambda close: close.rolling(20).mean().bfill() / close,
    ],
)
def test_a_column_that_looked_ahead_would_be_caught(bars, planted):
    pasts = {cut: planted(bars["close"].iloc[:cut]) for cut in CUTS}
    with pytest.raises(AssertionError):
        assert_looks_back_only(planted(bars["close"]), pasts)


@pytest.mark.parametrize(("category", "count"), AT_LEAST.items())
def test_every_category_has_the_specified_number_of_columns(category, count):
    assert len(columns_of(category)) >= count


def test_columns_are_those_of_the_categories_each_once(full):
    assert list(full.columns) == COLUMNS
    assert len(set(COLUMNS)) == len(COLUMNS) >= 150
    assert (full.dtypes == "float64").all()


def test_nothing_is_infinite_and_nan_only_means_short_history(full):
    assert not np.isinf(full).any(axis=None)
    warm_up = full.notna().to_numpy().argmax(axis=0)
    assert warm_up.max() < 345
    for column, first in zip(full, warm_up, strict=True):
        assert full[column].iloc[first:].notna().all(), column


def test_bars_that_never_move_or_trade_give_no_infinity_and_no_lasting_nan(bars):
    still = bars.assign(open=3.0, high=3.0, low=3.0, close=3.0, volume=0.0)
    columns = engineer(still)
    assert not np.isinf(columns).any(axis=None)
    assert columns.iloc[-1].notna().all()


@pytest.mark.parametrize("factor", [0.02, 300.0])
def test_the_wildest_day_gives_no_infinity_and_no_nan(bars, factor):
    wild = bars.copy()
    wild.iloc[600:, :4] *= factor
    columns = engineer(wild).iloc[400:]
    assert np.isfinite(columns).all(axis=None)


@pytest.mark.parametrize("price", [1e-7, 1e6])
@pytest.mark.parametrize("unit", [1e-3, 1e9])
def test_neither_the_price_level_nor_the_unit_of_volume_matters(bars, full, price, unit):
    scaled = bars.assign(**{name: bars[name] * price for name in ("open", "high", "low", "close")})
    scaled["volume"] *= unit
    # Neither scale is a power of two, so that sums round differently.
    pd.testing.assert_frame_equal(engineer(scaled), full, rtol=1e-5, atol=1e-7)


def test_where_history_starts_is_soon_forgotten():
    bars = simulate(seed=3, n_days=2600).bars["BTC"]
    late = engineer(bars.iloc[600:]).iloc[-100:]
    # Exponential averages of 200 days still carry e^-19 of their start.
    pd.testing.assert_frame_equal(late, engineer(bars).iloc[-100:], rtol=1e-4, atol=1e-6)


def test_further_numeric_columns_pass_through_as_extra(bars):
    further = np.arange(700.0)
    columns = engineer(bars.assign(gauge=further, rsi_14=further, count=further.astype(int)))
    assert (
        columns["gauge"].tolist() == columns["extra_rsi_14"].tolist() == columns["count"].tolist() == further.tolist()
    )
    assert columns["rsi_14"].max() <= 100
    assert (columns.dtypes == "float64").all()
    assert [category_of(name) for name in ("gauge", "extra_rsi_14", "rsi_14")] == ["extra", "extra", "momentum"]


@pytest.mark.parametrize(
    ("column", "category"),
    [("return_1d", "price"), ("obv_30d", "volume"), ("month_sin", "calendar"), ("eth_btc_ratio_sma", "cross_asset")],
)
def test_a_column_knows_its_category(column, category):
    assert category_of(column) == category


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda bars: bars.drop(columns="low"), "Expected the columns"),
        (lambda bars: bars.iloc[::-1], "days in order"),
        (lambda bars: bars.iloc[:0], "at least one day"),
        (lambda bars: bars.reset_index(drop=True), "days in order"),
        (lambda bars: bars.assign(close=bars["close"].where(bars.index != bars.index[5])), "Expected finite"),
        (lambda bars: bars.assign(volume=-1.0), "no negative volume"),
    ],
)
def test_bars_that_would_poison_an_indicator_are_refused(bars, damage, message):
    with pytest.raises(ValueError, match=message):
        engineer(damage(bars))
