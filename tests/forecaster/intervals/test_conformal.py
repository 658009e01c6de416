import numpy as np
import pytest

from forecaster.intervals.conformal import REFRESH, adaptive_quantiles, sample_quantiles
from forecaster.settings import IntervalConfig

PLAIN = IntervalConfig(levels=(0.1, 0.5, 0.9), min_labels=5, symmetry=0.0001, step=0.0)
SCORES = np.random.default_rng(3).normal(size=60)


def test_a_first_quantile_waits_for_enough_labels():
    quantiles = adaptive_quantiles(SCORES, 7, PLAIN)
    assert np.flatnonzero(np.isfinite(quantiles[:, 0]))[0] == 4 + 7  # the fifth origin's label comes seven days later


def test_an_outcome_counts_from_the_day_it_is_known():
    altered = SCORES.copy()
    altered[30] = 50.0
    config = PLAIN.model_copy(update={"step": 0.05})
    before, after = (adaptive_quantiles(scores, 7, config) for scores in (SCORES, altered))
    changed = np.flatnonzero(((before != after) & np.isfinite(before)).any(axis=1))
    assert 30 + 7 <= changed[0] < 30 + 7 + REFRESH


def test_a_level_moves_towards_what_was_missed_and_less_the_longer_the_horizon():
    rising = np.concatenate([np.linspace(-1, 1, 21), np.full(40, 0.99)])  # nearly always above the quantiles

    def top(horizon: int, step: float) -> float:
        config = PLAIN.model_copy(update={"step": step, "window": 21})
        return float(adaptive_quantiles(rising[: 21 + horizon + 6], horizon, config)[-1, 0])

    gain = {h: top(h, 0.02) - top(h, 0.0) for h in (1, 5)}
    assert gain[1] > gain[5] > 0


def test_a_mirrored_sample_is_symmetric_and_the_mean_of_both_lies_between():
    skewed = np.array([-1.0, 0.0, 1.0, 2.0, 8.0])
    plain, both, mirrored = (
        sample_quantiles(skewed, PLAIN.model_copy(update={"symmetry": share})) for share in (0.0, 0.5, 1.0)
    )
    np.testing.assert_allclose(mirrored, -mirrored[::-1], atol=1e-12)
    np.testing.assert_allclose(both, (plain + mirrored) / 2)
    assert (plain[0], plain[200], plain[-1]) == (-1.0, 1.0, 8.0)


def test_old_residuals_are_forgotten():
    scores = np.concatenate([np.full(50, 100.0), np.arange(10.0)])
    assert sample_quantiles(scores, PLAIN.model_copy(update={"window": 10, "symmetry": 0.0}))[-1] == 9


@pytest.mark.parametrize("horizon", [1, 30])
def test_levels_stay_between_0_and_1_however_often_they_miss(horizon: int):
    always_above = np.arange(300.0)
    quantiles = adaptive_quantiles(always_above, horizon, PLAIN.model_copy(update={"step": 0.5}))
    assert np.isfinite(quantiles[50:]).all()
