"""One plot as a unit of work: stored results in, a PNG in the store out."""

from datetime import date
from pathlib import Path

import pandas as pd

from forecaster.fitting import FitResult, load_model
from forecaster.further import Further
from forecaster.judging import Judged
from forecaster.plots.frames import RunFrames
from forecaster.settings import JUDGED, Config
from forecaster.store import Artifact, Store

DPI = 150
PLOT_NAMES = (
    "loss_curves.png",
    "metrics_progression.png",
    "learning_rates.png",
    "attention_heatmap.png",
    "feature_importance.png",
    "model_comparison.png",
    "predictions_vs_actual.png",
    "residual_analysis.png",
    "ensemble_weights.png",
    "training_summary.png",
)


class PlotInputs(Config):
    """What a run hands to its plots."""

    coin: str
    as_of: date
    simulated: bool
    target_scale: dict[int, float]
    fits: tuple[FitResult, ...]
    judged: Judged
    attention: Artifact | None = None
    further: Artifact | None = None


def further_plots(further: Further) -> list[str]:
    """Names of the plots of steps that not every run takes."""
    return [f"{name}.png" for name in further.names]


def draw_unit(root: Path, name: str, inputs: PlotInputs) -> Artifact:
    """Draw the plot called `name` (`loss_curves.png`, ...) and keep it."""
    from forecaster.plots.registry import (
        FURTHER_PLOTS,
        PLOTS,
    )  # whoever only asks for a plot must not pay for matplotlib

    store = Store(root)
    figure = {**PLOTS, **FURTHER_PLOTS}[name](run_frames(store, inputs))
    # Without the library's version in the file, equal pictures are equal bytes.
    return store.put(lambda path: figure.savefig(path, dpi=DPI, metadata={"Software": None}), ".png")


def run_frames(store: Store, inputs: PlotInputs) -> RunFrames:
    """Read everything that plots may draw."""
    judged = inputs.judged
    return RunFrames(
        coin=inputs.coin,
        as_of=inputs.as_of,
        simulated=inputs.simulated,
        target_scale=inputs.target_scale,
        history=_history(store, inputs.fits),
        forecasts=store.frame(judged.forecasts),
        scores=store.frame(judged.scores),
        fits=_fits(store, inputs.fits),
        attention=None if inputs.attention is None else _attention(store.frame(inputs.attention)),
        importance=_importance(store, inputs.fits),
        weights=None if judged.weights is None else store.frame(judged.weights),
        ensemble=None if judged.ensemble is None else store.json(judged.ensemble),
        further=Further() if inputs.further is None else Further(**store.json(inputs.further)),
    )


def _history(store: Store, fits: tuple[FitResult, ...]) -> pd.DataFrame:
    records = [{"model": f.model, "fold": f.fold, **record} for f in fits for record in store.json(f.history)]
    return pd.DataFrame(records)


def _fits(store: Store, fits: tuple[FitResult, ...]) -> pd.DataFrame:
    rows = [
        {
            "model": f.model,
            "fold": f.fold,
            "seconds": f.seconds,
            "length": f.best_length,
            "n_epochs": len(store.json(f.history)),
            "n_parameters": f.n_parameters,
        }
        for f in fits
    ]
    return pd.DataFrame(rows)


def _attention(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_axis([int(lag) for lag in frame.columns], axis=1)


def _importance(store: Store, fits: tuple[FitResult, ...]) -> pd.DataFrame | None:
    trees = [f for f in fits if f.model == "lightgbm" and f.fold == JUDGED]
    if not trees:
        return None
    model, preprocessor = load_model(store.path(trees[0].folder), "lightgbm")
    table: pd.DataFrame = model.importance()  # type: ignore[attr-defined]
    return table.assign(feature=[preprocessor.columns[i] for i in table["feature_index"]])
