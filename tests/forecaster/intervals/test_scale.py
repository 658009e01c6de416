import numpy as np
import pandas as pd

from forecaster.intervals.scale import drivers, learned_scale, turnover
from forecaster.intervals.volatility import core_volatility
from forecaster.settings import IntervalConfig
from forecaster.windows import log_returns

CONFIG = IntervalConfig()


def outcomes(bars: pd.DataFrame) -> np.ndarray:
    return log_returns(np.log(bars["close"].to_numpy()), (1,))[:, 0]


def test_wild_sundays_are_learned_and_widen_what_is_said_on_saturdays(bars):
    ratio = learned_scale(bars, outcomes(bars), 1, CONFIG) / core_volatility(bars, 1, CONFIG)
    by_day = pd.Series(ratio[-100:]).groupby(bars.index[-100:].day_of_week).mean()
    assert by_day.idxmax() == 5
    assert by_day[5] > 1.1 * by_day.drop(5).mean()


def test_without_surprises_the_core_stays_as_it_is(bars):
    nothing_known = np.full(len(bars), np.nan)
    core = core_volatility(bars, 1, CONFIG)
    np.testing.assert_array_equal(learned_scale(bars, nothing_known, 1, CONFIG), core)


def test_a_residual_teaches_nothing_before_it_is_known(bars):
    altered = outcomes(bars)
    altered[300] = 1.0
    before, after = (learned_scale(bars, y, 7, CONFIG) for y in (outcomes(bars), altered))
    assert np.flatnonzero(~np.isclose(before, after, rtol=0, atol=0, equal_nan=True))[0] == 300 + 7


def test_weekdays_count_for_the_next_day_alone(bars):
    core = core_volatility(bars, 1, CONFIG)
    assert drivers(bars, core, 1).shape[1] == drivers(bars, core, 7).shape[1] + 6


def test_turnover_compares_a_day_to_its_month_and_a_day_without_trade_says_nothing():
    volume = pd.Series([1.0] * 29 + [16.0, 0.0])
    found = turnover(volume)
    np.testing.assert_allclose(found[29], np.log(16 / 1.5))
    assert (found[0], found[30]) == (0.0, 0.0)
