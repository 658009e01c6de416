"""From stored forecasts to an ensemble and to scores: the two units of work between fitting and saving.

`stack` sees out-of-fold and val forecasts only; `judge` adds test, where nothing is fitted or chosen any more.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.ensemble import AdvancedEnsemble
from forecaster.evaluation import as_nested, evaluate
from forecaster.forecasts import log_closes, wide_frame
from forecaster.settings import ENSEMBLE, Config, StackingConfig
from forecaster.split import Boundaries, Fold
from forecaster.store import Artifact, Store

PURGED = "purged"  # origins between two parts: predicted, known to prequential state, never scored


class Stacked(Config):
    """Where the fitted ensemble lies."""

    folder: Artifact


class Judged(Config):
    """What was forecast and how it scored.

    Attributes:
        forecasts: forecast frame of all parts, one column per model.
        scores: score frame.
        nested: the same scores as JSON: model -> part -> horizon -> metric.
        weights: the ensemble's weights over val and test; None without an ensemble.
        ensemble: the ensemble's summary as JSON; None without one.
    """

    forecasts: Artifact
    scores: Artifact
    nested: Artifact
    weights: Artifact | None = None
    ensemble: Artifact | None = None


def stack_unit(
    root: Path,
    coin: str,
    judged: Mapping[str, Artifact],
    oof: Mapping[str, tuple[Artifact, ...]],
    rows: tuple[Artifact, ...],
    fold: Fold,
    target_scale: Mapping[int, float],
    config: StackingConfig,
) -> Stacked:
    """Fit the ensemble on out-of-fold forecasts, choose its method on val.

    Args:
        root: the store.
        coin: ticker.
        judged: per model, the judged fit's forecasts of train and val.
        oof: per model, its held-out forecasts fold by fold; all models have the same folds.
        rows: train and val parts, for targets and regimes.
        fold: the judged fold.
        target_scale: interquartile range of the train targets per horizon.
        config: settings of the ensemble.
    """
    store = Store(root)
    log_close = log_closes(store, rows)
    held_out = wide_frame(store, {model: each for model, each in oof.items() if each}, log_close, coin)
    shown = wide_frame(store, {model: (each,) for model, each in judged.items()}, log_close, coin)
    val = shown[_within(shown, fold, "val")]
    ensemble = AdvancedEnsemble(config).fit(held_out, val, _closes(log_close), target_scale)

    def write(folder: Path) -> None:
        folder.mkdir()
        ensemble.save(folder)

    return Stacked(folder=store.put(write))


def judge_unit(
    root: Path,
    coin: str,
    judged: Mapping[str, Artifact],
    test: Mapping[str, Artifact],
    stacked: Stacked | None,
    rows: Artifact,
    fold: Fold,
    boundaries: Boundaries,
    target_scale: Mapping[int, float],
) -> Judged:
    """Join train, val and test forecasts with what happened, walk the ensemble through val and test, score everything.

    Args:
        root: the store.
        coin: ticker.
        judged: per model, forecasts of train and val.
        test: per model, forecasts of test.
        stacked: the ensemble, if there is one.
        rows: all days, for targets and regimes.
        fold: the judged fold.
        boundaries: where test begins.
        target_scale: interquartile range of the train targets per horizon.
    """
    store = Store(root)
    log_close = log_closes(store, (rows,))
    frame = wide_frame(store, {model: (judged[model], test[model]) for model in judged}, log_close, coin)
    frame.insert(4, "part", _parts(frame, fold, boundaries))
    models, weights, ensemble = list(judged), None, None
    if stacked is not None:
        walked, closes = frame[frame["cutoff"] >= pd.Timestamp(boundaries.val)], _closes(log_close)
        combined = AdvancedEnsemble.load(store.path(stacked.folder))
        frame[ENSEMBLE] = combined.predict(walked, closes).reindex(frame.index)
        weights = store.put_frame(combined.weight_path(walked, closes))
        ensemble = store.put_json(combined.summary(walked, closes))
        models.append(ENSEMBLE)
    scores = evaluate(frame, models, target_scale)
    nested = {model: as_nested(scores, model) for model in models}
    return Judged(
        forecasts=store.put_frame(frame),
        scores=store.put_frame(scores),
        nested=store.put_json(nested),
        weights=weights,
        ensemble=ensemble,
    )


def _closes(log_close: "pd.Series[float]") -> "pd.Series[float]":
    return pd.Series(np.exp(log_close.to_numpy()), index=log_close.index)


def _within(frame: pd.DataFrame, fold: Fold, part: str) -> "pd.Series[bool]":
    span = fold.train if part == "train" else fold.held_out
    assert span is not None
    return frame["cutoff"].between(pd.Timestamp(span.first), pd.Timestamp(span.last))


def _parts(frame: pd.DataFrame, fold: Fold, boundaries: Boundaries) -> "pd.Series[str]":
    parts = pd.Series(PURGED, index=frame.index)
    for part in ("train", "val"):
        parts[_within(frame, fold, part)] = part
    parts[frame["cutoff"] >= pd.Timestamp(boundaries.test)] = "test"
    return parts
