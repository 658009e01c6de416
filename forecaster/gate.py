"""How much of a combined forecast to believe: a factor per horizon, from how it did on val."""

from collections.abc import Mapping

import numpy as np

from forecaster.windows import Floats

# What t^2 comes to by chance: 1 for one forecast, about 3 for the best of several methods and means, which is what val
# has chosen.
CHANCE = 3.0
MOST = 1.5  # models that are unsure of themselves are too timid, and a mean of them more so


def val_gates(rows: Mapping[int, tuple[Floats, Floats]]) -> dict[int, float]:
    """Least-squares factor of each horizon's forecast on val, cut to [0, `MOST`] and shrunk by its own uncertainty.

    The slope `b` of `y = b * y_hat` says how much of the forecast came true. With `t` its t statistic (Newey & West
    1987, lag `horizon - 1`, since labels overlap), a positive-part factor `1 - CHANCE / t^2` (after James & Stein 1961)
    takes it down to zero where it could as well be chance: what is then left is the zero forecast. Evidence is shared,
    each horizon's counted for its outcomes that do not overlap: a forecast that is right about tomorrow is given credit
    for the month, and none for a month that val holds so few of that luck would decide. Nor is the month made bolder
    than all horizons ask for together.

    Args:
        rows: per horizon, log-returns that came `(n,)` and forecasts of them `(n,)`, of consecutive origins.
    """
    slopes, evidence = {}, {}
    for horizon, (y, y_hat) in rows.items():
        slopes[horizon], evidence[horizon] = _slope(y, y_hat, horizon)
    counts = [1 / h for h in rows]
    shared = float(np.average([*evidence.values()], weights=counts))
    most = min(MOST, float(np.average([*slopes.values()], weights=counts)))
    return {h: _gate(min(slopes[h], max(most, 1.0)), shared) for h in rows}


def _gate(slope: float, evidence: float) -> float:
    return slope * (1 - CHANCE / evidence) if slope > 0 and evidence > CHANCE else 0.0


def _slope(y: Floats, y_hat: Floats, horizon: int) -> tuple[float, float]:
    """Slope through the origin and its squared t statistic; no evidence for a slope that is not positive."""
    import statsmodels.api as sm  # slow to import, and needed once a night

    if not (y_hat**2).sum() > 0:
        return 0.0, 0.0
    lags = {"maxlags": horizon - 1, "use_correction": True}
    fitted = sm.OLS(y, y_hat).fit(cov_type="HAC", cov_kwds=lags)
    slope, t = float(fitted.params[0]), float(fitted.tvalues[0])
    return slope, t**2 if slope > 0 else 0.0
