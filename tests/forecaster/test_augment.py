import numpy as np
import pytest

from forecaster.augment import FEWEST_OWN, draw_epoch
from forecaster.settings import TrainingConfig
from forecaster.windows import Windows, make_windows

CONFIG = TrainingConfig()


@pytest.fixture
def windows() -> Windows:
    return make_windows(np.ones((400, 5)), np.zeros(400), lookback=10, horizons=(1,))


def noise_of(epoch, position, lookback=10):
    end = epoch.noise_end[position]
    return epoch.noise[end - lookback + 1 : end + 1]


def test_one_pass_holds_every_window_once_and_each_of_its_copies_once(windows):
    epoch = draw_epoch(windows, CONFIG, seed=1, epoch=1)
    assert len(epoch) == 3 * len(windows)
    assert np.bincount(epoch.which).tolist() == [3] * len(windows)


def test_exactly_one_of_the_three_is_the_untouched_original(windows):
    epoch = draw_epoch(windows, CONFIG, seed=1, epoch=1)
    untouched = [i for i in range(len(epoch)) if epoch.factor[i] == 1 and not noise_of(epoch, i).any()]
    assert sorted(epoch.which[untouched]) == list(range(len(windows)))


def test_every_day_of_a_copy_gets_noise(windows):
    epoch = draw_epoch(windows, CONFIG, seed=1, epoch=1)
    copies = np.flatnonzero(epoch.factor != 1)
    assert all(noise_of(epoch, i).shape == (10, 5) and (noise_of(epoch, i) != 0).all() for i in copies)


def test_noise_and_factors_have_the_specified_spread(windows):
    epoch = draw_epoch(windows, CONFIG, seed=1, epoch=1)
    drawn = epoch.noise[windows.lookback :]
    assert drawn.mean() == pytest.approx(0, abs=1e-3)
    assert drawn.std() == pytest.approx(0.01, rel=0.05)
    copied = epoch.factor[epoch.factor != 1]
    assert 0.97 <= copied.min() < 0.9705
    assert 1.0295 < copied.max() <= 1.0301


def test_each_epoch_draws_afresh_and_the_same_epoch_draws_the_same(windows):
    first, again, second = (draw_epoch(windows, CONFIG, seed=7, epoch=e) for e in (1, 1, 2))
    for name in ("which", "factor", "noise", "noise_end"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
        assert not np.array_equal(getattr(first, name), getattr(second, name))


def test_windows_are_shuffled(windows):
    assert draw_epoch(windows, CONFIG, seed=1, epoch=1).which[:5].tolist() != [0, 1, 2, 3, 4]


def test_without_copies_an_epoch_is_the_originals(windows):
    epoch = draw_epoch(windows, TrainingConfig(n_copies=0), seed=1, epoch=1)
    assert sorted(epoch.which) == list(range(len(windows)))
    assert (epoch.factor == 1).all()
    assert (epoch.noise_end == windows.lookback - 1).all()


def test_as_specified_every_column_is_shown_and_every_day_its_own(windows):
    epoch = draw_epoch(windows, CONFIG, seed=1, epoch=1)
    assert (epoch.shown == 1).all()
    assert (epoch.own_from == 0).all()


def test_short_epochs_one_after_another_are_passes_over_every_window_and_copy(windows):
    n = 3 * len(windows)
    short = TrainingConfig(epoch_windows=500)
    drawn = np.concatenate([draw_epoch(windows, short, seed=1, epoch=e).which for e in (1, 2, 3, 4, 5)])
    assert len(drawn) == 2500
    for first in (0, n):
        assert np.bincount(drawn[first : first + n]).tolist() == [3] * len(windows)
    assert drawn[:n].tolist() != drawn[n : 2 * n].tolist()


def test_a_short_epoch_is_drawn_without_those_before_it(windows):
    short = TrainingConfig(epoch_windows=700, hidden_columns=0.5, spliced=0.5)
    first, again = (draw_epoch(windows, short, seed=1, epoch=3) for _ in range(2))
    for one, other in zip(first.per_window, again.per_window, strict=True):
        np.testing.assert_array_equal(one, other)


def test_hidden_columns_are_made_up_for_by_those_that_are_shown(windows):
    epoch = draw_epoch(windows, TrainingConfig(hidden_columns=0.75), seed=1, epoch=1)
    assert epoch.shown.shape == (len(epoch), 5)
    assert set(np.unique(epoch.shown)) == {0, 4}
    assert epoch.shown.mean() == pytest.approx(1, abs=0.1)


def test_a_spliced_window_keeps_its_newest_days():
    windows = make_windows(np.ones((400, 1)), np.zeros(400), lookback=100, horizons=(1,))
    epoch = draw_epoch(windows, TrainingConfig(spliced=0.6), seed=1, epoch=1)
    kept = windows.lookback - epoch.own_from
    assert (kept < windows.lookback).mean() == pytest.approx(0.6, abs=0.1)
    assert kept.min() == FEWEST_OWN
    assert np.median(kept[kept < windows.lookback]) == pytest.approx(np.sqrt(FEWEST_OWN * 100), rel=0.2)  # log-uniform
    assert epoch.other.min() == 0
    assert epoch.other.max() == len(windows) - 1
