import numpy as np
import pytest

from forecaster.models.summaries import CHUNK, SUMMARIES, Summaries, summarise, summary_names
from forecaster.windows import make_windows


@pytest.fixture
def ramp():
    days = np.arange(14.0)
    return make_windows(np.column_stack([days, days**2]), days, lookback=12, horizons=(1,))


def test_the_five_summaries_of_a_ramp(ramp):
    x = summarise(ramp)[0].reshape(len(SUMMARIES), 2)  # days 0..11
    np.testing.assert_allclose(x[:, 0], [11, 5.5, np.sqrt(143 / 12), 11, 5])
    np.testing.assert_allclose(x[[0, 3], 1], [121, 121])


def test_names_follow_the_columns(ramp):
    names = summary_names(["day", "square"])
    assert len(names) == summarise(ramp).shape[1]
    assert names[:3] == ["day__last", "square__last", "day__mean"]


def test_summaries_do_not_depend_on_where_chunks_end():
    base = np.random.default_rng(0).standard_normal((CHUNK + 40, 2))
    windows = make_windows(base, base[:, 0], lookback=20, horizons=(1,))
    assert len(windows) > CHUNK
    np.testing.assert_array_equal(summarise(windows)[CHUNK - 3 :], summarise(windows.take(slice(CHUNK - 3, None))))


def test_too_short_a_window_has_no_momentum():
    days = np.arange(20.0)
    with pytest.raises(ValueError, match=r"10 days or more\. Received: lookback=9"):
        summarise(make_windows(days[:, None], days, lookback=9, horizons=(1,)))


def test_rows_asked_for_one_by_one_are_those_of_the_whole_matrix():
    base = np.random.default_rng(0).standard_normal((CHUNK + 40, 2))
    windows = make_windows(base, base[:, 0], lookback=20, horizons=(1,))
    rows = Summaries(windows)
    assert len(rows) == len(windows)
    chosen = [0, 3, CHUNK - 1, CHUNK, len(rows) - 1]
    np.testing.assert_array_equal([rows[i] for i in chosen], summarise(windows)[chosen])
    np.testing.assert_array_equal(rows[2:5], summarise(windows)[2:5])
