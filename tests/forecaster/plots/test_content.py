from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from forecaster.plots import accuracy, insight, summary, training
from forecaster.plots.frames import RunFrames

SMALL = {"train": 200, "val": 60, "test": 60}


def texts(where: Figure | Axes) -> str:
    return "\n".join(t.get_text() for t in where.findobj(Text))


@pytest.fixture(scope="module")
def full(build_frames: Callable[..., RunFrames]) -> RunFrames:
    return build_frames(parts=SMALL)


@pytest.fixture(scope="module")
def exploded(build_frames: Callable[..., RunFrames]) -> RunFrames:
    return build_frames(parts=SMALL, explode="dlinear")


@pytest.fixture(scope="module")
def smoke(build_frames: Callable[..., RunFrames]) -> RunFrames:
    return build_frames(("dlinear", "lightgbm"), epochs=1, ensemble=False, parts=SMALL)


def test_loss_curves_draw_the_zero_forecasts_loss_on_every_panel(full: RunFrames):
    panels = [a for a in training.loss_curves(full).axes if a.get_title(loc="left")]
    assert len(panels) == len(full.trained)
    for axes, model in zip(panels, full.trained, strict=True):
        expected = 1.0 if model == "lightgbm" else full.zero_loss("val")
        assert any(np.allclose(line.get_ydata(), expected) for line in axes.lines if len(line.get_xdata()) == 2)


def test_a_single_epoch_is_marked(smoke: RunFrames):
    curves = [line for line in training.loss_curves(smoke).axes[0].lines if list(line.get_xdata()) == [1]]
    assert curves
    assert all(line.get_marker() not in ("", "None") for line in curves)


def test_an_exploding_model_is_named_rather_than_shown_to_scale(exploded: RunFrames):
    figure = training.metrics_progression(exploded)
    assert "DLinear goes up to" in texts(figure)
    assert max(axes.get_ylim()[1] for axes in figure.axes) <= training.CAP


def test_bars_that_are_cut_are_marked_and_still_say_their_value(exploded: RunFrames):
    axes = accuracy.model_comparison(exploded).axes[0]
    rmse = exploded.score("dlinear", 1, "rmse")
    assert any(t.get_text().startswith(f"▶ {rmse:.4f}") for t in axes.texts)
    assert max(bar.get_width() for bar in axes.patches) <= accuracy.CAP * exploded.score("zero", 1, "rmse") + 1e-12


def test_every_baseline_has_a_bar_and_zero_a_line(smoke: RunFrames):
    axes = accuracy.model_comparison(smoke).axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == [
        "DLinear",
        "LightGBM",
        "Zero return",
        "Train mean",
        "Ridge",
    ]
    assert axes.lines[0].get_xdata()[0] == smoke.score("zero", 1, "rmse")


def test_scatter_says_r2_and_how_many_points_lie_outside(exploded: RunFrames):
    figure = accuracy.predictions_vs_actual(exploded)
    assert f"R² {exploded.score('dlinear', 1, 'r2'):.3f}" in figure.axes[0].get_title(loc="left")
    assert "lie outside" in figure.axes[0].get_title(loc="left")
    assert "lie outside" not in figure.axes[1].get_title(loc="left")


def test_a_crowd_of_points_becomes_a_density(full: RunFrames, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(accuracy, "CROWD", 10)
    axes = accuracy.predictions_vs_actual(full).axes[0]
    assert [type(c).__name__ for c in axes.collections] == ["PolyCollection"]


def test_learning_rates_are_told_in_words(full: RunFrames):
    text = texts(training.learning_rates(full))
    for told in ("DLinear: constant", "TCN: cut 3 times", "Transformer: warm-up, then decay"):
        assert told in text
    assert "LightGBM: " not in text


def test_trees_that_never_split_are_explained(full: RunFrames):
    assert full.importance is not None
    flat = replace(full, importance=full.importance.assign(gain=0.0))
    assert "never split" in texts(insight.feature_importance(flat))


def test_importance_shows_thirty_columns_in_order_of_gain(full: RunFrames):
    bars = insight.feature_importance(full).axes[0].patches
    ends = [max(b.get_x() + b.get_width() for b in bars if round(b.get_y() + 0.375) == row) for row in range(30)]
    assert len(bars) == 3 * 30
    assert ends == sorted(ends, reverse=True)


def test_ensemble_weights_show_the_zero_member_told_apart_or_among_the_others(full: RunFrames):
    assert full.ensemble is not None
    apart = {h: {m: w for m, w in ws.items() if m != "zero"} for h, ws in full.ensemble["weights"].items()}
    through_json = {**full.ensemble, "weights": {str(h): w for h, w in apart.items()}}
    for ensemble in (full.ensemble, through_json):
        axes = insight.ensemble_weights(replace(full, ensemble=ensemble)).axes[0]
        assert [t.get_text() for t in axes.get_yticklabels()][-1] == "Zero return"
        assert [round(b.get_width(), 6) for b in axes.patches] == [0.1] * 5 + [0.5]


def test_a_fallback_is_told(full: RunFrames):
    ensemble = {**(full.ensemble or {}), "fallback": True, "fallback_reason": "the stack lost on val"}
    assert "the stack lost on val." in texts(insight.ensemble_weights(replace(full, ensemble=ensemble)))


def test_attention_is_measured_against_equal_weights(full: RunFrames):
    assert full.attention is not None
    equal = replace(full, attention=full.attention * 0 + 1 / 60)
    assert "as if over 60 of 60 days" in texts(insight.attention_heatmap(equal)).replace("\n", " ")


def test_summary_tells_best_and_last_epoch_and_what_was_reused(full: RunFrames):
    text = texts(summary.training_summary(full))
    assert "best after 4 of 14 epochs; 28,806 parameters" in text
    assert "best after 8/1/12 of 62 trees; 412 leaves" in text
    assert "(6 of 7 reused)" in text
    assert "reused" not in texts(
        summary.training_summary(replace(full, fits=full.fits.drop(columns="cached")))
    ).replace("a reused fit", "")
