"""What the benchmark of trust makes of forecasts whose scores are known beforehand."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import trust_points
from benchmarks.measure import write
from benchmarks.trust_intervals import Case, figures, row_of
from benchmarks.trust_points import SHIPPED, Run, ratios, table_of
from benchmarks.trust_rivals import anchor_quantiles, static_quantiles
from forecaster.settings import INTERVAL_LEVELS

DAYS = pd.date_range("2024-01-01", periods=100)
OUTCOMES = np.linspace(-1, 1, 100)


def uniform(stretch: float) -> np.ndarray:
    """The quantiles of a uniform distribution on [-stretch, stretch], every day the same."""
    return np.tile((2 * np.array(INTERVAL_LEVELS) - 1) * stretch, (100, 1))


def case(coin: str, stretch: float) -> Case:
    made = {"ours": uniform(stretch), **dict.fromkeys(("anchor", "rolling", "static"), uniform(3.0))}
    return Case(coin, 1, DAYS, OUTCOMES, made)


def told(cases: list[Case]) -> dict[str, float]:
    return {figure.name: figure.value for figure in figures(cases)}


def test_true_quantiles_are_calibrated_and_beat_wide_ones():
    found = told([case("BTC", 1.0), case("ETH", 1.0)])
    assert found["h=1: pooled 90 % coverage, 90.0 %, off by"] == pytest.approx(0)
    assert found["h=1: miscalibration over 19 quantiles"] == pytest.approx(0, abs=1e-9)
    assert found["h=1: 90 % interval score better than rolling"] > 50
    assert found["h=1: p of that over the panel"] < 0.001


def test_figures_can_be_written(tmp_path):
    frame = points(tcn=[-1.0, 1.0], **{SHIPPED: [0.0, 0.0]})
    runs, cases = [Run("BTC", frame, ("tcn",), "tcn")], [case("BTC", 1.0)]
    found = [*trust_points.figures(runs, table_of(runs, "test"), "test"), *figures(cases)]
    write([found, [row_of(each) for each in cases]], tmp_path / "trust.json")
    assert "RMSE above shipped" not in (tmp_path / "trust.json").read_text()  # rivals of no run are left out
    assert "pooled 90 % coverage" in (tmp_path / "trust.json").read_text()


def test_the_worst_coin_is_named():
    found = told([case("BTC", 1.0), case("DOGE", 0.5)])
    assert found["h=1: 90 % coverage of the worst coin, DOGE, off by"] == pytest.approx(90 - 44)


def points(**forecasts: list[float]) -> pd.DataFrame:
    frame = {"horizon": 1, "part": "test", "y": [1.0, -1.0, np.nan], "cutoff": DAYS[:3]}
    return pd.DataFrame(frame | {name: [*values, 0.0] for name, values in forecasts.items()})


def test_a_ratio_compares_known_outcomes_to_the_zero_forecast():
    frame = points(right=[1.0, -1.0], wrong=[-1.0, 1.0], zero=[0.0, 0.0])
    assert [ratios(frame, who, "test") for who in ("right", "wrong", "zero")] == [{1: 0.0}, {1: 2.0}, {1: 1.0}]


def test_shipping_zero_loses_to_a_model_that_is_right_and_wins_over_one_that_is_wrong():
    good = points(tcn=[0.5, -0.5], **{SHIPPED: [0.0, 0.0]})
    bad = points(tcn=[-1.0, 1.0], **{SHIPPED: [0.0, 0.0]})
    runs = [Run("BTC", good, ("tcn",), "tcn"), Run("ETH", bad, ("tcn",), "tcn")]
    found = {figure.name: figure.value for figure in trust_points.figures(runs, table_of(runs, "test"), "test")}
    assert found["coins of 2 in which shipped is no worse than the model chosen on val"] == 1
    assert found["mean shortfall to the best single model in hindsight"] == pytest.approx(100 * (1 + -0.5) / 2)


def test_a_rival_must_be_better_by_more_than_chance():
    rng, days = np.random.default_rng(0), pd.date_range("2024-01-01", periods=300)
    y, noise = rng.normal(size=(2, 300))
    frame = pd.DataFrame({"horizon": 1, "part": "test", "y": y, "cutoff": days, "tcn": 0.0, SHIPPED: 0.0})
    frame = frame.assign(**{"equal weights": 0.01 * noise, "fixed weights": 0.3 * y, "LightGBM meta": noise})
    without = frame.drop(columns="LightGBM meta")  # a run that kept less
    runs = [Run("BTC", frame, ("tcn",), "tcn"), Run("ETH", without, ("tcn",), "tcn")]
    found = {f.name: f for f in trust_points.figures(runs, table_of(runs, "test"), "test")}
    met = {
        name: found[f"{name}: p of the test whether it is better than shipped"].passes()
        for name in ("equal weights", "LightGBM meta")
    }
    assert met == {"equal weights": True, "LightGBM meta": True}
    assert found["fixed weights: p of the test whether it is better than shipped"].passes() is False
    assert found["fixed weights: RMSE above shipped's, mean"].value == pytest.approx(-30)


def test_rivals_know_no_later_day():
    rng = np.random.default_rng(0)
    close = 100 * np.exp(rng.normal(0, 0.03, 260).cumsum())
    bars = pd.DataFrame(
        {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close},
        index=pd.date_range("2020-01-01", periods=260),
    )
    np.testing.assert_array_equal(anchor_quantiles(bars, 7)[:240], anchor_quantiles(bars.iloc[:240], 7))
    train = static_quantiles(bars, 7, bars.index[100])
    np.testing.assert_array_equal(train[0], train[-1])
