"""How much of a forecast the validation part supports: one factor per horizon.

A factor that minimises the squared error on validation is the slope of a regression through the origin; shrinking it
by the evidence behind it keeps a network that has learned noise close to the zero forecast (James & Stein 1961; Copas
1983, "Regression, prediction and shrinkage").
"""

import numpy as np

from forecaster.windows import Floats

LEAST = 0.05  # of a factor: no less is kept, so that a forecast without support can be told from a dead network
PENALTY = 2.0  # squared standard errors that the evidence is charged with


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
    """The `gain` on `n` origins that a forecast without any merit may well show: `PENALTY` squared standard errors."""
    return PENALTY * len(horizons) / (n * float(np.sum(1 / np.asarray(horizons))))


def support(y: Floats, y_hat: Floats, horizons: tuple[int, ...]) -> tuple[float, ...]:
    """Factor in [`LEAST`, 1] for each horizon: its slope through the origin, shrunk by how uncertain its gain is.

    The gain of overlapping outcomes is correlated over `horizon - 1` days (Newey & West 1987). Evidence is shared, each
    horizon's counted for its outcomes that do not overlap: a network that is right about the next day is given credit
    for the next month, and none for a month that validation holds so few of that luck would decide.

    Args:
        y: outcomes `(n, n_horizons)` of consecutive origins.
        y_hat: the forecasts `(n, n_horizons)`.
        horizons: days ahead of each column.
    """
    evidence = np.array([_evidence(saved, h) for saved, h in zip(_saved(y, y_hat).T, horizons, strict=True)])
    shared = max(float(np.average(evidence, weights=1 / np.asarray(horizons))), np.finfo(np.float64).tiny)
    kept = np.clip(1 - PENALTY / shared, 0, 1)
    return tuple(float(factor) for factor in np.maximum(_slope(y, y_hat) * kept, LEAST))


def _slope(y: Floats, y_hat: Floats) -> Floats:
    squares = np.maximum((y_hat**2).sum(axis=0), np.finfo(np.float64).tiny)
    slope: Floats = np.clip((y * y_hat).sum(axis=0) / squares, 0, 1)
    return slope


def _saved(y: Floats, y_hat: Floats) -> Floats:
    """Squared error that each forecast saves: `(n, n_horizons)`."""
    saved: Floats = y**2 - (y - _slope(y, y_hat) * y_hat) ** 2
    return saved


def _evidence(saved: Floats, horizon: int) -> float:
    """Squared ratio of the mean saving to its standard error; zero where nothing is saved."""
    mean, n = saved.mean(), len(saved)
    if mean <= 0:
        return 0.0
    error = saved - mean
    lags = range(1, min(horizon, n))
    variance = error @ error + 2 * sum((1 - lag / horizon) * (error[lag:] @ error[:-lag]) for lag in lags)
    return float(mean**2 * n**2 / max(variance, np.finfo(np.float64).tiny))
