import numpy as np
import pandas as pd
import pytest

from forecaster.evidence import LEAST, evidence_weights
from forecaster.select import rank_correlation
from forecaster.settings import SelectConfig
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


def test_columns_that_only_echo_what_others_say_better_are_heard_less():
    rng = np.random.default_rng(1)
    signal, noise = rng.standard_normal((3, 1500)), rng.standard_normal((22, 1500))
    returns = noise[0].copy()
    returns[1:] += 0.4 * signal.sum(axis=0)[:-1]
    echoes = signal.sum(axis=0)[:, None] / 3 + noise[1:21].T
    windows = make_windows(np.column_stack([*signal, echoes]).astype(np.float32), np.cumsum(returns), 5, (1,)).labelled
    alone = rank_correlation(pd.DataFrame(windows.base[windows.origin]), windows.y, SelectConfig())[:, 0]
    assert alone[3:].mean() > 5
    weights = evidence_weights(windows, needed=2.5)
    assert weights[:3].min() > 0.7
    assert np.median(weights[3:]) == LEAST


def test_the_more_is_needed_the_less_is_heard(world):
    assert (evidence_weights(world, needed=2.0) >= evidence_weights(world, needed=6.0)).all()


def test_a_constant_column_is_whispered_and_no_error(world):
    base = world.base.copy()
    base[:, 2] = 1
    assert evidence_weights(make_windows(base, np.arange(1500.0), 5, (1,)).labelled, needed=3.0)[2] == LEAST
