"""Where a day stands in its week, month, quarter and year: as points on circles, and as flags."""

import numpy as np
import pandas as pd


def features(bars: pd.DataFrame) -> pd.DataFrame:
    """Calendar columns for every day of `bars`; cyclical ones come as sine and cosine, both in [-1, 1]."""
    day = pd.DatetimeIndex(bars.index)
    turns = {
        "day_of_week": day.day_of_week / 7,
        "day_of_month": (day.day - 1) / day.days_in_month,
        "day_of_year": (day.day_of_year - 1) / 365.25,
        "week_of_month": (day.day - 1) // 7 / 5,
        "month": (day.month - 1) / 12,
        "quarter": (day.quarter - 1) / 4,
    }
    waves = {
        f"{name}_{wave}": function(2 * np.pi * turn.to_numpy(dtype="float64"))
        for name, turn in turns.items()
        for wave, function in (("sin", np.sin), ("cos", np.cos))
    }
    flags = {
        "is_weekend": day.day_of_week >= 5,
        "is_month_start": day.is_month_start,
        "is_month_end": day.is_month_end,
        "is_quarter_end": day.is_quarter_end,
    }
    return pd.DataFrame(waves | {name: value.astype("float64") for name, value in flags.items()}, index=bars.index)
