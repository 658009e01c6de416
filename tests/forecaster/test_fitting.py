import numpy as np
import pandas as pd
import pytest

from forecaster.fitting import FitResult, fit_unit, load_model, predict_unit, refit_unit
from forecaster.store import Artifact
from forecaster.windows import LOG_CLOSE

LEARNERS = ("ridge", "lightgbm")


@pytest.fixture(scope="module")
def judged(world) -> dict[str, FitResult]:
    parts = (world.today.parts.train, world.today.parts.val)
    specs = {model: world.spec(model, world.today.judged) for model in LEARNERS}
    return {model: fit_unit(world.store.root, spec, parts, world.columns) for model, spec in specs.items()}


def fit_fold(world, model: str, rows: pd.DataFrame) -> FitResult:
    spec = world.spec(model, world.today.folds[-1])
    return fit_unit(world.store.root, spec, (world.store.put_frame(rows),), world.columns)


def weights(world, fitted: FitResult) -> dict[str, bytes]:
    """Every file of a stored model but those that also say how long it took."""
    folder = world.store.path(fitted.folder)
    timeless = [path for path in folder.iterdir() if path.suffix == ".txt" or fitted.model == "ridge"]
    assert timeless
    return {path.name: path.read_bytes() for path in timeless}


def forecasts(world, artifact: Artifact | None) -> pd.DataFrame:
    assert artifact is not None
    return world.store.frame(artifact)


@pytest.mark.parametrize("model", LEARNERS)
def test_altered_held_out_targets_change_neither_weights_nor_forecasts_of_a_fold(world, model):
    held_out = world.today.folds[-1].held_out
    rows = world.rows("train")
    altered = rows.copy()
    altered.loc[pd.Timestamp(held_out.first) :, LOG_CLOSE] *= -3.0
    before, after = fit_fold(world, model, rows), fit_fold(world, model, altered)
    assert weights(world, before) == weights(world, after)
    assert before.forecasts == after.forecasts
    assert before.length == after.length


@pytest.mark.parametrize("model", LEARNERS)
def test_altered_held_out_features_change_no_weights_of_a_fold(world, model):
    held_out = world.today.folds[-1].held_out
    rows = world.rows("train")
    altered = rows.copy()
    altered.loc[pd.Timestamp(held_out.first) :, list(world.columns)] = 1e3
    before, after = fit_fold(world, model, rows), fit_fold(world, model, altered)
    assert weights(world, before) == weights(world, after)
    assert before.forecasts != after.forecasts


@pytest.mark.parametrize("model", LEARNERS)
def test_altered_train_targets_do_change_the_weights(world, model):
    rows = world.rows("train")
    altered = rows.copy()
    altered[LOG_CLOSE] = altered[LOG_CLOSE].to_numpy()[::-1]
    assert weights(world, fit_fold(world, model, rows)) != weights(world, fit_fold(world, model, altered))


@pytest.mark.parametrize("model", LEARNERS)
def test_a_new_bar_leaves_the_judged_fit_as_it_was(world, judged, model):
    tomorrow = world.tomorrow
    again = fit_unit(
        world.store.root, world.spec(model, tomorrow.judged), (tomorrow.parts.train, tomorrow.parts.val), world.columns
    )
    assert again.forecasts == judged[model].forecasts
    assert weights(world, again) == weights(world, judged[model])


@pytest.mark.parametrize("model", LEARNERS)
def test_the_judged_fit_forecasts_every_origin_of_train_and_val(world, judged, model):
    frame = forecasts(world, judged[model].forecasts)
    expected = world.rows().loc[: world.rows("val").index[-1]].index[9:]
    for h in (1, 7, 30):
        assert frame.loc[frame["horizon"] == h, "cutoff"].tolist() == expected.tolist()
    assert np.isfinite(frame["y_hat"]).all()


def test_a_fold_forecasts_exactly_what_it_holds_out(world):
    fold = world.today.folds[-1]
    fitted = fit_fold(world, "ridge", world.rows("train"))
    cutoffs = forecasts(world, fitted.forecasts)["cutoff"]
    assert (cutoffs.min().date(), cutoffs.max().date()) == (fold.held_out.first, fold.held_out.last)
    assert fitted.n_train == (fold.train.last - fold.train.first).days + 1


def test_a_stored_model_forecasts_test_as_if_it_had_never_been_stored(world, judged):
    predicted = predict_unit(world.store.root, judged["ridge"], 10, (1, 7, 30), world.today.parts.test)
    frame = forecasts(world, predicted.forecasts)
    assert frame["cutoff"].min().date() == world.today.boundaries.test
    assert frame["cutoff"].max().date() == world.today.boundaries.last  # the newest origin has no label yet
    model, preprocessor = load_model(world.store.path(judged["ridge"].folder), "ridge")
    last = preprocessor.transform(world.rows("test")).astype(np.float64)[-1]
    newest = frame.loc[frame["cutoff"] == frame["cutoff"].max(), "y_hat"]
    np.testing.assert_allclose(newest, model.coef_ @ last + model.intercept_, rtol=1e-12)
    assert predicted.attention is None


def test_test_targets_are_not_looked_at(world, judged):
    rows = world.rows("test")
    rows[LOG_CLOSE] = 0.0
    altered = world.store.put_frame(rows)
    known = predict_unit(world.store.root, judged["lightgbm"], 10, (1, 7, 30), world.today.parts.test)
    assert predict_unit(world.store.root, judged["lightgbm"], 10, (1, 7, 30), altered) == known


def test_a_planted_signal_is_found_on_val(world, judged):
    frame = forecasts(world, judged["ridge"].forecasts)
    rows, judged_fold = world.rows(), world.today.judged
    y = (rows[LOG_CLOSE].shift(-1) - rows[LOG_CLOSE]).rename("y")
    one_day = frame[frame["horizon"] == 1].set_index("cutoff")["y_hat"]
    val = pd.concat([y, one_day], axis=1).loc[str(judged_fold.held_out.first) : str(judged_fold.held_out.last)]
    assert ((val["y"] - val["y_hat"]) ** 2).mean() < 0.95 * (val["y"] ** 2).mean()


def test_preprocessing_and_target_scale_are_learned_on_the_folds_own_train_days(world):
    fold = world.today.folds[0]
    spec = world.spec("mean", fold)
    fitted = fit_unit(world.store.root, spec, (world.today.parts.train,), world.columns)
    rows = world.rows("train")
    train = rows.loc[: pd.Timestamp(fold.train.last)]
    _, preprocessor = load_model(world.store.path(fitted.folder), "mean")
    np.testing.assert_allclose(preprocessor.center, train[list(preprocessor.columns)].median())
    one_day = (rows[LOG_CLOSE].shift(-1) - rows[LOG_CLOSE]).loc[str(fold.train.first) : str(fold.train.last)]
    assert fitted.target_scale[0] == pytest.approx(one_day.quantile(0.75) - one_day.quantile(0.25))


def test_a_refit_learns_from_all_days_for_the_given_length(world, judged):
    serving = world.today.serving
    fitted = refit_unit(
        world.store.root,
        world.spec("lightgbm", serving),
        (world.today.parts.all,),
        world.columns,
        judged["lightgbm"].length,
    )
    assert fitted.length == judged["lightgbm"].length
    assert fitted.n_train == (serving.train.last - serving.train.first).days + 1
    assert fitted.forecasts is None


def test_units_have_seeds_of_their_own_that_never_change(world):
    fold = world.today.judged
    ridge, lightgbm = world.spec("ridge", fold), world.spec("lightgbm", fold)
    others = [lightgbm, ridge.model_copy(update={"coin": "ETH"}), world.spec("ridge", world.today.folds[0])]
    assert len({each.unit_seed for each in [ridge, *others]}) == 4
    assert ridge.unit_seed == int.from_bytes(bytes.fromhex("557cd345"))  # sha256 of "1/BTC/ridge/judged"


def test_a_serving_fold_cannot_be_judged(world):
    with pytest.raises(ValueError, match="stop"):
        fit_unit(world.store.root, world.spec("ridge", world.today.serving), (world.today.parts.all,), world.columns)
