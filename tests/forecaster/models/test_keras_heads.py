from types import SimpleNamespace

import pytest

from forecaster.settings import NETWORKS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("layer", "horizon"), [("h7", 7), ("h30_trend", 30), ("h1_hidden", None), ("dense", None)])
def test_a_head_is_known_by_its_layer(layer, horizon):
    from forecaster.models.keras_heads import horizon_of

    assert horizon_of(layer) == horizon


def test_biases_of_heads_stand_still_where_no_drift_is_learned():
    from forecaster.models.keras_heads import rates

    paths = ("lstm/cell/bias", "attention/score/kernel", "h1/kernel", "h1/bias", "h7_trend/bias", "h1_hidden/bias")
    variables = [SimpleNamespace(path=path) for path in paths]
    assert rates(variables, {"attention": 5.0}, head=0.2, learns_drift=False) == [1, 5, 0.2, 0, 0, 1]
    assert rates(variables, {}, head=1.0, learns_drift=True) == [1] * 6


@pytest.mark.parametrize("model", NETWORKS)
def test_scaled_heads_scale_the_forecast_of_their_horizon(small_model, parts, model):
    import numpy as np

    from forecaster.models.keras_heads import scale_heads

    fitted = small_model(model).fit(*parts[:2])
    before = fitted.predict(parts[2])
    scale_heads(fitted.network_, {1: 0.5, 3: 0.25})
    assert before.any(axis=0).all()
    np.testing.assert_allclose(fitted.predict(parts[2]), before * [0.5, 0.25], rtol=1e-5)
