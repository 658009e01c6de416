"""Whether one forecast is better than another by more than chance."""

import numpy as np
from scipy.stats import t
from statsmodels.tsa.stattools import diebold_mariano_test

from forecaster.windows import Floats


def diebold_mariano(y: Floats, y_hat: Floats, horizon: int, y_base: Floats | None = None) -> tuple[float, float]:
    """Test whether `y_hat` has a smaller mean squared error than `y_base`.

    The loss difference of forecasts `horizon` days ahead is correlated over `horizon - 1` days: its variance is
    Newey-West's with that many lags, corrected for small samples (Diebold and Mariano 1995; Harvey, Leybourne and
    Newbold 1997).

    Args:
        y: log-returns `(n,)` of consecutive origins, without gaps.
        y_hat: the forecasts `(n,)` that are claimed to be better.
        horizon: days ahead.
        y_base: the forecasts `(n,)` to beat; the zero return by default.

    Returns:
        The statistic (positive: `y_hat` is better) and the one-sided p-value, from Student's t with `n - 1` degrees of
        freedom. Both are NaN where every squared error is equal: there is nothing to test.

    Raises:
        ValueError: if there are no more days than `horizon`, or a value is missing.
    """
    base = np.zeros_like(y) if y_base is None else y_base
    _check(y, y_hat, base, horizon)
    if np.array_equal((y - base) ** 2, (y - y_hat) ** 2):
        return np.nan, np.nan
    result = diebold_mariano_test(y, base, y_hat, lags=horizon - 1, harvey_adj=True, horizon=horizon)
    return float(result.statistic), float(t.sf(result.statistic, df=len(y) - 1))


def worse_p_value(loss: Floats, other: Floats, horizon: int) -> float | None:
    """One-sided p-value that `loss` `(n,)` is no larger than `other` on average; None if nothing can be tested.

    Small: it is larger by more than chance. A loss counts as the squared error that it is.
    """
    if len(loss) <= max(horizon, 1):
        return None
    _, p = diebold_mariano(np.zeros_like(loss), np.sqrt(other), horizon, np.sqrt(loss))
    return p if np.isfinite(p) else None


def _check(y: Floats, y_hat: Floats, base: Floats, horizon: int) -> None:
    """Refuse what the test would answer with nonsense."""
    if len(y) <= max(horizon, 1):
        raise ValueError(f"Expected more days than the horizon. Received: n={len(y)}, horizon={horizon}")
    if n_missing := int((~np.isfinite([y, y_hat, base])).any(axis=0).sum()):
        raise ValueError(f"Expected labelled days only; drop the others. Received: {n_missing} missing")
