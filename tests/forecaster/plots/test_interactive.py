import dataclasses
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from forecaster.plots.frames import RunFrames
from forecaster.plots.interactive import EVERYONE, curves

Build = Callable[..., RunFrames]


@pytest.fixture(scope="module")
def frames(build_frames: Build) -> RunFrames:
    return build_frames(simulated=True)


@pytest.fixture(scope="module")
def figure(frames: RunFrames) -> Any:
    return curves(frames)


def traces(figure: Any, name: str) -> list[Any]:
    """Curves of one name, a panel each: all horizons, then each of them."""
    return [trace for trace in figure.data if trace.name == name]


def test_every_model_has_a_train_and_a_validation_curve_in_every_panel(figure: Any):
    names = [trace.name for trace in figure.data]
    for label in ("DLinear", "TCN", "LSTM", "Transformer", "LightGBM"):
        assert names.count(f"{label}, validation") == names.count(f"{label}, train") == 4
    assert [each.text for each in figure.layout.annotations[1:]] == ["1 day ahead", "7 days ahead", "30 days ahead"]


def test_a_curve_is_the_loss_over_what_zero_scores_on_the_same_part(figure: Any, frames: RunFrames):
    for name, prefix, part in (("TCN, validation", "val_", "val"), ("TCN, train", "", "train")):
        trace = traces(figure, name)[2]
        loss = frames.curve("tcn", f"{prefix}h7_loss")
        np.testing.assert_allclose(trace.y, loss / frames.zero_huber(part, 7))
        np.testing.assert_allclose(trace.customdata, loss)
        assert list(trace.x) == list(range(1, len(loss) + 1))
    trees = traces(figure, "LightGBM, validation")[1]
    np.testing.assert_allclose(trees.y, frames.curve("lightgbm", "val_h1_loss") / frames.zero_l2("val", 1))


def test_the_first_panel_weighs_all_horizons(figure: Any, frames: RunFrames):
    found = traces(figure, "TCN, validation")[0]
    np.testing.assert_allclose(found.y, frames.weighted_loss("tcn", "val_") / frames.zero_loss("val"))


def test_zero_is_a_line_at_one_in_every_panel(figure: Any):
    assert [(line.y0, line.y1, line.yref) for line in figure.layout.shapes] == [
        (1, 1, axis) for axis in ("y", "y2", "y3", "y4")
    ]


def test_the_menu_shows_one_model_or_all(figure: Any):
    buttons = {button.label: button.args[0]["visible"] if isinstance(button.args[0], dict) else button.args[1]
               for button in figure.layout.updatemenus[0].buttons}  # fmt: skip
    assert list(buttons) == [EVERYONE, "DLinear", "TCN", "LSTM", "Transformer", "LightGBM"]
    shown = {name: {t.name for t, on in zip(figure.data, which, strict=True) if on} for name, which in buttons.items()}
    assert shown["TCN"] == {"TCN, validation", "TCN, train"}
    assert len(shown[EVERYONE]) == 5
    assert all(name.endswith("validation") for name in shown[EVERYONE])
    assert shown[EVERYONE] == {trace.name for trace in figure.data if trace.visible}


def test_the_title_says_that_the_data_are_simulated(figure: Any, build_frames: Build):
    assert "SIMULATED DATA" in figure.layout.title.text
    assert "SIMULATED" not in curves(build_frames(epochs=2)).layout.title.text


def test_without_any_history_the_page_says_why(frames: RunFrames):
    figure = curves(dataclasses.replace(frames, history=frames.history.iloc[:0]))
    assert not figure.data
    assert any("No training history" in each.text for each in figure.layout.annotations)


def test_the_page_needs_no_network_and_is_the_same_each_time(build_frames: Build):
    first, second = (curves(build_frames(epochs=3)).to_html(include_plotlyjs=True, div_id="curves") for _ in "ab")
    assert first == second
    assert not re.findall(r"<(?:script|link)[^>]+(?:src|href)=", first)
    assert len(first) < 6e6


def test_whoever_names_the_step_loads_no_drawing_library():
    code = "import sys, forecaster.plots.interactive; print({'plotly', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
