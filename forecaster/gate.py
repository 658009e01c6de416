"""How much of a combined forecast to believe: a factor in [0, 1] per horizon, from how it did on val."""

from forecaster.windows import Floats

# What t^2 comes to by chance: 1 for one forecast, about 2 for the best of three methods, which is what val has chosen.
CHANCE = 2.0


def val_gate(y: Floats, y_hat: Floats, horizon: int) -> float:
    """Least-squares factor of `y_hat` on val, cut to [0, 1] and shrunk by its own uncertainty.

    The slope `b` of `y = b * y_hat` says how much of the forecast came true. With `t` its t statistic (Newey & West
    1987, lag `horizon - 1`, since labels overlap), a positive-part factor `1 - CHANCE / t^2` (after James & Stein 1961)
    takes it down to zero where it could as well be chance: what is then left is the zero forecast.

    Args:
        y: log-returns that came `(n,)`.
        y_hat: forecasts of them `(n,)`.
        horizon: days ahead.
    """
    import statsmodels.api as sm  # slow to import, and needed once a night

    if not (y_hat**2).sum() > 0:
        return 0.0
    lags = {"maxlags": horizon - 1, "use_correction": True}
    fitted = sm.OLS(y, y_hat).fit(cov_type="HAC", cov_kwds=lags)
    slope, t = float(fitted.params[0]), float(fitted.tvalues[0])
    if slope <= 0 or not t**2 > CHANCE:
        return 0.0
    return min(slope, 1.0) * (1 - CHANCE / t**2)
