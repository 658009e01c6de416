"""How boldly forecasts may speak: slopes of what came on what was said, and what is known of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from forecaster.windows import Floats

TINY = 1e-12
ALIKE = 0.1  # by how much the slopes of horizons are thought to differ that have one in common
ALONE = 1.0  # how far from zero the slope of a horizon is thought to lie that has not


class Slope(NamedTuple):
    """A slope through the origin, and its standard error: infinite where nothing was forecast."""

    value: float
    error: float

    @property
    def evidence(self) -> float:
        """Squared t statistic; zero where the slope is not positive."""
        return (self.value / self.error) ** 2 if self.value > 0 else 0.0


def slope(y: Floats, y_hat: Floats, horizon: int) -> Slope:
    """Slope of outcomes on forecasts; labels overlap, so its error is that of Newey & West (1987), lag `horizon - 1`
    or a quarter of the days.

    Args:
        y: outcomes `(n,)` of consecutive origins.
        y_hat: the forecasts of them `(n,)`.
        horizon: days ahead.
    """
    from statsmodels.regression.linear_model import OLS  # slow to import, and needed once a fit

    if len(y) < 2 or not (y_hat**2).sum() > 0:
        return Slope(0.0, np.inf)
    lags = {"maxlags": min(horizon - 1, len(y) // 4), "use_correction": True}  # of more, errors come out too small
    fitted = OLS(y, y_hat).fit(cov_type="HAC", cov_kwds=lags)
    return Slope(float(fitted.params[0]), max(float(fitted.bse[0]), TINY))


def credit(slopes: Sequence[Slope], horizons: Sequence[int], chance: float) -> float:
    """How much of a forecast its evidence supports, in [0, 1]: zero where it could as well be chance.

    A positive-part factor `1 - chance / t^2` (after James & Stein 1961). Horizons are judged together, each counted for
    its outcomes that do not overlap: a forecast that is right about tomorrow is given credit for the month, and none
    for a month of which a part holds so few that luck would decide.

    Args:
        slopes: one per horizon.
        horizons: days ahead of each.
        chance: what the squared t statistic comes to without any merit.
    """
    shared = float(np.average([each.evidence for each in slopes], weights=1 / np.asarray(horizons)))
    return 1 - chance / shared if shared > chance else 0.0


def pooled(slopes: Sequence[Slope]) -> Slope:
    """The mean of independent slopes, each weighted by its precision."""
    values, errors = np.array(slopes).T
    precision = (1 / errors) ** 2  # not 1 / errors^2, which overflows
    if not precision.any():
        return Slope(0.0, np.inf)
    return Slope(float(np.average(values, weights=precision)), float(precision.sum() ** -0.5))


def boldness(slopes: Sequence[Slope], most: float, typical: Slope | None = None) -> Floats:
    """Factor in [0, `most`] on each horizon's forecast that minimises squared errors: `(n_horizons,)`.

    A horizon's slope is either near one that horizons have in common, on which it then leans the more the less certain
    it is, or its own affair; both are held to be as likely, and the outcomes decide between them (exchangeable or not:
    Neuenschwander et al. 2016, "Robust exchangeability designs"). So being right about tomorrow counts for a month of
    which little is known, and not for one that is known to be otherwise. A wrong way is closed.

    Args:
        slopes: one per horizon.
        most: what no factor exceeds.
        typical: what is known beforehand of the common slope.
    """
    values, errors = np.minimum(np.array(slopes), 1 / TINY).T
    known = [Slope(value, float(np.hypot(error, ALIKE))) for value, error in slopes]
    common = pooled([*known, typical] if typical else known).value
    shared, alone = np.hypot(errors, ALIKE), np.hypot(errors, ALONE)
    is_shared = expit(norm.logpdf(values, common, shared) - norm.logpdf(values, 0, alone))
    leaning = common + (values - common) * (ALIKE / shared) ** 2
    expected = is_shared * leaning + (1 - is_shared) * values * (ALONE / alone) ** 2
    factors: Floats = np.clip(np.where(values > 0, expected, 0), 0, most)
    return factors
