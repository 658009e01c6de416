import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib import image
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from forecaster.plots.frames import RunFrames
from forecaster.plots.registry import PLOTS

SMALL = {"train": 200, "val": 60, "test": 60}
SPECIFIED = (
    "loss_curves metrics_progression learning_rates attention_heatmap feature_importance model_comparison "
    "predictions_vs_actual residual_analysis ensemble_weights training_summary"
).split()
Build = Callable[..., RunFrames]


def texts(figure: Figure) -> str:
    return "\n".join(t.get_text() for t in figure.findobj(Text))


def pixels(figure: Figure) -> np.ndarray:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=50)
    buffer.seek(0)
    return image.imread(buffer)


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


def test_the_registry_holds_the_ten_specified_plots():
    assert list(PLOTS) == [f"{name}.png" for name in SPECIFIED]


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.parametrize("situation", ["full", "smoke", "explode", "empty"])
def test_every_plot_draws_in_every_situation_and_says_of_what(name: str, situation: str, situations: dict[str, RunFrames]):
    frames = situations[situation]
    figure = PLOTS[name](frames)
    drawn = pixels(figure)
    assert drawn.std() > 0.01
    assert figure.texts[0].get_text().startswith(f"{frames.coin}: ")
    assert "2025-12-31" in figure.texts[0].get_text()


@pytest.mark.parametrize("name", PLOTS)
def test_simulated_data_carry_a_badge_and_real_data_do_not(name: str, situations: dict[str, RunFrames]):
    assert "SIMULATED DATA" in texts(PLOTS[name](situations["full"]))
    assert "SIMULATED" not in texts(PLOTS[name](situations["explode"]))


@pytest.mark.parametrize("name", PLOTS)
def test_an_empty_run_is_explained_in_words(name: str, situations: dict[str, RunFrames]):
    figure = PLOTS[name](situations["empty"])
    assert "Nothing to draw." in texts(figure)
    assert any(t.get_text().startswith(("No ", "LightGBM's trees")) for t in figure.axes[0].texts)


@pytest.mark.parametrize("name", PLOTS)
def test_no_text_is_cut_off_by_the_edge_of_the_figure(name: str, situations: dict[str, RunFrames]):
    for frames in situations.values():
        figure = PLOTS[name](frames)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        for text in figure.findobj(Text):
            box = text.get_window_extent(canvas.get_renderer())
            if text.get_visible() and text.get_text() and not _is_hidden_tick(text, figure):
                assert box.x0 > -1, text.get_text()
                assert box.x1 < figure.bbox.width + 1, text.get_text()
                assert box.y0 > -1, text.get_text()
                assert box.y1 < figure.bbox.height + 1, text.get_text()


def _is_hidden_tick(text: Text, figure: Figure) -> bool:
    """Tick labels outside of their axis' limits exist, but are not drawn."""
    labels = [t for a in figure.axes for axis in (a.xaxis, a.yaxis) for t in axis.get_ticklabels(which="both")]
    return any(text is each for each in labels)


def test_no_plot_touches_global_state(situations: dict[str, RunFrames]):
    import matplotlib as mpl
    from matplotlib import _pylab_helpers

    before = mpl.rcParams.copy()
    for plot in PLOTS.values():
        plot(situations["full"])
    assert mpl.rcParams == before
    assert not _pylab_helpers.Gcf.figs


def test_test_scores_say_how_many_origins_they_rest_on(situations: dict[str, RunFrames]):
    frames = situations["full"]
    newest = (frames.forecasts["part"] == "test") & (frames.forecasts["horizon"] == 30)
    unlabelled = frames.forecasts.index[newest][-30:]
    cut = replace(frames, forecasts=frames.forecasts.assign(y=frames.forecasts["y"].drop(unlabelled)))
    assert "60 origins (60/60/30 by horizon)" in texts(PLOTS["model_comparison.png"](cut))
