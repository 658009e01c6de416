from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecaster.plots.frames import RunFrames


@pytest.fixture
def tiny() -> RunFrames:
    """Two horizons (1 and 4 days), two val outcomes each, one of them unknown at 4 days; scale 0.1 and 0.2."""
    forecasts = pd.DataFrame({"part": "val", "horizon": [1, 1, 4, 4], "y": [0.05, -0.3, 0.4, np.nan], "tcn": 0.0})
    history = pd.DataFrame({
        "model": "tcn", "fold": ["judged", "judged", "serving"], "epoch": [1, 2, 1],
        "val_h1_loss": [1.0, 0.5, np.nan], "val_h4_loss": [2.0, 4.0, np.nan],
    })  # fmt: skip
    scores = pd.DataFrame({"model": ["tcn"], "part": ["test"], "horizon": [1], "rmse": [0.03]})
    return RunFrames("BTC", date(2025, 1, 1), False, {4: 0.2, 1: 0.1}, history, forecasts, scores, pd.DataFrame())


def test_zero_is_scored_by_the_networks_own_loss(tiny: RunFrames):
    # |z| = .5 and 3 at one day: Huber .125 and 2.5. |z| = 2 at four days: Huber 1.5. What is unknown does not count.
    assert tiny.zero_huber("val", 1) == pytest.approx((0.125 + 2.5) / 2)
    assert tiny.zero_huber("val", 4) == pytest.approx(1.5)
    assert tiny.zero_loss("val") == pytest.approx(1.3125 + 1.5 / 2)
    assert tiny.zero_l2("val", 1) == pytest.approx((0.25 + 9) / 2)


def test_a_part_without_outcomes_has_no_zero_loss(tiny: RunFrames):
    assert np.isnan(tiny.zero_loss("test"))


def test_weighted_loss_sums_the_judged_fits_horizons_over_sqrt_h(tiny: RunFrames):
    assert tiny.weighted_loss("tcn", "val_").to_dict() == {1: 1 + 2 / 2, 2: 0.5 + 4 / 2}


def test_a_loss_that_was_not_recorded_is_an_empty_curve(tiny: RunFrames):
    assert tiny.weighted_loss("tcn").empty
    assert tiny.curve("dlinear", "val_h1_loss").empty


def test_horizons_are_sorted_and_models_found_where_they_have_results(tiny: RunFrames):
    assert tiny.horizons == (1, 4)
    assert tiny.trained == tiny.forecasters == tiny.scored == ("tcn",)
    assert tiny.score("tcn", 1, "rmse") == 0.03
    assert np.isnan(tiny.score("tcn", 4, "rmse"))
