"""What the intervals of the shipped forecast held, as a value: reports read it without a library for frames."""

from forecaster.settings import Config


class IntervalScores(Config):
    """One part and horizon; null without an outcome.

    Attributes:
        coverage_80: share of the origins whose outcome lay inside the 80 % interval.
        coverage_90: the same for the 90 % interval.
        interval_score_90: mean interval score of the 90 % interval, in log-return; smaller is better.
        rolling_score_90: that of the quantiles of the last 365 days' outcomes around zero.
        against_rolling: by how much the former is smaller than the latter, as a share.
        miscalibration: mean over the levels of |share of outcomes below the quantile - level|.
        pinball: mean quantile score over origins and levels, in log-return.
        n: origins with an outcome.
    """

    coverage_80: float | None = None
    coverage_90: float | None = None
    interval_score_90: float | None = None
    rolling_score_90: float | None = None
    against_rolling: float | None = None
    miscalibration: float | None = None
    pinball: float | None = None
    n: int = 0


class Calibration(Config):
    """The report's entry on calibration.

    Attributes:
        centre: whose forecasts the intervals stand around, from val on; before it they stand around zero.
        val: horizon -> scores.
        test: horizon -> scores.
    """

    centre: str
    val: dict[str, IntervalScores]
    test: dict[str, IntervalScores]
