from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from forecaster.further import Further
from forecaster.plots.frames import RunFrames
from forecaster.plots.tuning import ABOVE, tuning

SMALL = {"train": 200, "val": 60, "test": 60}


def trial(number: int, value: float | None, state: str = "complete") -> dict[str, Any]:
    return {"number": number, "value": value, "state": state, "params": {}, "seconds": 1.0, "origin": "sampler"}


ENTRY: dict[str, Any] = {
    "n_trials": 6, "value": 0.97, "default_value": 1.05, "stopped_by": None,
    "importance": {"dropout": 0.7, "filters": 0.3},
    "history": [trial(0, 1.05), trial(1, 1.2), trial(2, 0.97), trial(3, 1.1, "pruned"), trial(4, None, "fail"),
                trial(5, 7.0)],
}  # fmt: skip


def texts(figure: Figure) -> str:
    return "\n".join(t.get_text() for t in figure.findobj(Text))


@pytest.fixture(scope="module")
def draw(build_frames: Callable[..., RunFrames]) -> Callable[..., Figure]:
    plain = build_frames(("tcn",), epochs=1, ensemble=False, parts=SMALL)
    return lambda entries: tuning(replace(plain, further=Further(tuning=entries)))


def line(axes: Axes, marker: str) -> list[tuple[float, float]]:
    (found,) = [each for each in axes.lines if each.get_marker() == marker]
    return [(float(x), float(y)) for x, y in zip(found.get_xdata(), found.get_ydata(), strict=True)]


def test_each_state_has_a_mark_of_its_own_at_its_trial(draw):
    axes = draw({"tcn": ENTRY}).axes[0]
    cap = axes.get_ylim()[1]
    assert line(axes, "o") == [(0, 1.05), (1, 1.2), (2, 0.97), (5, cap)]
    assert line(axes, "x") == [(3, 1.1)]
    assert [x for x, _ in line(axes, "|")] == [4]


def test_the_best_so_far_goes_down_and_on_to_the_last_trial(draw):
    axes = draw({"tcn": ENTRY}).axes[0]
    (best,) = [each for each in axes.lines if each.get_drawstyle() == "steps-post"]
    assert list(best.get_xdata()) == [0, 1, 2, 5, 5]
    assert list(best.get_ydata()) == [1.05, 1.05, 0.97, 0.97, 0.97]


def test_zero_and_the_defaults_are_lines(draw):
    levels = [each.get_ydata()[0] for each in draw({"tcn": ENTRY}).axes[0].lines if len(each.get_xdata()) == 2]
    assert levels == [1, 1.05]


def test_a_value_far_above_is_named_rather_than_shown_to_scale(draw):
    figure = draw({"tcn": ENTRY})
    assert figure.axes[0].get_ylim()[1] < 1.05 + ABOVE + 0.1
    assert "1 trial goes up to 7" in texts(figure)


def test_importance_is_a_bar_per_parameter_the_largest_on_top(draw):
    axes = draw({"tcn": ENTRY}).axes[1]
    assert [bar.get_width() for bar in axes.patches] == [0.7, 0.3]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["dropout", "filters"]
    assert axes.yaxis_inverted()


def test_every_tuned_model_has_a_row_in_the_specifications_order(draw):
    titles = [axes.get_title(loc="left") for axes in draw({"lightgbm": ENTRY, "dlinear": ENTRY}).axes[::2]]
    assert titles == ["DLinear: 6 trials", "LightGBM: 6 trials"]


def test_a_study_without_a_finished_trial_is_drawn_too(draw):
    empty = {"n_trials": 0, "value": None, "default_value": None, "stopped_by": "timeout", "importance": {},
             "history": [trial(0, None, "running")]}  # fmt: skip
    text = texts(draw({"tcn": empty}))
    assert "TCN: 0 trials, stopped by its timeout" in text
    assert "Too few complete trials" in text


@pytest.mark.parametrize("entry", [ENTRY, {**ENTRY, "history": ENTRY["history"][:1]}])
def test_the_layout_holds_with_or_without_failed_and_pruned_trials(draw, entry):
    figure = draw({"tcn": entry, "lightgbm": ENTRY})
    figure.draw_without_rendering()  # a layout that collapses warns, and a warning is an error
    assert all(axes.get_position().height > 0.15 for axes in figure.axes)


def test_without_studies_the_plot_says_so(draw):
    assert "nothing was tuned" in texts(draw(None))
