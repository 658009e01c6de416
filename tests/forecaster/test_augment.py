import numpy as np
import pytest

from forecaster.augment import draw_epoch
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
