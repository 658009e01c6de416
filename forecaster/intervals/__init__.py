"""Intervals that hold what they promise: a volatility core, and a calibration that is renewed every day.

A pure function of bars and point forecasts, computed anew every night over all days: nothing is kept, nothing can be
lost, and no refit is needed for them to be fresh.
"""

from forecaster.intervals.frame import interval_frame, quantile_column, quantile_columns

__all__ = ["interval_frame", "quantile_column", "quantile_columns"]
