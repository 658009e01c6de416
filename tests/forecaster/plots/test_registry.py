from collections.abc import Callable
from dataclasses import replace
from functools import cache

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import _pylab_helpers
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from forecaster.plots.frames import RunFrames
from forecaster.plots.registry import PLOTS

SMALL = {"train": 200, "val": 60, "test": 60}
SPECIFIED = [
    "loss_curves",
    "metrics_progression",
    "learning_rates",
    "attention_heatmap",
    "feature_importance",
    "model_comparison",
    "predictions_vs_actual",
    "residual_analysis",
    "ensemble_weights",
    "training_summary",
]
Build = Callable[..., RunFrames]


def texts(figure: Figure) -> str:
    return "\n".join(t.get_text() for t in figure.findobj(Text))


def empty(frames: RunFrames) -> RunFrames:
    """A run in which every model was lost, and the ensemble with them."""
    bare = frames.forecasts[["unique_id", "cutoff", "ds", "horizon", "part", "y", "zero"]]
    nothing = pd.DataFrame()
    return RunFrames("ETH", frames.as_of, False, frames.target_scale, nothing, bare, nothing, nothing)


@pytest.fixture(scope="module")
def situations(build_frames: Build) -> dict[str, RunFrames]:
    full = build_frames(parts=SMALL, simulated=True)
    smoke = build_frames(("dlinear", "lightgbm"), epochs=1, ensemble=False, parts=SMALL)
    return {"full": full, "smoke": smoke, "explode": build_frames(explode="dlinear", parts=SMALL), "empty": empty(full)}


@pytest.fixture(scope="module")
def drawn(situations: dict[str, RunFrames]) -> Callable[[str, str], Figure]:
    """Every figure is made and rendered once, and looked at by several tests."""

    @cache
    def draw(name: str, situation: str) -> Figure:
        figure = PLOTS[name](situations[situation])
        FigureCanvasAgg(figure).draw()
        return figure

    return draw


Drawn = Callable[[str, str], Figure]
everywhere = pytest.mark.parametrize("situation", ["full", "smoke", "explode", "empty"])
each_plot = pytest.mark.parametrize("name", PLOTS)


def test_the_registry_holds_the_ten_specified_plots():
    assert list(PLOTS) == [f"{name}.png" for name in SPECIFIED]


@each_plot
@everywhere
def test_every_plot_draws_in_every_situation_and_says_of_what(name: str, situation: str, drawn: Drawn):
    figure = drawn(name, situation)
    assert np.asarray(figure.canvas.buffer_rgba()).std() > 1
    heading = figure.texts[0].get_text()
    assert heading.startswith("ETH: " if situation == "empty" else "BTC: ")
    assert heading.endswith("(as of 2025-12-31)")


@each_plot
def test_simulated_data_carry_a_badge_and_real_data_do_not(name: str, drawn: Drawn):
    assert "SIMULATED DATA" in texts(drawn(name, "full"))
    assert "SIMULATED" not in texts(drawn(name, "explode"))


@each_plot
def test_an_empty_run_is_explained_in_words(name: str, drawn: Drawn):
    figure = drawn(name, "empty")
    assert "Nothing to draw." in texts(figure)
    assert figure.axes[0].texts[0].get_text().startswith("No ")


@each_plot
@everywhere
def test_no_text_is_cut_off_by_the_edge_of_the_figure(name: str, situation: str, drawn: Drawn):
    figure = drawn(name, situation)
    for text in _shown(figure):
        box = text.get_window_extent()
        assert -1 < box.x0 < box.x1 < figure.bbox.width + 1, text.get_text()
        assert -1 < box.y0 < box.y1 < figure.bbox.height + 1, text.get_text()


def _shown(figure: Figure) -> list[Text]:
    """Tick labels outside of their axis' limits exist, but are not drawn: they do not count."""
    ticks = {id(t) for a in figure.axes for axis in (a.xaxis, a.yaxis) for t in axis.get_ticklabels(which="both")}
    return [t for t in figure.findobj(Text) if t.get_visible() and t.get_text() and id(t) not in ticks]


def test_no_plot_touches_global_state(situations: dict[str, RunFrames]):
    before = {name: mpl.rcParams[name] for name in mpl.rcParams}
    for plot in PLOTS.values():
        plot(situations["full"])
    assert {name: mpl.rcParams[name] for name in mpl.rcParams} == before
    assert not _pylab_helpers.Gcf.figs


def test_test_scores_say_how_many_origins_they_rest_on(situations: dict[str, RunFrames]):
    frames = situations["full"]
    newest = (frames.forecasts["part"] == "test") & (frames.forecasts["horizon"] == 30)
    unlabelled = frames.forecasts.index[newest][-30:]
    cut = replace(frames, forecasts=frames.forecasts.assign(y=frames.forecasts["y"].drop(unlabelled)))
    assert "60 origins (60/60/30 by horizon)" in texts(PLOTS["model_comparison.png"](cut))
