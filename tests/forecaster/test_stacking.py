import numpy as np
import pandas as pd
import pytest

from forecaster.settings import StackingConfig
from forecaster.stacking import ConvexStack, MetaLearner, convex_weights, labelled

SCALE = {1: 0.02, 7: 0.05}


@pytest.fixture
def oof():
    """`good` sees half of the target, `noise` nothing."""
    rng = np.random.default_rng(0)
    parts = []
    for h, scale in SCALE.items():
        signal = rng.normal(size=600) * scale
        y = signal + rng.normal(size=600) * scale
        parts.append(pd.DataFrame({"horizon": h, "y": y, "good": signal, "noise": rng.normal(size=600) * scale}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def learner(oof):
    return MetaLearner(StackingConfig(), SCALE).fit(oof, ["good", "noise"])


def test_unlabelled_rows_are_not_learned_from():
    frame = pd.DataFrame({"horizon": [1, 1, 7], "y": [0.1, np.nan, 0.3], "tcn": [1.0, 2.0, 3.0]})
    x, y = labelled(frame, 1, ["tcn"])
    assert x.tolist() == [[1.0]]
    assert y.tolist() == [0.1]


def test_the_meta_learner_finds_the_model_that_knows_something(oof, learner):
    error = oof["y"] - learner.predict(oof)
    assert error.std() < 0.85 * oof["y"].std()
    for shares in learner.importances.values():
        assert sum(shares.values()) == pytest.approx(1)
        assert shares["good"] > 0.6


def test_the_trees_are_as_small_as_specified(learner):
    for booster in learner.boosters_.values():
        trees = booster.dump_model()["tree_info"]
        assert len(trees) == 100
        assert max(tree["num_leaves"] for tree in trees) <= 8


def test_units_do_not_matter(oof, learner):
    columns = ["y", "good", "noise"]
    percent = oof.assign(**{c: oof[c] * 128 for c in columns})  # a power of two: exact
    scaled = MetaLearner(StackingConfig(), {h: s * 128 for h, s in SCALE.items()}).fit(percent, ["good", "noise"])
    assert (scaled.predict(percent) / 128).tolist() == pytest.approx(learner.predict(oof).tolist())


def test_two_fits_give_the_same_forecasts(oof, learner):
    again = MetaLearner(StackingConfig(), SCALE).fit(oof, ["good", "noise"])
    pd.testing.assert_series_equal(again.predict(oof), learner.predict(oof), check_exact=True)


def test_forecasts_stay_on_their_rows(oof, learner):
    shuffled = oof.sample(frac=1, random_state=0)
    pd.testing.assert_series_equal(learner.predict(shuffled).sort_index(), learner.predict(oof), check_exact=True)
    only_long = oof[oof["horizon"] == 7]
    assert learner.predict(only_long).tolist() == learner.predict(oof)[only_long.index].tolist()


def test_a_loaded_meta_learner_predicts_the_same_numbers(oof, learner, tmp_path):
    learner.save(tmp_path)
    loaded = MetaLearner.load(tmp_path)
    pd.testing.assert_series_equal(loaded.predict(oof), learner.predict(oof), check_exact=True)
    assert loaded.importances == learner.importances
    assert {p.suffix for p in tmp_path.iterdir()} == {".json", ".txt"}


def test_trees_that_never_split_have_no_importance(oof):
    constant = MetaLearner(StackingConfig(), SCALE).fit(oof.assign(good=0.0, noise=0.0), ["good", "noise"])
    assert constant.importances[1] == {"good": 0, "noise": 0}


def test_convex_weights_solve_a_case_done_by_hand():
    x = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert convex_weights(x, np.array([0.3, 0.2])) == pytest.approx([0.3, 0.2])  # inside: least squares itself
    assert convex_weights(x, np.array([0.9, 0.5])) == pytest.approx([0.7, 0.3])  # on the edge where they sum to 1
    assert convex_weights(x, np.array([-0.3, 0.5])) == pytest.approx([0, 0.5])  # no negative weight
    assert convex_weights(x, np.array([-1.0, -1.0])) == pytest.approx([0, 0])  # all on the zero return


def test_no_other_convex_weights_are_better():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 4))
    y = 0.4 * x[:, 0] + 0.3 * x[:, 1] + rng.normal(size=50)
    weights = convex_weights(x, y)
    others = rng.dirichlet(np.full(5, 0.5), size=5000)[:, :4]  # the fifth is the zero return's
    assert (weights >= 0).all()
    assert weights.sum() <= 1 + 1e-12
    assert ((y - x @ weights) ** 2).sum() <= ((y[:, None] - x @ others.T) ** 2).sum(axis=0).min() + 1e-9


def test_half_of_the_weight_moves_to_the_zero_return(oof):
    full = ConvexStack(shrinkage=0.0).fit(oof, ["good", "noise"]).weights_
    half = ConvexStack(shrinkage=0.5).fit(oof, ["good", "noise"]).weights_
    assert full[1]["good"] == pytest.approx(1, abs=0.1)
    assert full[1]["noise"] < 0.1
    for h in SCALE:
        assert half[h] == pytest.approx({m: w / 2 for m, w in full[h].items()})
