import numpy as np
import pytest

from forecaster.evidence import LEAST, evidence_weights
from forecaster.windows import make_windows


@pytest.fixture
def world():
    """Tomorrow's return, a walk that has nothing to do with it, noise."""
    rng = np.random.default_rng(0)
    returns = rng.standard_normal(1500)
    base = rng.standard_normal((1500, 3))
    base[:-1, 0] = returns[1:] + 3 * base[:-1, 0]
    base[:, 1] = np.cumsum(base[:, 1])
    return make_windows(base.astype(np.float32), np.cumsum(returns), 5, (1, 30)).labelled


def test_a_column_that_says_something_is_heard_and_others_are_whispered(world):
    weights = evidence_weights(world, needed=3.0)
    assert weights[0] > 0.8
    assert weights[1:].tolist() == [LEAST, LEAST]


def test_the_more_is_needed_the_less_is_heard(world):
    assert (evidence_weights(world, needed=2.0) >= evidence_weights(world, needed=6.0)).all()


def test_a_constant_column_is_whispered_and_no_error(world):
    base = world.base.copy()
    base[:, 2] = 1
    assert evidence_weights(make_windows(base, np.arange(1500.0), 5, (1,)).labelled, needed=3.0)[2] == LEAST
