from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from forecaster.further import Further
from forecaster.plots.frames import RunFrames
from forecaster.plots.walk_forward import FLOOR, walk_forward

SMALL = {"train": 200, "val": 60, "test": 60}


def texts(figure: Figure) -> str:
    return "\n".join(t.get_text() for t in figure.findobj(Text))


def scores(**skills: float | None) -> dict[str, Any]:
    return {model: {h: {"skill_vs_zero": skill} for h in ("7", "1")} for model, skill in skills.items()}


ENTRY = {
    "n_splits": 2, "min_train": 300, "rolling": False, "pooled": scores(tcn=-0.4, ridge=0.001, zero=0.0),
    "splits": [
        {"name": "walk-1", "first": "2021-01-01", "last": "2021-03-01",
         "scores": scores(tcn=0.02, ridge=-0.01, zero=0.0)},
        {"name": "walk-2", "first": "2021-03-02", "last": "2021-05-01",
         "scores": scores(tcn=-0.8, ridge=None, zero=0.0)},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def frames(build_frames: Callable[..., RunFrames]) -> RunFrames:
    plain = build_frames(("tcn",), epochs=1, ensemble=False, parts=SMALL)
    return replace(plain, further=Further(walk_forward=ENTRY))


def markers(axes: Any) -> list[tuple[str, float]]:
    return [
        (line.get_marker(), round(float(line.get_ydata()[0]), 6)) for line in axes.lines if len(line.get_xdata()) == 1
    ]


def test_every_split_and_the_pool_have_a_marker_per_model_at_its_skill_in_percent(frames):
    left, right, *_ = walk_forward(frames).axes
    assert markers(left) == [("s", 2.0), ("X", -1.0), ("s", 100 * FLOOR)]  # ridge has no skill in the second split
    assert markers(right) == [("s", 100 * FLOOR), ("X", 0.1)]


def test_markers_lie_inside_the_days_that_their_split_holds_out(frames):
    left = walk_forward(frames).axes[0]
    first, second = (float(line.get_xdata()[0]) for line in left.lines if line.get_marker() == "s")
    assert 18628 < first < 18687  # days since 1970: 2021-01-01 to 2021-03-01
    assert 18688 < second < 18748


def test_zero_is_a_line_on_every_panel_and_no_marker(frames):
    figure = walk_forward(frames)
    assert len(figure.axes) == 4
    for axes in figure.axes:
        assert any(list(line.get_ydata()) == [0, 0] for line in axes.lines)
    assert "Zero return" not in texts(figure)


def test_horizons_come_shortest_first(frames):
    assert [axes.get_title(loc="left") for axes in walk_forward(frames).axes[::2]] == ["1 day ahead", "7 days ahead"]


def test_a_skill_below_the_floor_is_drawn_on_the_edge_and_told(frames):
    figure = walk_forward(frames)
    assert "▼ -80 %" in texts(figure)
    assert figure.axes[0].get_ylim()[0] > -40


def test_the_header_says_whether_the_train_part_grows_or_rolls(frames):
    assert "growing train part" in texts(walk_forward(frames)).replace("\n", " ")
    rolled = replace(frames, further=Further(walk_forward={**ENTRY, "rolling": True}))
    assert "rolling train part" in texts(walk_forward(rolled)).replace("\n", " ")


def test_a_run_without_it_says_so(frames):
    assert "did not run" in texts(walk_forward(replace(frames, further=Further())))
