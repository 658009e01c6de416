"""What steps found that not every run takes, as entries of `training_report.json`."""

from collections.abc import Iterable, Mapping
from typing import Any

from forecaster.settings import BASELINES, ENSEMBLE, MODELS, WalkForwardConfig
from forecaster.split import Fold, Span
from forecaster.store import Store
from forecaster.tuning import Tuned
from forecaster.uncertainty import Intervals
from forecaster.walk_forward import POOLED, WalkForward

Scores = Mapping[str, Mapping[str, Mapping[str, Any]]]  # model -> horizon -> metric


def tuning_entry(store: Store, tuned: Tuned) -> dict[str, Any]:
    """What `training_report.json` says of one model's study."""
    told = tuned.model_dump(mode="json", exclude={"coin", "model", "settings", "history"})
    return {**told, "history": store.json(tuned.history)}


def uncertainty_entry(intervals: Iterable[Intervals]) -> dict[str, Any]:
    """What `training_report.json` says: model -> horizon -> coverages, widths and `n`, in the tables' order."""
    found = {each.model: each.scores for each in intervals}
    return {model: found[model] for model in (*MODELS, ENSEMBLE, *BASELINES) if model in found}


def walk_forward_entry(store: Store, result: WalkForward, walking: WalkForwardConfig) -> dict[str, Any]:
    """What `training_report.json` says: settings, every split with its days and scores, and the pooled scores."""
    nested = store.json(result.nested)
    return {
        **walking.model_dump(),
        "splits": [_split(fold, nested["splits"][fold.name]) for fold in result.folds],
        POOLED: nested[POOLED],
        "audit": [row.model_dump(mode="json") for row in result.audit],
    }


def _split(fold: Fold, scores: Scores) -> dict[str, Any]:
    assert fold.stop is not None
    assert fold.held_out is not None
    return {
        "name": fold.name,
        "train_first": str(fold.train.first),
        "train_last": str(fold.train.last),
        "first": str(fold.held_out.first),
        "last": str(fold.held_out.last),
        "n_train": _n(fold.train),
        "n_stop": _n(fold.stop),
        "n": _n(fold.held_out),
        "scores": scores,
    }


def _n(span: Span) -> int:
    """Origins of a span: bars have no gaps."""
    return (span.last - span.first).days + 1
