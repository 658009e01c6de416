from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.choice import ratio_to_zero as ratio_of_frame
from forecaster.fitting import fit_unit
from forecaster.settings import LightGBMConfig, RidgeConfig, TrainingConfig
from forecaster.store import Artifact, ArtifactError
from forecaster.tuning.trials import Budget, TrialScore, TrialUnit, ratio_to_zero, trial_unit
from forecaster.windows import LOG_CLOSE, log_returns


def score(world, model: str = "ridge", fold: int = -1, **changes) -> TrialScore:
    spec = world.spec(model, world.today.folds[fold]).model_copy(update=changes)
    return trial_unit(world.store.root, spec, (world.today.parts.train,), world.columns)


def files(root: Path) -> set[Path]:
    return set((root / "objects").rglob("*"))


def test_ratio_to_zero_is_the_mean_over_horizons():
    y = np.array([[1.0, 2.0], [-1.0, -2.0]])
    assert ratio_to_zero(y, np.zeros_like(y)) == 1
    assert ratio_to_zero(y, np.column_stack([y[:, 0], -y[:, 1]])) == (0 + 2) / 2


def test_a_trial_is_scored_on_what_its_fold_holds_out_and_nothing_is_stored(world):
    fold = world.today.folds[-1]
    before = files(world.store.root)
    found = score(world)
    assert files(world.store.root) == before
    fitted = fit_unit(world.store.root, world.spec("ridge", fold), (world.today.parts.train,), world.columns)
    frame = world.store.frame(fitted.forecasts)
    rows = world.rows("train")
    y = pd.DataFrame(log_returns(rows[LOG_CLOSE].to_numpy(), (1, 7, 30)), rows.index, [1, 7, 30])
    frame["y"] = [y.loc[row.cutoff, row.horizon] for row in frame.itertuples()]
    assert found.value == pytest.approx(ratio_of_frame(frame, frame["y_hat"], (1, 7, 30)), rel=1e-9)
    assert found.end == "scored"
    assert found.seconds > 0


def test_altered_days_after_the_fold_change_no_score(world):
    held_out = world.today.folds[0].held_out
    rows = world.rows("train")
    altered = rows.copy()
    after = altered.index > pd.Timestamp(held_out.last) + pd.Timedelta(days=30)
    assert after.any()
    altered.loc[after, [LOG_CLOSE, *world.columns]] = 7.0
    spec = world.spec("lightgbm", world.today.folds[0])
    values = [
        trial_unit(world.store.root, spec, (world.store.put_frame(r),), world.columns).value for r in (rows, altered)
    ]
    assert values[0] == values[1]


def test_the_same_settings_have_the_same_score_and_others_another(world):
    assert score(world, "lightgbm").value == score(world, "lightgbm").value
    fewer = LightGBMConfig(n_estimators=3, early_stopping=5)
    assert score(world, "lightgbm", settings=fewer).value != score(world, "lightgbm").value


def test_what_goes_wrong_in_the_fit_is_the_trials_failure(world):
    found = score(world, "lightgbm", settings=LightGBMConfig(num_leaves=1))
    assert (found.end, found.value) == ("failed", None)
    assert found.why.startswith("LightGBMError: ")


def test_a_forecast_that_is_not_finite_fails(world, monkeypatch: pytest.MonkeyPatch):
    from forecaster.models.ridge import RidgeForecaster

    monkeypatch.setattr(RidgeForecaster, "predict", lambda self, windows: np.full((len(windows), 3), np.nan))
    assert score(world).end == "failed"


def test_rows_that_are_gone_are_no_trials_failure(world):
    spec = world.spec("ridge", world.today.folds[-1])
    with pytest.raises(ArtifactError):
        trial_unit(world.store.root, spec, (Artifact(path="objects/no/ne.parquet", sha256="0"),), world.columns)


def test_a_fit_whose_time_is_up_ends_with_its_epoch(world):
    epochs: list[int] = []
    trees = world.spec("lightgbm", world.today.folds[-1])
    spec = trees.model_copy(
        update={"training": TrainingConfig()}
    )  # as a network has: what counts epochs can be stopped
    args = (world.store.root, spec, (world.today.parts.train,), world.columns)
    stopped = trial_unit(*args, 0.0, on_epoch=lambda epoch, logs: epochs.append(epoch))
    assert (stopped.end, stopped.value, epochs) == ("out of time", None, [1])
    assert trial_unit(*args, 600.0, on_epoch=lambda epoch, logs: epochs.append(epoch)).end == "scored"
    assert len(epochs) > 2


def test_trees_that_are_grown_when_their_time_is_up_are_scored(world):
    spec = world.spec("lightgbm", world.today.folds[-1])
    assert trial_unit(world.store.root, spec, (world.today.parts.train,), world.columns, 0.0).end == "scored"


def test_a_unit_is_named_by_trial_and_fold(world):
    fold = world.today.folds[-1]
    assert TrialUnit(3, world.spec("ridge", fold)).name == f"trial-3/{fold.name}"
    assert world.spec("ridge", fold).settings == RidgeConfig(alpha=100)


def test_concurrent_units_share_what_is_left_and_give_back_what_they_do_not_use():
    budget = Budget(300.0)
    with budget.share(2) as first:
        with budget.share(2) as second:
            assert (first.granted, second.granted) == (150.0, 150.0)
            second.used = 100.0
        with budget.share(2) as third:
            assert third.granted == 50.0
            third.used = 50.0
        first.used = 100.0
    with budget.share(1) as fourth:
        assert fourth.granted == 50.0


def test_nothing_is_granted_once_everything_is_used_even_by_a_unit_that_took_too_long():
    budget = Budget(10.0)
    with budget.share(1) as first:
        first.used = 12.0
    with budget.share(1) as second:
        assert second.granted == 0.0
