import numpy as np
import pytest

from forecaster.windows import Windows

WORLD = Windows(np.zeros((4, 1)), np.arange(4), np.array([[0.1, 1], [0.3, 2], [0.5, 6], [0.7, np.nan]]), lookback=1)


def test_zero_forecasts_nothing(small_model):
    assert not small_model("zero").fit(WORLD, WORLD).predict(WORLD).any()


def test_mean_is_of_the_windows_that_are_labelled_for_every_horizon(small_model):
    np.testing.assert_allclose(small_model("mean").fit(WORLD, WORLD).predict(WORLD), [[0.3, 3]] * 4)


def test_a_refitted_mean_uses_each_label_there_is(small_model):
    np.testing.assert_allclose(small_model("mean").refit(WORLD, ()).predict(WORLD), [[0.4, 3]] * 4)


def test_mean_without_labels_is_refused(small_model):
    with pytest.raises(ValueError, match=r"Received: \[1, 0\] labels"):
        small_model("mean").refit(WORLD.take([3]), ())
