"""A forecast and the grades of those before it, as plain values for `training_report.json`."""

from typing import Any

import pandas as pd

from forecaster.diary.grading import Graded
from forecaster.diary.issue import Issued

FACTS = ("run", "served", "shipped", "regime", "warnings", "close", "model_age_days", "distance_quantile")


def forecast_entry(
    issued: Issued, rows: pd.DataFrame, graded: Graded | None, diary: str, promoted: bool
) -> dict[str, Any]:
    """What `training_report.json` says of the forecasts of a night.

    Args:
        issued: what was issued.
        rows: its frame.
        graded: the diary's grades, if it could be read.
        diary: where the diary lies.
        promoted: whether the run that is served is the champion.
    """
    first = rows.iloc[0]
    kept = rows.drop(columns=[*FACTS, "coin", "simulated", "source", "cutoff", "trained_until", "as_of"])
    per_horizon = kept.assign(target_day=kept["target_day"].dt.date.astype(str)).set_index("horizon")
    return {
        "cutoff": str(first["cutoff"].date()),
        "trained_until": str(first["trained_until"].date()),
        **{name: _plain(first[name]) for name in FACTS},
        "promoted": promoted,
        "simulated": issued.simulated,
        "horizons": {str(h): {k: _plain(v) for k, v in row.items()} for h, row in per_horizon.to_dict("index").items()},
        "guards": [guard.model_dump() for guard in issued.guards],
        "live": graded.live if graded else {},
        "diary": diary,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, str) or value is None:
        return value
    return None if pd.isna(value) else float(value)
