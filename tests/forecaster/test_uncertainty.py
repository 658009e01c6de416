import numpy as np
import pandas as pd
import pytest

from forecaster.fitting import fit_unit
from forecaster.settings import LightGBMConfig, UncertaintyConfig
from forecaster.store import Store
from forecaster.uncertainty import coverage_se, interval_scores, intervals_unit, static_intervals_unit, unit_seed
from forecaster.windows import LOG_CLOSE

CONFIG = UncertaintyConfig(mc_samples=4)  # 80 % and 90 %
QUANTILES = np.tile([-0.3, -0.2, 0.2, 0.4], (4, 1))


def test_coverage_and_width_of_each_level_count_labelled_origins_only():
    scores = interval_scores(np.array([0.0, 0.3, -0.25, np.nan]), QUANTILES, 1, CONFIG)
    assert scores["n"] == 3
    assert scores["coverage_90"] == 1
    assert scores["coverage_80"] == pytest.approx(1 / 3)
    assert scores["width_90"] == pytest.approx(0.7)
    assert scores["width_80"] == pytest.approx(0.4)


def test_a_return_on_the_edge_is_covered():
    scores = interval_scores(np.array([0.2, -0.2, 0.4, -0.3]), QUANTILES, 1, CONFIG)
    assert (scores["coverage_80"], scores["coverage_90"]) == (0.5, 1)


def test_width_is_the_mean_over_origins():
    quantiles = np.array([[-0.1, 0.0, 0.0, 0.1], [-0.3, 0.0, 0.2, 0.3]])
    scores = interval_scores(np.zeros(2), quantiles, 1, CONFIG)
    assert scores["width_90"] == pytest.approx(0.4)
    assert scores["width_80"] == pytest.approx(0.1)


def test_without_an_outcome_there_is_nothing_but_a_count_of_none():
    scores = interval_scores(np.full(4, np.nan), QUANTILES, 1, CONFIG)
    assert scores.pop("n") == 0
    assert set(scores.values()) == {None}


def test_standard_error_of_coverage_rests_on_outcomes_that_do_not_overlap():
    assert coverage_se(0.5, 96, 1) == pytest.approx(np.sqrt(0.25 / 100))
    assert coverage_se(0.5, 960, 10) == pytest.approx(np.sqrt(0.25 / 100))
    assert coverage_se(0.0, 96, 1) == pytest.approx(np.sqrt(0.02 * 0.98 / 100))


def test_each_coin_model_and_seed_draws_its_own_numbers():
    seeds = {unit_seed(*each) for each in ((1, "BTC", "tcn"), (2, "BTC", "tcn"), (1, "ETH", "tcn"), (1, "BTC", "lstm"))}
    assert len(seeds) == 4


@pytest.fixture
def ramps(tmp_path):
    """Train rises by 1, 2, ..., 40 a day; test stands still."""
    store = Store(tmp_path)
    days = pd.date_range("2020-01-01", periods=100)
    log_close = np.concatenate([np.arange(41).cumsum(), np.full(59, 820)]).astype(float)
    frame = pd.DataFrame({LOG_CLOSE: log_close}, index=days)
    return store, store.put_frame(frame.iloc[:41]), store.put_frame(frame.iloc[50:])


def test_static_intervals_are_quantiles_of_the_train_targets(ramps):
    store, train, test = ramps
    found = static_intervals_unit(store.root, 10, (1, 2), train, test, CONFIG)
    frame = store.frame(found.quantiles)
    # Origins 9 .. 38 have both labels: returns 10 .. 39 after one day, 10 + 11 .. 39 + 40 after two.
    one, two = np.arange(10, 40), 2 * np.arange(10, 40) + 1
    for h, seen in ((1, one), (2, two)):
        expected = np.quantile(seen, [0.05, 0.1, 0.9, 0.95])
        rows = frame[frame["horizon"] == h]
        assert len(rows) == 41
        np.testing.assert_allclose(rows[["q05", "q10", "q90", "q95"]], np.tile(expected, (41, 1)))
    assert found.model == "zero"
    assert found.scores["1"]["coverage_90"] == 0
    assert [found.scores[h]["n"] for h in ("1", "2")] == [40, 39]


@pytest.fixture(scope="module")
def fitted(world):
    settings = LightGBMConfig(n_estimators=20, early_stopping=5, quantiles=CONFIG.quantiles)
    spec = world.spec("lightgbm", world.today.judged).model_copy(update={"settings": settings})
    return fit_unit(world.store.root, spec, (world.today.parts.train, world.today.parts.val), world.columns)


def intervals(world, fitted, part):
    return intervals_unit(world.store.root, fitted, 10, (1, 7, 30), part, CONFIG)


def test_every_test_origin_gets_its_quantiles_and_every_horizon_its_scores(world, fitted):
    found = intervals(world, fitted, world.today.parts.test)
    frame = world.store.frame(found.quantiles)
    test = world.rows("test")
    assert list(frame.columns) == ["cutoff", "horizon", "q05", "q10", "q90", "q95"]
    assert list(frame.loc[frame["horizon"] == 7, "cutoff"]) == list(test.index[9:])
    assert frame["cutoff"].min() == pd.Timestamp(world.today.boundaries.test)
    n_origins = len(test) - 9
    assert [found.scores[h]["n"] for h in ("1", "7", "30")] == [n_origins - h for h in (1, 7, 30)]
    assert 0.6 < found.scores["1"]["coverage_80"] < found.scores["1"]["coverage_90"] <= 1


def test_quantiles_do_not_depend_on_the_outcomes_of_test(world, fitted):
    rows = world.rows("test")
    altered = rows.copy()
    altered[LOG_CLOSE] *= 2
    before, after = (intervals(world, fitted, world.store.put_frame(each)) for each in (rows, altered))
    assert before.quantiles == after.quantiles
    assert before.scores != after.scores


def test_a_model_without_quantiles_is_refused_by_name(world):
    spec = world.spec("ridge", world.today.judged)
    ridge = fit_unit(world.store.root, spec, (world.today.parts.train, world.today.parts.val), world.columns)
    with pytest.raises(TypeError, match="Received: ridge"):
        intervals(world, ridge, world.today.parts.test)
