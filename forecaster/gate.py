"""How much of a combined forecast to believe: a factor per horizon, from how it did on days it was not fitted to."""

from collections.abc import Mapping

import numpy as np

from forecaster.slopes import Slope, boldness, credit, pooled, slope
from forecaster.windows import Floats

PerHorizon = Mapping[int, tuple[Floats, Floats]]  # what came, what was forecast

# What t^2 comes to by chance: 1 for one forecast, about 3 for the best of several methods and means, which is what val
# has chosen.
CHANCE = 3.0
MOST = 2.0
TYPICAL = Slope(1.15, 0.1)  # models are timid, and a mean of them more so: on planted markets, by so much
WHISPER = 0.004  # of the outcomes' mean square: what turns out to be noise costs a fifth of a percent in RMSE at most


def gates(*spans: PerHorizon) -> dict[int, float]:
    """Factor in [0, `MOST`] of each horizon's forecast; zero, the forecast of no change, where chance did as well.

    Val holds some twenty months that do not overlap: spans beside it, such as what folds held out, say more about a
    month than all of val's luck.

    Args:
        spans: consecutive origins each; per horizon, log-returns that came `(n,)` and forecasts of them `(n,)`.
    """
    horizons = tuple(spans[0])
    slopes = [pooled([slope(*rows[h], h) for rows in spans]) for h in horizons]
    factors = boldness(slopes, MOST, TYPICAL) * credit(slopes, horizons, CHANCE)
    return dict(zip(horizons, factors.tolist(), strict=True))


def whisper_gates(rows: PerHorizon) -> dict[int, float]:
    """Factor in [0, 1] that makes each horizon's forecast as quiet as one may be of which nothing is known.

    A forecast that has nothing to do with what comes raises the mean squared error by its own mean square.

    Args:
        rows: per horizon, log-returns that came `(n,)` and forecasts of them `(n,)`.
    """
    loudness = {h: float((y_hat**2).mean() / (y**2).mean()) for h, (y, y_hat) in rows.items()}
    return {h: float(np.sqrt(WHISPER / max(loud, WHISPER))) for h, loud in loudness.items()}
