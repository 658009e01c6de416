"""The shipped forecast's intervals over val and test, and what they held: a unit of work after judgement."""

from pathlib import Path

import pandas as pd

from forecaster.calibration import Calibration, IntervalScores
from forecaster.intervals.frame import interval_frame, quantile_column
from forecaster.intervals.scores import interval_scores, rolling_quantiles
from forecaster.market import load_bars
from forecaster.settings import ENSEMBLE, Coin, Config, DataConfig, IntervalConfig, UncertaintyConfig
from forecaster.store import Artifact, Store
from forecaster.uncertainty import Intervals
from forecaster.uncertainty import interval_scores as coverage_scores

KEYS = ["cutoff", "horizon"]
PARTS = ("val", "test")


class Calibrated(Config):
    """Calibration, and the ensemble's intervals as those of every model; None in a run without an ensemble."""

    calibration: Calibration
    ensemble: Intervals | None = None


def calibrate_unit(
    root: Path,
    coin: Coin,
    data: DataConfig,
    forecasts: Artifact,
    shipped: str,
    horizons: tuple[int, ...],
    config: IntervalConfig,
    uncertainty: UncertaintyConfig,
) -> Calibrated:
    """Intervals around the judged forecasts that are shipped, scored on val and test.

    Args:
        root: the store.
        coin: ticker.
        data: where its bars come from.
        forecasts: judged forecast frame with `cutoff, horizon, part` and a column per model.
        shipped: whose forecasts are shipped, and so would be served: the ensemble's or a model's.
        horizons: days ahead.
        config: of the intervals.
        uncertainty: levels and quantiles in which every model's intervals are reported.
    """
    store = Store(root)
    judged = store.frame(forecasts)
    centre = centre_of(judged, shipped)
    frame = interval_frame(load_bars(coin, data).frame, centre, horizons, config)
    frame = frame.merge(judged[[*KEYS, "part"]], on=KEYS, how="left")
    scores = {part: {str(h): _scores(frame, h, part, config) for h in horizons} for part in PARTS}
    calibration = Calibration(centre=shipped, **scores)
    ensemble = None if shipped != ENSEMBLE else _intervals(store, frame[frame["part"] == "test"], uncertainty)
    return Calibrated(calibration=calibration, ensemble=ensemble)


def centre_of(judged: pd.DataFrame, shipped: str) -> pd.DataFrame:
    """Forecasts of who is shipped, `cutoff, horizon, y_hat`, from val on: before it models know their outcomes."""
    first = judged.loc[judged["part"] == "val", "cutoff"].min()
    from_val = judged.loc[judged["cutoff"] >= first, [*KEYS, shipped]]
    centre: pd.DataFrame = from_val.rename(columns={shipped: "y_hat"}).dropna()
    return centre


def _scores(frame: pd.DataFrame, horizon: int, part: str, config: IntervalConfig) -> IntervalScores:
    rows = frame[frame["horizon"] == horizon]
    y = rows["y"].to_numpy(float)
    rolling = rolling_quantiles(y, horizon, (0.05, 0.95))
    scored = (rows["part"] == part).to_numpy()
    return interval_scores(y[scored], rows[scored], config.levels, rolling[scored])


def _intervals(store: Store, test: pd.DataFrame, config: UncertaintyConfig) -> Intervals:
    """The ensemble's test intervals in the shape of the models'."""
    columns = [quantile_column(q) for q in config.quantiles]
    names = [f"q{f'{100 * q:g}'.zfill(2)}" for q in config.quantiles]
    kept = test[[*KEYS, *columns]].rename(columns=dict(zip(columns, names, strict=True)))
    scores = {
        str(h): coverage_scores(rows["y"].to_numpy(float), rows[columns].to_numpy(float), h, config)
        for h in sorted({int(each) for each in test["horizon"]})
        for rows in [test[test["horizon"] == h]]
    }
    quantiles = store.put_frame(kept.sort_values(["horizon", "cutoff"], ignore_index=True))
    return Intervals(model=ENSEMBLE, quantiles=quantiles, scores=scores)
