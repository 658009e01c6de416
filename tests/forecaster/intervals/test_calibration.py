from pathlib import Path

import pandas as pd
import pytest

from forecaster.intervals import interval_frame
from forecaster.intervals.calibration import Calibrated, calibrate_unit
from forecaster.settings import ENSEMBLE, DataConfig, IntervalConfig, UncertaintyConfig
from forecaster.store import Store


def judged_frame(bars: pd.DataFrame) -> pd.DataFrame:
    """Forecasts of one day ahead: the last 100 days are test, the 100 before val."""
    days = bars.index[200:]
    part = ["val"] * 100 + ["test"] * 100
    return pd.DataFrame({"cutoff": days, "horizon": 1, "part": part, ENSEMBLE: 0.01})


def calibrated(bars: pd.DataFrame, judged: pd.DataFrame, root: Path, shipped: str = ENSEMBLE) -> Calibrated:
    (root / "market").mkdir(parents=True)
    bars.to_parquet(root / "market" / "BTC.parquet")
    data, store = DataConfig(data_dir=root / "market"), Store(root / "store")
    forecasts = store.put_frame(judged)
    return calibrate_unit(store.root, "BTC", data, forecasts, shipped, (1,), IntervalConfig(), UncertaintyConfig())


def test_the_ensembles_intervals_stand_around_its_forecasts_and_are_scored_on_their_part(
    bars: pd.DataFrame, tmp_path: Path
) -> None:
    judged = judged_frame(bars)
    found = calibrated(bars, judged, tmp_path)
    centre = judged.rename(columns={ENSEMBLE: "y_hat"})
    test = interval_frame(bars, centre, (1,), IntervalConfig()).iloc[-100:-1]
    inside = test["y"].between(test["q_0.05"], test["q_0.95"]).mean()
    assert found.calibration.centre == ENSEMBLE
    assert found.calibration.test["1"].coverage_90 == pytest.approx(inside)
    assert (found.calibration.val["1"].n, found.calibration.test["1"].n) == (100, 99)


def test_the_ensembles_intervals_have_the_shape_of_the_models(bars: pd.DataFrame, tmp_path: Path) -> None:
    found = calibrated(bars, judged_frame(bars), tmp_path)
    assert found.ensemble is not None
    kept = Store(tmp_path / "store").frame(found.ensemble.quantiles)
    assert list(kept) == ["cutoff", "horizon", "q05", "q10", "q90", "q95"]
    assert len(kept) == 100
    assert found.ensemble.scores["1"]["coverage_90"] == pytest.approx(found.calibration.test["1"].coverage_90)
    assert found.ensemble.scores["1"]["n"] == 99


def test_without_an_ensemble_intervals_stand_around_the_model_that_is_shipped(
    bars: pd.DataFrame, tmp_path: Path
) -> None:
    judged = judged_frame(bars)
    found = calibrated(bars, judged.rename(columns={ENSEMBLE: "tcn"}), tmp_path / "single", "tcn")
    assert (found.calibration.centre, found.ensemble) == ("tcn", None)
    assert found.calibration.test == calibrated(bars, judged, tmp_path / "stacked").calibration.test
    zero = calibrated(bars, judged.assign(**{ENSEMBLE: 0.0}), tmp_path / "zero").calibration.test
    assert found.calibration.test != zero


def test_what_a_model_says_of_days_it_was_trained_on_centres_no_interval(bars: pd.DataFrame, tmp_path: Path) -> None:
    judged = judged_frame(bars).rename(columns={ENSEMBLE: "tcn"})
    before = pd.DataFrame({"cutoff": bars.index[:200], "horizon": 1, "part": "train", "tcn": 0.5})
    known = calibrated(bars, pd.concat([before, judged]), tmp_path / "known", "tcn")
    assert known.calibration == calibrated(bars, judged, tmp_path / "unknown", "tcn").calibration
