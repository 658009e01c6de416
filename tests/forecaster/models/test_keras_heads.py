from types import SimpleNamespace

import pytest

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


def test_a_layer_of_support_lets_pass_what_it_is_not_told_to_change(small_model, parts):
    import numpy as np

    from forecaster.models.keras_heads import set_support, with_support

    fitted = small_model("dlinear").fit(*parts[:2])
    network, x = fitted.network_, parts[2].x[:5]
    supported = with_support(network)
    assert [v.path for v in supported.trainable_variables] == [v.path for v in network.trainable_variables]
    before = supported(x).numpy()
    np.testing.assert_array_equal(before, network(x).numpy())
    assert before.any(axis=0).all()
    set_support(supported, np.array([[0.5, 0.0], [0.25, 1.0]]))
    expected = np.column_stack([before[:, 0] / 2, before[:, 0] / 4 + before[:, 1]])
    np.testing.assert_allclose(supported(x).numpy(), expected, rtol=1e-6)
