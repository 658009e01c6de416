"""A saved run as a model that MLflow loads in any Python process: code and files, no pickle."""

import logging
import shutil
import threading
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import forecaster
from forecaster.serving import bar_columns, export_run
from forecaster.settings import MODELS, NETWORKS

LIBRARIES = (
    "mlflow",
    "lightgbm",
    "numpy",
    "pandas",
    "pandera",
    "pyarrow",
    "pydantic",
    "scikit-learn",
    "scipy",
    "ta-lib",
)
NETWORK_LIBRARIES = ("keras", "tensorflow")
_saving = threading.Lock()  # MLflow hands the model that a code file sets over in a variable of the process


def save_forecaster(run: Path, target: Path, run_id: str, model_id: str) -> None:
    """Write a saved run as an MLflow model made of code and files, without pickle, into the new folder `target`.

    Args:
        run: the saved run.
        target: a folder that does not exist yet.
        run_id: of the MLflow run that the model belongs to.
        model_id: of the model itself.
    """
    import mlflow.pyfunc
    from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR
    from mlflow.models import Model

    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)  # the terminal shows the run's own progress
    logging.getLogger("mlflow.pyfunc").setLevel(logging.WARNING)
    with TemporaryDirectory() as folder, _saving:
        served = Path(folder) / run.name
        export_run(run, served)
        columns, models = bar_columns(run), [m for m in MODELS if (run / m / "serving").is_dir()]
        mlflow.pyfunc.save_model(
            str(target),
            python_model=str(Path(__file__).with_name("pyfunc.py")),
            code_paths=[str(Path(forecaster.__file__).parent)],
            artifacts={"run": str(served)},
            mlflow_model=Model(run_id=run_id, model_id=model_id),
            signature=_signature(columns, models),
            input_example=_example(columns),
            pip_requirements=_requirements(models),
        )
    for cache in list(target.rglob("__pycache__")):
        shutil.rmtree(cache)


def _signature(columns: Iterable[str], models: Iterable[str]) -> Any:
    """What goes in and out: MLflow shows both, and checks the names of what goes in.

    Dates with a time zone or as text and whole-number volumes are welcome, which MLflow would refuse: hence no types.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import AnyType

    forecast = {
        **dict.fromkeys(("coin", "shipped", "notes"), DataType.string),
        **dict.fromkeys(("origin", "target_day"), DataType.datetime),
        "horizon": DataType.long,
        **dict.fromkeys(("log_return", "price", *models), DataType.double),
    }
    params = [ParamSpec("n_origins", DataType.long, 1), ParamSpec("without_partner", DataType.boolean, False)]
    return ModelSignature(
        inputs=Schema([ColSpec(AnyType(), name) for name in ("date", "coin", *columns)]),
        outputs=Schema([ColSpec(kind, name) for name, kind in forecast.items()]),
        params=ParamSchema(params),
    )


def _example(columns: Iterable[str]) -> Any:
    """Two days of two coins, made up: the shape of an input, far too short for a forecast."""
    import pandas as pd

    days = pd.to_datetime(["2024-01-01", "2024-01-02"] * 2)
    prices = {"open": 100.0, "high": 110.0, "low": 90.0, "close": 105.0, "volume": 1000.0}
    values = {name: prices.get(name, 0.0) for name in columns}
    return pd.DataFrame({"date": days, "coin": ["BTC", "BTC", "ETH", "ETH"], **values})


def _requirements(models: Iterable[str]) -> list[str]:
    """What loading needs, in the versions that run here; TensorFlow only where a network is served."""
    needed = (*LIBRARIES, *NETWORK_LIBRARIES) if set(models) & set(NETWORKS) else LIBRARIES
    return [f"{name}=={version(name)}" for name in needed]
