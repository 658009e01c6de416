"""Quantiles whose levels follow what came of them: adaptive conformal inference, with labels that come late."""

import numpy as np

from forecaster.settings import IntervalConfig
from forecaster.windows import Floats

GRID = np.linspace(0, 1, 401)  # levels at which a sample's quantiles are kept
EDGE = 0.001  # a level is never moved closer to 0 or 1
REFRESH = 7  # days between two looks at the sample: one more residual in a thousand changes little


def adaptive_quantiles(scores: Floats, horizon: int, config: IntervalConfig) -> Floats:
    """Quantiles of scaled residuals as they stand at each day's close (Gibbs and Candes 2021, one level at a time).

    At day `t` the residual of origin `t - horizon` becomes known: each level moves by `step / horizon` towards what was
    missed. A larger step at long horizons overshoots: its effect is seen `horizon` days late.

    Args:
        scores: residual of each origin over its volatility `(n,)`; NaN where unknown or not labelled yet.
        horizon: days ahead.
        config: levels, step, sample and symmetry.

    Returns:
        `(n, n_levels)`, rising with the level; NaN before `min_labels` residuals are known.
    """
    levels: Floats = np.asarray(config.levels)
    step = config.step / horizon
    quantiles = np.full((len(scores), len(levels)), np.nan)
    known = np.cumsum(np.isfinite(scores))
    moved: Floats = levels
    table: Floats = np.empty(0)
    for t in range(_first(known, config.min_labels) + horizon, len(scores)):
        s = t - horizon
        if not len(table) or t % REFRESH == 0:
            table = sample_quantiles(scores[: s + 1], config)
        if np.isfinite(quantiles[s, 0]) and np.isfinite(scores[s]):
            moved = moved + step * (levels - (scores[s] < quantiles[s]))
            moved = np.minimum(np.maximum(moved, EDGE), 1 - EDGE)
        quantiles[t] = np.sort(np.interp(moved, GRID, table))
    return quantiles


def sample_quantiles(scores: Floats, config: IntervalConfig) -> Floats:
    """Quantiles at every level of `GRID` of the newest `window` scores, half of whose skew is believed.

    The mean of two samples' quantiles: of the scores as they are, and of the scores mirrored at zero, with weight
    `symmetry`.
    """
    sample = scores[np.isfinite(scores)][-config.window :]
    mirrored = np.sign(GRID - 0.5) * _quantiles(np.abs(sample), np.abs(2 * GRID - 1))
    return np.asarray(config.symmetry * mirrored + (1 - config.symmetry) * _quantiles(sample, GRID))


def _quantiles(sample: Floats, levels: Floats) -> Floats:
    """`numpy.quantile`, which takes twenty times as long for many levels."""
    return np.interp(levels * (len(sample) - 1), np.arange(len(sample)), np.sort(sample))


def _first(known: "np.ndarray[tuple[int], np.dtype[np.int64]]", min_labels: int) -> int:
    """The first origin by which there are `min_labels` scores; past the end if there are never so many."""
    return int(np.searchsorted(known, min_labels))
