import numpy as np
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def network():
    import keras

    return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])


def test_the_average_is_corrected_for_its_start_and_leaves_training_where_it_was(network):
    from forecaster.models.keras_averaging import WeightAverage

    average = WeightAverage(network, memory=0.5)
    for value in (1.0, 4.0):
        network.set_weights([np.array([[value]], np.float32)])
        average.update()
    average.show()
    assert network.get_weights()[0].item() == pytest.approx((0.5 * 1 + 1 * 4) / 1.5)
    average.resume()
    assert network.get_weights()[0].item() == 4
    average.resume()
    assert network.get_weights()[0].item() == 4


def test_one_step_is_its_own_average(network):
    from forecaster.models.keras_averaging import WeightAverage

    network.set_weights([np.array([[3.0]], np.float32)])
    average = WeightAverage(network, memory=0.98)
    average.update()
    network.set_weights([np.array([[9.0]], np.float32)])
    average.show()
    assert network.get_weights()[0].item() == pytest.approx(3)
