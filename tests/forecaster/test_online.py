import time

import numpy as np
import pandas as pd
import pytest

from forecaster.online import adapt, online_weights, recent_errors, regimes_on
from forecaster.regime import REGIME_WEIGHTS


def days(*numbers):
    return np.array(numbers)


def frame_of(y, horizon=1, **models):
    cutoff = pd.date_range("2020-01-01", periods=len(y))
    return pd.DataFrame(
        {"cutoff": cutoff, "ds": cutoff + pd.Timedelta(horizon, "D"), "horizon": horizon, "y": y, **models}
    )


def ranging(frame):
    return pd.Series("ranging", index=frame["cutoff"].unique())


def test_an_origin_knows_the_labels_that_have_closed_and_no_others():
    errors = np.array([[1.0], [4.0], [9.0]])
    known = recent_errors(errors, days(3, 4, 5), days(2, 3, 4, 5, 99), memory=3)  # decay 1 - 2/4 = 1/2
    assert np.isnan(known[0, 0])
    assert known[1:, 0].tolist() == pytest.approx([1, (4 + 1 / 2) / 1.5, *2 * [(9 + 4 / 2 + 1 / 4) / 1.75]])


def test_only_the_last_predictions_of_the_memory_count():
    errors = np.array([[1000.0], [4.0], [1.0]])
    known = recent_errors(errors, days(1, 2, 3), days(3), memory=2)  # decay 1 - 2/3 = 1/3
    assert known[0, 0] == pytest.approx((1 + 4 / 3) / (4 / 3))


def test_predictions_without_a_label_are_passed_over():
    errors = np.array([[1.0], [np.nan], [4.0]])
    assert recent_errors(errors, days(1, 2, 3), days(2, 3), memory=3)[:, 0].tolist() == pytest.approx([1, 4.5 / 1.5])


def test_without_any_label_nothing_is_known():
    assert np.isnan(recent_errors(np.full((2, 3), np.nan), days(1, 2), days(5), memory=3)).all()


def test_weights_are_prior_over_error_and_sum_to_one():
    prior = np.array([[0.5, 0.5], [0.8, 0.2], [0.8, 0.2]])
    errors = np.array([[1.0, 3.0], [4.0, 1.0], [np.nan, np.nan]])
    assert adapt(prior, errors).tolist() == [pytest.approx(w) for w in ([0.75, 0.25], [0.5, 0.5], [0.8, 0.2])]


def test_a_model_without_error_takes_all_and_stays_finite():
    assert adapt(np.array([[0.1, 0.9]]), np.array([[0.0, 1.0]]))[0] == pytest.approx([1, 0], abs=1e-9)


def test_before_any_label_the_regime_decides_alone():
    frame = frame_of([1.0, 1.0, 1.0], horizon=7, tcn=0.0, lightgbm=1.0)
    weights = online_weights(frame, ranging(frame), ["tcn", "lightgbm"])
    assert weights["tcn"].tolist() == pytest.approx([1 / 3] * 3)


def test_the_model_that_did_better_gains_weight_once_its_label_is_known():
    frame = frame_of([1.0, 1.0, np.nan], tcn=0.0, lightgbm=0.5)  # squared errors 1 and 1/4; priors 1 : 2
    weights = online_weights(frame, ranging(frame), ["tcn", "lightgbm"])
    assert weights["tcn"].tolist() == pytest.approx([1 / 3, 1 / 9, 1 / 9])


@pytest.mark.parametrize("horizon", [1, 7, 30])
def test_altering_a_label_changes_nothing_before_it_is_known(horizon):
    rng = np.random.default_rng(0)
    frame = frame_of(rng.normal(size=80), horizon, tcn=rng.normal(size=80), dlinear=rng.normal(size=80))
    before = online_weights(frame, ranging(frame), ["tcn", "dlinear"])
    frame.loc[20, "y"] += 5
    changed = (online_weights(frame, ranging(frame), ["tcn", "dlinear"]) != before).any(axis=1)
    assert changed.idxmax() == 20 + horizon


def test_each_horizon_learns_from_its_own_labels_and_the_order_of_rows_is_free():
    rng = np.random.default_rng(0)
    short, long = (frame_of(rng.normal(size=40), h, tcn=rng.normal(size=40), dlinear=0.1) for h in (1, 7))
    frame = pd.concat([short, long], ignore_index=True).sample(frac=1, random_state=0)
    both = online_weights(frame, ranging(short), ["tcn", "dlinear"]).sort_index()
    alone = pd.concat([online_weights(f, ranging(f), ["tcn", "dlinear"]) for f in (short, long)], ignore_index=True)
    pd.testing.assert_frame_equal(both, alone)


def test_a_changed_regime_changes_the_weights():
    frame = frame_of([1.0, 1.0], tcn=0.0, enhanced_lstm=0.0)
    regimes = pd.Series(["trending", "volatile"], index=frame["cutoff"])
    weights = online_weights(frame, regimes, ["tcn", "enhanced_lstm"])
    expected = [
        REGIME_WEIGHTS[r]["tcn"] / (REGIME_WEIGHTS[r]["tcn"] + REGIME_WEIGHTS[r]["enhanced_lstm"]) for r in regimes
    ]
    assert weights["tcn"].tolist() == pytest.approx(expected)


def test_a_day_without_a_close_and_a_second_coin_are_refused():
    frame = frame_of([1.0, 1.0], tcn=0.0)
    with pytest.raises(ValueError, match="Closes must cover every cutoff"):
        regimes_on(frame["cutoff"], ranging(frame).iloc[:1])
    with pytest.raises(ValueError, match="one coin at a time"):
        online_weights(pd.concat([frame, frame]), ranging(frame), ["tcn"])


def test_a_full_walk_takes_less_than_a_second():
    rng = np.random.default_rng(0)
    models = list(REGIME_WEIGHTS["ranging"])
    columns = {m: rng.normal(size=1700) for m in models}
    frame = pd.concat([frame_of(rng.normal(size=1700), h, **columns) for h in (1, 7, 30)], ignore_index=True)
    start = time.perf_counter()
    online_weights(frame, ranging(frame), models)
    assert time.perf_counter() - start < 1
