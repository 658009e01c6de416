from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.judging import Judged, Stacked, judge_unit, stack_unit
from forecaster.settings import ENSEMBLE, SplitConfig, StackingConfig
from forecaster.split import Boundaries, Fold, find_boundaries, judged_fold, oof_folds
from forecaster.store import Artifact, Store
from forecaster.windows import LOG_CLOSE

HORIZONS = (1, 3)
SPLIT = SplitConfig(lookback=5, horizons=HORIZONS, anchor_days=1, n_folds=3, min_fold_origins=10)
DAYS = pd.date_range("2023-01-01", periods=400, name="date")
MODELS = ("dlinear", "lightgbm")
SCALE = {1: 0.02, 3: 0.04}


class Night:
    """400 days of a random walk; `lightgbm` knows half of every return, `dlinear` knows nothing."""

    def __init__(self, root: Path) -> None:
        rng = np.random.default_rng(3)
        self.store = Store(root)
        self.rows = pd.DataFrame({LOG_CLOSE: 0.03 * rng.standard_normal(len(DAYS)).cumsum()}, index=DAYS)
        self.noise = 0.02 * rng.standard_normal((len(DAYS), len(HORIZONS)))
        self.boundaries: Boundaries = find_boundaries(DAYS, SPLIT)
        self.fold: Fold = judged_fold(DAYS, self.boundaries, SPLIT)
        self.folds = oof_folds(DAYS, self.fold, SPLIT)[0]

    @property
    def val(self) -> pd.Timestamp:
        return pd.Timestamp(self.boundaries.val)

    @property
    def test(self) -> pd.Timestamp:
        return pd.Timestamp(self.boundaries.test)

    def forecasts(self, model: str, days: pd.DatetimeIndex) -> Artifact:
        log_close, frames = self.rows[LOG_CLOSE], []
        for i, h in enumerate(HORIZONS):
            y = (log_close.shift(-h) - log_close).reindex(days).fillna(0)
            noise = self.noise[DAYS.get_indexer(days), i]
            y_hat = 0.5 * y if model == "lightgbm" else noise
            frames.append(pd.DataFrame({"cutoff": days, "horizon": h, "y_hat": np.asarray(y_hat)}))
        return self.store.put_frame(pd.concat(frames, ignore_index=True))

    def stack(self) -> Stacked:
        before_test = DAYS[(self.test > DAYS)]
        oof = {m: tuple(self.forecasts(m, DAYS[f.held_out.mask(DAYS)]) for f in self.folds) for m in MODELS}
        return stack_unit(
            self.store.root,
            "BTC",
            {m: self.forecasts(m, before_test[4:]) for m in MODELS},
            oof,
            (
                self.store.put_frame(self.rows[: self.val - pd.Timedelta(days=1)]),
                self.store.put_frame(self.rows[self.val - pd.Timedelta(days=4) : self.test - pd.Timedelta(days=1)]),
            ),
            self.fold,
            SCALE,
            StackingConfig(),
        )

    def judge(self, stacked: Stacked | None = None, rows: pd.DataFrame | None = None) -> Judged:
        return judge_unit(
            self.store.root,
            "BTC",
            {m: self.forecasts(m, DAYS[(self.test > DAYS)][4:]) for m in MODELS},
            {m: self.forecasts(m, DAYS[self.test <= DAYS]) for m in MODELS},
            stacked,
            self.store.put_frame(self.rows if rows is None else rows),
            self.fold,
            self.boundaries,
            SCALE,
        )

    def frame(self, judged: Judged) -> pd.DataFrame:
        return self.store.frame(judged.forecasts)


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Night(tmp_path)


@pytest.fixture
def alone(night: Night) -> pd.DataFrame:
    return night.frame(night.judge())


def test_every_origin_and_horizon_has_one_row_in_time_order(alone: pd.DataFrame):
    assert list(alone.columns) == ["unique_id", "cutoff", "ds", "horizon", "part", "y", *MODELS]
    assert list(zip(alone["cutoff"], alone["horizon"], strict=True)) == [(day, h) for day in DAYS[4:] for h in HORIZONS]
    assert (alone["ds"] - alone["cutoff"]).dt.days.tolist() == alone["horizon"].tolist()


def test_y_is_the_log_return_that_followed_and_missing_where_none_did_yet(night: Night, alone: pd.DataFrame):
    row = alone[(alone["cutoff"] == DAYS[100]) & (alone["horizon"] == 3)].iloc[0]
    assert row["y"] == night.rows[LOG_CLOSE].iloc[103] - night.rows[LOG_CLOSE].iloc[100]
    unknown = alone.loc[alone["y"].isna(), ["cutoff", "horizon"]].to_numpy().tolist()
    assert unknown == [[DAYS[397], 3], [DAYS[398], 3], [DAYS[399], 1], [DAYS[399], 3]]


def test_purged_origins_are_in_no_part(night: Night, alone: pd.DataFrame):
    parts = alone.groupby("part")["cutoff"].agg(["min", "max"])
    assert parts.loc["train"].tolist() == [DAYS[4], pd.Timestamp(night.fold.train.last)]
    assert parts.loc["val"].tolist() == [night.val, pd.Timestamp(night.fold.stop.last)]
    assert parts.loc["test"].tolist() == [night.test, DAYS[-1]]
    purged = alone.loc[alone["part"] == "purged", "cutoff"].unique()
    expected = [day + pd.Timedelta(days=back) for day in (night.val, night.test) for back in (-3, -2, -1)]
    assert purged.tolist() == expected


def test_scores_are_those_of_the_parts_known_origins(night: Night, alone: pd.DataFrame):
    scores = night.store.frame(night.judge().scores).set_index(["model", "part", "horizon"])
    known = alone[(alone["part"] == "test") & (alone["horizon"] == 3)].dropna(subset="y")
    assert scores.loc[("lightgbm", "test", 3), "n"] == len(known)
    rmse = float(np.sqrt((known["y"] ** 2).mean()) / 2)  # it knows half of every return
    assert scores.loc[("lightgbm", "test", 3), "rmse"] == pytest.approx(rmse)
    assert scores.loc[("lightgbm", "test", 3), "scaled_rmse"] == pytest.approx(rmse / SCALE[3])
    assert scores.loc[("lightgbm", "test", 3), "skill_vs_zero"] == pytest.approx(0.5)


def test_without_an_ensemble_there_is_none(night: Night):
    judged = night.judge()
    assert (judged.weights, judged.ensemble) == (None, None)
    assert set(night.store.json(judged.nested)) == set(MODELS)
    assert set(night.store.json(judged.nested)["dlinear"]) == {"train", "val", "test"}


def test_the_ensemble_forecasts_val_and_test_and_is_scored_beside_the_models(night: Night):
    judged = night.judge(night.stack())
    frame = night.frame(judged)
    assert frame.loc[frame["cutoff"] < night.val, ENSEMBLE].isna().all()
    assert np.isfinite(frame.loc[frame["cutoff"] >= night.val, ENSEMBLE]).all()
    assert set(night.store.json(judged.nested)) == {*MODELS, ENSEMBLE}
    assert night.store.json(judged.nested)[ENSEMBLE]["test"]["1"]["skill_vs_zero"] > 0.3  # it found who knows
    assert judged.weights is not None
    assert judged.ensemble is not None


def test_the_same_forecasts_give_the_same_ensemble(night: Night):
    assert night.stack() == night.stack()


def test_what_happens_later_changes_no_earlier_ensemble_forecast(night: Night):
    stacked = night.stack()
    change = DAYS.get_loc(night.test) + 20
    altered = night.rows.copy()
    altered.iloc[change:] = altered.iloc[change:] * -2 + 5
    before, after = night.frame(night.judge(stacked)), night.frame(night.judge(stacked, altered))
    unaware = before["cutoff"] < DAYS[change]
    pd.testing.assert_series_equal(before.loc[unaware, ENSEMBLE], after.loc[unaware, ENSEMBLE])


def test_the_stack_lives_without_folds(night: Night):
    night.folds = []
    frame = night.frame(night.judge(night.stack()))
    assert np.isfinite(frame.loc[frame["cutoff"] >= night.val, ENSEMBLE]).all()
