"""Saved runs, loaded to forecast, and cut down to what forecasts need."""

import json
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.ensemble import AdvancedEnsemble
from forecaster.features import OHLCV, category_of
from forecaster.fitting import load_model
from forecaster.preprocess import Preprocessor
from forecaster.saving import MANIFEST, verify
from forecaster.serving.served_run import ServedRun, ServingFacts
from forecaster.settings import ENSEMBLE, MODELS
from forecaster.store import write_json
from forecaster.windows import LOG_CLOSE

FACTS = "serving.json"  # beside the models
SERVED_FOLDERS = ("serving", ENSEMBLE)
SERVED_FILES = (FACTS, "forecasts.parquet", "scores.parquet")


def load_run(folder: Path, judged: bool = False) -> ServedRun:
    """Load a saved run, `artifacts/{COIN}/{run}`, or what `export_run` made of it.

    Args:
        folder: of the run.
        judged: load the models that were judged, which know train alone, in place of those that are served.

    Raises:
        ValueError: if a file is missing or altered, or nothing in it can be served.
    """
    folder = Path(folder)
    verify(folder)
    if not (folder / FACTS).is_file():
        raise ValueError(f"A run that can be served holds {FACTS}. Received: none in {folder}. Retrain the coin.")
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    stored = pd.read_parquet(folder / "forecasts.parquet")
    names = [name for name in MODELS if name in stored]
    folders = {m: folder / m if judged else folder / m / "serving" for m in names}
    models = {m: load_model(where, m) for m, where in folders.items() if where.is_dir()}
    if not models:
        raise ValueError(f"A run that can be served has a serving refit. Received: none in {folder}. Retrain the coin.")
    ensemble = AdvancedEnsemble.load(folder / ENSEMBLE) if (folder / ENSEMBLE).is_dir() else None
    if ensemble is not None and not set(ensemble.members_) & set(models):
        ensemble = None
    return ServedRun(
        coin=manifest["coin"],
        run=manifest["run"],
        as_of=date.fromisoformat(manifest["as_of"]),
        facts=ServingFacts.model_validate_json((folder / FACTS).read_text(encoding="utf-8")),
        models=models,
        ensemble=ensemble,
        stored=stored[stored["cutoff"] >= stored.loc[stored["part"] == "val", "cutoff"].min()],
        lost=tuple(name for name in names if name not in models),
        shipped=ENSEMBLE if ensemble is not None else _best_on_val(pd.read_parquet(folder / "scores.parquet"), models),
    )


def bar_columns(folder: Path) -> tuple[str, ...]:
    """Columns of bars that the models of a saved run need: the usual five, then what the input brought along.

    Nothing but JSON is read, so no library of any model is loaded.
    """
    seen = [Preprocessor.from_json(path.read_text(encoding="utf-8")).columns for path in _preprocessings(folder)]
    further = [name for columns in seen for name in columns if category_of(name) == "extra"]
    return tuple(dict.fromkeys([*OHLCV, *map(_as_given, further)]))


def _preprocessings(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/serving/preprocessing.json"))


def _as_given(column: str) -> str:
    """The input's name of a further column, which features rename if they have one of that name."""
    name = column.removeprefix("extra_")
    return name if name == LOG_CLOSE or category_of(name) != "extra" else column


def _best_on_val(scores: pd.DataFrame, models: Mapping[str, Any]) -> str:
    """The model with the highest skill against zero on val, mean over horizons."""
    val = scores[(scores["part"] == "val") & scores["model"].isin(list(models))]
    return str(val.groupby("model")["skill_vs_zero"].mean().idxmax())


def export_run(folder: Path, target: Path) -> None:
    """Copy what forecasts need of a saved run, without the judged models, into a new folder with its own manifest."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    digests = {name: digest for name, digest in manifest["sha256"].items() if is_served(name)}
    for name in digests:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, target / name)
    write_json(target / MANIFEST, {**manifest, "sha256": digests})


def is_served(name: str) -> bool:
    """Whether a file of a run, by its name in the manifest, is one that forecasts are made with."""
    return name in SERVED_FILES or bool(set(SERVED_FOLDERS) & set(name.split("/")[:-1]))
