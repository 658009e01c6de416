"""The comparison is fair: PyTorch's networks compute what ours compute."""

import numpy as np
import pytest

from benchmarks.contestants import describe, describe_pytorch, pytorch_answer, weights_and_answer
from forecaster.settings import NETWORKS

pytest.importorskip("torch", reason="PyTorch belongs to one benchmark: `make bench-torch`")
SECOND_BIAS = {"enhanced_lstm": 4 * (64 + 64 + 32)}  # nn.LSTM adds two where Keras adds one


@pytest.mark.parametrize("name", NETWORKS)
def test_with_the_same_weights_both_give_the_same_answer(name):
    weights, x, answer = weights_and_answer(name)
    assert np.abs(answer).max() > 0.1
    np.testing.assert_allclose(pytorch_answer(name, weights, x), answer, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_both_have_as_many_parameters(name):
    assert describe_pytorch(name)[0] == describe(name)[0] + SECOND_BIAS.get(name, 0)
