"""How much of a forecast the validation part supports.

A factor that minimises the squared error on validation is the slope of a regression through the origin; shrinking it
by the evidence behind it keeps a network that has learned noise close to the zero forecast (James & Stein 1961; Copas
1983, "Regression, prediction and shrinkage").
"""

from collections.abc import Sequence

import numpy as np

from forecaster.slopes import TINY, Slope, boldness, credit, slope
from forecaster.windows import Floats

LEAST = 0.05  # of a factor: no less is kept, so that a forecast without support can be told from a dead network
CHANCE = 3.0  # what t^2 comes to without merit: 1 for one forecast, more for the best of some dozen looks
MOST_SCALED = 50.0  # what one horizon says is made no larger for another: a head that hardly moves may move some day
LUCK = 2.0  # the gain of the best of some looks, in what one forecast without merit gains on average


def gain(y: Floats, y_hat: Floats, horizons: tuple[int, ...]) -> float:
    """Share of the zero forecast's squared error that the forecast saves, scaled by its best factor in [0, 1].

    The mean over horizons, each weighted by how many outcomes do not overlap: a month is seen so seldom that luck
    there would decide. Never negative: a horizon that has learned nothing does not hide what another has.

    Args:
        y: outcomes `(n, n_horizons)` of consecutive origins.
        y_hat: the forecasts `(n, n_horizons)`.
        horizons: days ahead of each column.
    """
    saved = _saved(y, y_hat).sum(axis=0) / np.maximum((y**2).sum(axis=0), np.finfo(np.float64).tiny)
    return float(np.average(saved, weights=1 / np.asarray(horizons)))


def lucky_gain(n: int, horizons: tuple[int, ...]) -> float:
    """The `gain` on `n` origins that a forecast without any merit may well show: the best of a few looks."""
    return LUCK * len(horizons) / (n * float(np.sum(1 / np.asarray(horizons))))


def support(y: Floats, y_hat: Floats, horizons: tuple[int, ...]) -> Floats:
    """What validation supports of a forecast: the matrix `(n_horizons, n_horizons)` by which to multiply it.

    Row `h` says what is forecast for horizon `h` from what was said of each. First, horizons borrow from each other: a
    month holds so few outcomes that what was learned of a day often says more about it than what was learned of the
    month itself (as in temporal hierarchies: Athanasopoulos et al. 2017). Then each is multiplied by a factor in
    [`LEAST`, 1]: its slope on validation, shrunk by how uncertain that is.

    Args:
        y: outcomes `(n, n_horizons)` of consecutive origins.
        y_hat: the forecasts `(n, n_horizons)`.
        horizons: days ahead of each column.
    """
    pairs = [[slope(y[:, to], y_hat[:, of], h) for of in range(len(horizons))] for to, h in enumerate(horizons)]
    borrowed = _borrowed(y_hat, pairs, horizons)
    mixed = y_hat @ borrowed.T
    bold = boldness([slope(y[:, i], mixed[:, i], h) for i, h in enumerate(horizons)], 1.0)
    own = [pairs[i][i] for i in range(len(horizons))]  # what is borrowed was looked for on the same days
    matrix: Floats = np.maximum(bold * credit(own, horizons, CHANCE), LEAST)[:, None] * borrowed
    return matrix


def as_matrix(numbers: Sequence[float], n: int) -> Floats:
    """A matrix of `support` from its numbers, row by row, or from a factor for each of `n` horizons."""
    found: Floats = np.array(numbers)
    return np.diag(found) if len(found) == n > 1 else found.reshape(n, n)


def _borrowed(y_hat: Floats, pairs: list[list[Slope]], horizons: tuple[int, ...]) -> Floats:
    """Weighted means of all horizons' forecasts, in the size of the horizon's own: `(n_horizons, n_horizons)`.

    A forecast counts by the evidence that it says something about the horizon, and less for a longer one's: fitted to
    outcomes that overlap, it owes more of it to luck.
    """
    evidence = np.array([[each.evidence for each in row] for row in pairs])
    weights = (evidence + CHANCE * np.eye(len(horizons))) / horizons  # without evidence each horizon speaks for itself
    size = np.maximum(np.sqrt((y_hat**2).mean(axis=0)), TINY)
    matrix: Floats = weights / weights.sum(axis=1, keepdims=True) * np.minimum(size[:, None] / size, MOST_SCALED)
    return matrix


def _slope(y: Floats, y_hat: Floats) -> Floats:
    squares = np.maximum((y_hat**2).sum(axis=0), np.finfo(np.float64).tiny)
    slope: Floats = np.clip((y * y_hat).sum(axis=0) / squares, 0, 1)
    return slope


def _saved(y: Floats, y_hat: Floats) -> Floats:
    """Squared error that each forecast saves: `(n, n_horizons)`."""
    saved: Floats = y**2 - (y - _slope(y, y_hat) * y_hat) ** 2
    return saved
