import numpy as np
import pytest

from forecaster.windows import Windows, log_returns, make_windows


@pytest.fixture
def ten_days() -> Windows:
    days = np.arange(10.0)
    return make_windows(days[:, None], log_close=days, lookback=3, horizons=(1, 4))


def test_window_ends_on_its_origin_and_target_starts_after_it(ten_days):
    assert ten_days.x[0, :, 0].tolist() == [0, 1, 2]
    assert ten_days.origin[0] == 2
    assert ten_days.y[0].tolist() == [1, 4]


def test_every_day_with_a_full_lookback_is_an_origin_and_the_last_labelled_one_uses_the_last_day(ten_days):
    assert ten_days.origin.tolist() == list(range(2, 10))
    assert ten_days.labelled.origin[-1] + 4 == 9


def test_targets_past_the_end_are_missing_per_horizon(ten_days):
    assert np.isnan(ten_days.y).sum(axis=0).tolist() == [1, 4]


def test_a_horizon_longer_than_the_series_is_never_labelled():
    assert np.isnan(log_returns(np.arange(3.0), (3, 30))).all()


def test_taking_windows_keeps_the_base_matrix_itself(ten_days):
    some = ten_days.take([3, 1])
    assert some.base is ten_days.base
    assert some.x[:, -1, 0].tolist() == [5, 3]
    assert len(some) == len(some.y) == 2


def test_an_origin_without_room_for_its_window_is_refused():
    with pytest.raises(ValueError, match=r"window of 3 days\. Received: origin=1"):
        Windows(np.zeros((5, 1)), np.array([1, 4]), np.zeros((2, 1)), lookback=3)


def test_no_windows_at_all_are_allowed():
    empty = make_windows(np.zeros((2, 4)), np.zeros(2), lookback=3, horizons=(1,))
    assert (len(empty), empty.n_features, len(empty.labelled)) == (0, 4, 0)
