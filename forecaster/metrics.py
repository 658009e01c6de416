"""Scores of one series of forecasts; every metric has the signature `(y, y_hat) -> float`, so evaluation is a loop.

`y` and `y_hat` are plain log-returns `(n,)` without gaps. A score that its inputs do not define is NaN.
"""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from forecaster.windows import Floats

Metric = Callable[[Floats, Floats], float]


def rmse(y: Floats, y_hat: Floats) -> float:
    """Root mean squared error, in log-return."""
    return float(root_mean_squared_error(y, y_hat))


def mae(y: Floats, y_hat: Floats) -> float:
    """Mean absolute error, in log-return."""
    return float(mean_absolute_error(y, y_hat))


def r2(y: Floats, y_hat: Floats) -> float:
    """Share of variance explained: 1 is perfect, 0 the mean of `y`; NaN for fewer than two days."""
    return float(r2_score(y, y_hat)) if len(y) > 1 else np.nan


def directional_accuracy(y: Floats, y_hat: Floats) -> float:
    """Share of calls with the right sign.

    A day on which the price stood still (`y == 0`) has no right sign, and a forecast of exactly 0 is no call: both are
    left out. NaN where no call is left, as for the zero forecast.
    """
    is_call = (y != 0) & (y_hat != 0)
    return float(np.mean(np.sign(y[is_call]) == np.sign(y_hat[is_call]))) if is_call.any() else np.nan


def skill_vs_zero(y: Floats, y_hat: Floats) -> float:
    """`1 - rmse / rmse(zero forecast)`: positive beats doing nothing; NaN if every `y` is 0."""
    zero = rmse(y, np.zeros_like(y))
    return 1 - rmse(y, y_hat) / zero if zero > 0 else np.nan


def scaled_rmse(y: Floats, y_hat: Floats, target_scale: float) -> float:
    """RMSE in units of `target_scale`, the interquartile range of the train targets: the specification's unit."""
    return rmse(y, y_hat) / target_scale


METRICS: dict[str, Metric] = {
    "rmse": rmse,
    "mae": mae,
    "r2": r2,
    "directional_accuracy": directional_accuracy,
    "skill_vs_zero": skill_vs_zero,
}
