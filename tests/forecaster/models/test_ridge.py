from dataclasses import replace

import numpy as np
import pytest

from forecaster.settings import RidgeConfig


def test_without_shrinkage_a_line_is_recovered(small_model, world):
    y = world.base[world.origin] @ np.array([[1, 0], [0, 2], [0, 0], [3, 0]]) + [0.5, -0.5]
    fitted = small_model("ridge", model=RidgeConfig(alpha=1e-9)).fit(replace(world, y=y), world)
    np.testing.assert_allclose(fitted.coef_, [[1, 0, 0, 3], [0, 2, 0, 0]], atol=1e-5)
    np.testing.assert_allclose(fitted.intercept_, [0.5, -0.5], atol=1e-5)
    assert fitted.n_parameters_ == 2 * (4 + 1)


def test_with_the_default_shrinkage_little_but_the_mean_is_left(small_model, world):
    fitted = small_model("ridge", model=RidgeConfig()).fit(world, world)
    assert np.abs(fitted.coef_).max() < 1e-3
    np.testing.assert_allclose(fitted.intercept_, world.labelled.y.mean(axis=0), atol=1e-3)


def test_a_horizon_without_labels_is_refused(small_model, world):
    with pytest.raises(ValueError, match="needs at least one label"):
        small_model("ridge").refit(replace(world, y=world.y * [1, np.nan]), ())
