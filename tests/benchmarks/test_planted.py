"""What is told about planted markets beside their bars."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.planted import kalman_filter, plant

MEMORY, NOISE = 0.9, 0.8


def test_the_filter_is_the_mean_given_what_was_seen():
    seen = np.random.default_rng(0).normal(size=6)
    days = np.arange(6)
    covariance = MEMORY ** np.abs(days[:, None] - days)
    expected = [
        covariance[t, : t + 1] @ np.linalg.solve(covariance[: t + 1, : t + 1] + NOISE * np.eye(t + 1), seen[: t + 1])
        for t in days
    ]
    np.testing.assert_allclose(kalman_filter(seen, MEMORY, NOISE), expected)


def test_gauges_tell_most_of_the_hidden_factor_and_nobody_more_than_the_oracle(tmp_path):
    truth = plant("linear", 3, tmp_path)["BTC"]
    close = np.log(pd.read_parquet(tmp_path / "BTC.parquet")["close"])
    errors = {name: ((close.shift(-7) - close - best[7]) ** 2).mean() for name, best in vars(truth).items()}
    zero = ((close.shift(-7) - close) ** 2).mean()
    assert errors["oracle"] < errors["filtered"] < zero
    missed = ((truth.oracle - truth.filtered) ** 2).sum() / (truth.oracle**2).sum()
    assert (1 - missed).to_list() == pytest.approx([0.83] * 3, abs=0.05)


@pytest.mark.parametrize("shape", ["sign", "product", "loud", "speeds"])
def test_other_laws_have_no_kalman_filter(shape, tmp_path):
    assert plant(shape, 3, tmp_path)["BTC"].filtered is None
