"""Training curves to explore in a browser: one page that needs no network."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecaster.names import ahead, label
from forecaster.plots.draw import PlotInputs, run_frames
from forecaster.plots.frames import RunFrames
from forecaster.settings import NETWORKS
from forecaster.store import Artifact, Store, write_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

N_COLUMNS = 2
EVERYONE = "All models, validation"
HOVER = "%{fullData.name}<br>epoch %{x}: loss %{customdata:.4g}, %{y:.3f} times zero's<extra></extra>"
WHAT = (
    "Judged fits; every loss divided by what a forecast of no change scores<br>on the same part (dashed line): below 1 "
    "is better. Networks: Huber loss of the<br>scaled target; in training, dropout and augmentation are on. "
    "LightGBM: squared<br>error per boosting round."
)


def curves_unit(root: Path, inputs: PlotInputs) -> Artifact:
    """Draw the curves of stored fits, and keep them as one HTML page with all that it needs inside."""
    store = Store(root)
    page = curves(run_frames(store, inputs)).to_html(include_plotlyjs=True, div_id="curves")
    return store.put(lambda path: write_text(path, page), ".html")


def curves(frames: RunFrames) -> "Figure":
    """Train and validation loss per epoch, over all horizons and at each, one model at a time or all of them."""
    from plotly.subplots import make_subplots

    from forecaster.plots.style import INK  # here and below: whoever only names the step must not pay for matplotlib

    titles = ["All horizons, weighted by 1/√h", *(ahead(h) for h in frames.horizons)]
    n_rows = -(-len(titles) // N_COLUMNS)
    figure = make_subplots(n_rows, N_COLUMNS, subplot_titles=titles, horizontal_spacing=0.08, vertical_spacing=0.16)
    for place in range(len(titles)):
        where = {"row": place // N_COLUMNS + 1, "col": place % N_COLUMNS + 1}
        for trace in _traces(frames, [*frames.horizons][place - 1] if place else None):
            figure.add_trace({**trace, "showlegend": place == 0}, **where)
        figure.add_hline(1.0, line={"color": INK, "dash": "dash", "width": 1.2}, **where)
    _dress(figure, frames)
    return figure


def _traces(frames: RunFrames, horizon: int | None) -> Iterator[dict[str, Any]]:
    """Curves of one panel: per model validation, then train, which is hidden until the model is chosen."""
    from forecaster.plots.style import COLOURS

    for model in frames.trained:
        for part, prefix, dash in (("val", "val_", "solid"), ("train", "", "dot")):
            loss, zero = _loss(frames, model, prefix, horizon), _zero(frames, model, part, horizon)
            yield {
                "type": "scatter",
                "mode": "lines+markers",
                "x": loss.index.tolist(),
                "y": (loss / zero).tolist(),
                "customdata": loss.tolist(),
                "hovertemplate": HOVER,
                "name": f"{label(model)}, {'validation' if part == 'val' else 'train'}",
                "legendgroup": f"{model} {part}",
                "line": {"color": COLOURS[model], "dash": dash, "width": 1.6},
                "marker": {"size": 4},
                "meta": [model, part],
                "visible": part == "val",
            }


def _loss(frames: RunFrames, model: str, prefix: str, horizon: int | None) -> pd.Series:
    if horizon is None:
        return frames.weighted_loss(model, prefix)
    return frames.curve(model, f"{prefix}h{horizon}_loss")


def _zero(frames: RunFrames, model: str, part: str, horizon: int | None) -> float:
    """The same loss of a zero forecast."""
    at = frames.zero_huber if model in NETWORKS else frames.zero_l2
    if horizon is not None:
        return at(part, horizon)
    return float(sum(at(part, h) / np.sqrt(h) for h in frames.horizons))


def _dress(figure: Any, frames: RunFrames) -> None:
    """Titles, axes, and the menu that shows one model or all."""
    from forecaster.plots.style import ALARM, GRID

    simulated = f"<span style='color:{ALARM}'>SIMULATED DATA</span> " if frames.simulated else ""
    title = f"{simulated}<b>{frames.coin}: training curves (as of {frames.as_of})</b><br><sup>{WHAT}</sup>"
    figure.update_layout(
        title={"text": title, "x": 0.01, "y": 0.97, "yanchor": "top"},
        template="plotly_white",
        height=820,
        margin={"t": 190, "l": 60, "r": 20, "b": 50},
        hovermode="closest",
        legend={"orientation": "h", "y": -0.1},
        updatemenus=[_models_menu(figure, frames), _scale_menu(figure)] if frames.trained else [],
    )
    figure.update_xaxes(title_text="epoch or boosting round", gridcolor=GRID)
    figure.update_yaxes(title_text="loss / zero forecast's", gridcolor=GRID)
    if not frames.trained:
        reason = "No training history: no model was fitted, or none recorded its epochs."
        figure.add_annotation(text=reason, showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper")


def _models_menu(figure: Any, frames: RunFrames) -> dict[str, Any]:
    shown = {EVERYONE: [trace.meta[1] == "val" for trace in figure.data]}
    shown |= {label(model): [trace.meta[0] == model for trace in figure.data] for model in frames.trained}
    buttons = [{"label": name, "method": "restyle", "args": ["visible", which]} for name, which in shown.items()]
    return {"buttons": buttons, "x": 0.0, "y": 1.05, "xanchor": "left", "yanchor": "bottom"}


def _scale_menu(figure: Any) -> dict[str, Any]:
    buttons, axes = [], [name for name in figure.layout if name.startswith("yaxis")]
    for name, kind in (("linear", "linear"), ("logarithmic", "log")):
        change = {f"{axis}.type": kind for axis in axes}
        buttons.append({"label": f"{name} loss axis", "method": "relayout", "args": [change]})
    return {"buttons": buttons, "x": 1.0, "y": 1.05, "xanchor": "right", "yanchor": "bottom"}
