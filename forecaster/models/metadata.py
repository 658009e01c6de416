"""What is saved beside every model's weights, as JSON: enough to load it, and to know what it is."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from forecaster.models.base import FitSettings, Unfitted
from forecaster.settings import MODEL_CONFIGS, TrainingConfig

FILE = "metadata.json"


def write_metadata(directory: Path, name: str, model: Unfitted, libraries: tuple[str, ...], **own: Any) -> None:
    """Write `metadata.json` of the fitted `model`; `own` is whatever else its `load` needs."""
    content = {
        "model": name,
        "class": type(model).__name__,
        "settings": _dump_settings(model.settings),
        "length": model.length_,
        "n_parameters": model.n_parameters_,
        "versions": {library: version(library) for library in libraries},
        **own,
        "history": [{name: value for name, value in epoch.items() if name != "seconds"} for epoch in model.history_],
    }
    (directory / FILE).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_metadata(directory: Path, name: str) -> dict[str, Any]:
    """Read the `metadata.json` of a saved model `name`.

    Raises:
        FileNotFoundError: if `directory` holds none.
        ValueError: if it is not JSON, or belongs to another model.
    """
    path = directory / FILE
    if not path.is_file():
        raise FileNotFoundError(f"A saved {name} holds {FILE}. Received: no {path}. Pass the folder given to `save`")
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} must be JSON. Received: {error}. The file is damaged: fit and save again") from error
    found = content.get("model") if isinstance(content, dict) else None
    if found != name:
        raise ValueError(f"{path} must describe a {name}. Received: {found!r}. Load it with the class that saved it")
    return content


def required_file(directory: Path, file: str) -> Path:
    """Path of `file` inside a saved model's `directory`.

    Raises:
        FileNotFoundError: if it is not there.
    """
    path = directory / file
    if not path.is_file():
        raise FileNotFoundError(f"A saved model must be complete. Received: no {path}. Fit and save again")
    return path


def restore(model: Unfitted, content: dict[str, Any]) -> None:
    """Give a newly made `model` the fitted state of its metadata."""
    model.length_ = tuple(content["length"])
    model.history_ = content["history"]
    model.n_parameters_ = content["n_parameters"]


def load_settings(content: dict[str, Any]) -> FitSettings:
    """The settings a saved model was fitted with."""
    saved = content["settings"]
    return FitSettings(
        model=MODEL_CONFIGS[content["model"]](**saved["model"]),
        training=TrainingConfig(**saved["training"]) if saved["training"] is not None else None,
        horizons=tuple(saved["horizons"]),
        target_scale=tuple(saved["target_scale"]),
        seed=saved["seed"],
        n_threads=saved["n_threads"],
    )


def _dump_settings(settings: FitSettings) -> dict[str, Any]:
    return {
        "model": settings.model.model_dump(mode="json"),
        "training": settings.training.model_dump(mode="json") if settings.training is not None else None,
        "horizons": settings.horizons,
        "target_scale": settings.target_scale,
        "seed": settings.seed,
        "n_threads": settings.n_threads,
    }
