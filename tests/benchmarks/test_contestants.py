"""What the throughput benchmarks count, by hand."""

from functools import reduce

import keras
import pytest
from keras.layers import Conv1D, Dense, Dropout, Flatten

from benchmarks.contestants import multiply_adds
from benchmarks.plain_keras import build_plain
from benchmarks.workload import BATCHES, N_WINDOWS, draw_passes
from forecaster.models.layers.block_lstm import BlockLSTM
from forecaster.models.layers.causal_attention import CausalSelfAttention
from forecaster.models.layers.causal_convolution import CausalConv1D
from forecaster.models.layers.last_step import LastStep
from forecaster.models.layers.time_first import TimeFirst
from forecaster.settings import NETWORKS


def _network(*layers):
    window = keras.Input((5, 4))
    return keras.Model(window, reduce(lambda x, layer: layer(x), layers, window))


FIRST = 5 * 2 * 4 * 4  # Dense(4) on five days: forward, and the gradient of its kernel


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([Dense(4)], FIRST),
        ([Flatten(), Dense(3)], 2 * 5 * 4 * 3),
        ([BlockLSTM(6)], 5 * (2 * 4 * 4 * 6 + 3 * 6 * 4 * 6)),
        ([Dense(4), Dropout(0.1), Dense(3)], FIRST + 5 * 3 * 4 * 3),
        ([Dense(4), Conv1D(2, 3, padding="causal")], FIRST + 5 * 3 * 3 * 4 * 2),
        ([TimeFirst(), Dense(4)], FIRST),
        ([TimeFirst(), CausalConv1D(2, 3)], 5 * 2 * 3 * 4 * 2),
        ([TimeFirst(), Dense(4), CausalConv1D(2, 3, 2)], FIRST + 5 * 3 * 3 * 4 * 2),
        ([TimeFirst(), Dense(4), LastStep(time_axis=0), Dense(3)], FIRST + 3 * 4 * 3),
        ([Dense(4), CausalSelfAttention(n_heads=2)], FIRST + 5 * 3 * 4 * (3 * 4 + 4) + 3 * 2 * 5 * 5 * 4),
    ],
)
def test_products_count_for_every_time_step_and_for_every_gradient_that_is_needed(layers, expected):
    assert multiply_adds(_network(*layers)) == expected


def test_a_pass_is_the_beginning_of_a_tripled_epoch_drawn_anew():
    first, second = (drawn for drawn, _ in zip(draw_passes("tcn"), range(2), strict=False))
    assert len(first) == BATCHES["tcn"] * 32
    assert 0.6 < (first.factor != 1).mean() < 0.73  # two copies in three, nearly
    assert first.which.max() < N_WINDOWS
    assert (first.which != second.which).any()


@pytest.mark.parametrize("name", NETWORKS)
def test_plain_networks_hold_layers_of_keras_alone(name):
    theirs = {"PositionEmbedding", "TimeAttention", "LastStep"}
    own = {
        type(layer).__name__ for layer in build_plain(name).layers if not type(layer).__module__.startswith("keras.")
    }
    assert own <= theirs
