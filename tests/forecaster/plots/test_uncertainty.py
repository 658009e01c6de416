from dataclasses import replace

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from forecaster.further import Further
from forecaster.plots.uncertainty import uncertainty


def scores(coverage, width, n=60):
    error = None if coverage is None else 0.05
    figures = {"coverage_80": coverage, "coverage_90": coverage, "width_80": width, "width_90": width, "n": n}
    return figures | {"coverage_80_se": error, "coverage_90_se": error}


ENTRY = {
    "tcn": {"1": scores(0.04, 0.002), "7": scores(None, None, 0)},
    "lightgbm": {"1": scores(0.87, 0.12)},
    "zero": {"1": scores(0.95, 0.15), "7": scores(0.97, 0.31)},
}


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


@pytest.fixture
def draw(build_frames):
    frames = build_frames(parts={"train": 60, "val": 40, "test": 60}, simulated=True)

    def drawn(entry) -> Figure:
        figure = uncertainty(replace(frames, further=Further(uncertainty=entry)))
        FigureCanvasAgg(figure).draw()
        return figure

    return drawn


def test_a_column_per_horizon_with_coverage_above_width(draw):
    figure = draw(ENTRY)
    assert len(figure.axes) == 4
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["1 day ahead", "7 days ahead", "", ""]
    assert [axes.get_xlabel() for axes in figure.axes[::2]] == ["origins covered", "mean width (log-return)"]


def test_every_coverage_is_a_dot_with_two_standard_errors(draw):
    dots = [container for container in draw(ENTRY).axes[0].containers if hasattr(container, "has_xerr")]
    assert [float(dot.lines[0].get_xdata()[0]) for dot in dots] == [0.04, 0.04, 0.87, 0.87, 0.95, 0.95]
    left, right = dots[2].lines[2][0].get_segments()[0][:, 0]
    assert (left, right) == (pytest.approx(0.77), pytest.approx(0.97))


def test_what_is_promised_is_a_line_per_level(draw):
    axes = draw(ENTRY).axes[0]
    upright = {line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 2}
    assert {0.8, 0.9} <= upright


def test_widths_are_written_beside_their_bars(draw):
    said = texts(draw(ENTRY))
    assert "0.15" in said
    assert "0.002" in said


def test_models_and_simulated_data_are_named(draw):
    said = texts(draw(ENTRY))
    assert {"TCN", "LightGBM", "Zero return", "SIMULATED DATA"} <= set(said.splitlines())


@pytest.mark.parametrize("nothing", [None, {}])
def test_without_intervals_the_figure_says_why(draw, nothing):
    assert "switched off" in texts(draw(nothing))
