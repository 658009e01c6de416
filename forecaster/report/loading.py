"""How a model of a run is loaded, in exact Python: the last section of its card."""

from collections.abc import Mapping
from typing import Any

from forecaster.features import cross_asset_columns
from forecaster.report.schema import TrainingReport
from forecaster.serving.served_run import WARM_UP
from forecaster.settings import ENSEMBLE, SplitConfig, partner_of


def loading_section(report: TrainingReport, model: str) -> str:
    """The models of the run as MLflow loads them, and `model` as the project does."""
    params: Mapping[str, Any] = next((each.params for each in report.models.values()), {})
    rows = WARM_UP + int(params.get("seq_length", SplitConfig().lookback))
    coins = " and ".join(filter(None, (report.coin, partner_seen(report))))
    folder = f"artifacts/{report.coin}/{report.run}"
    logged = [
        "import mlflow",
        "",
        'mlflow.set_tracking_uri("TRACKING_URI")',
        'forecaster = mlflow.pyfunc.load_model("runs:/PARENT_RUN_ID/forecaster")',
        f"forecasts = forecaster.predict(bars)  # of {coins}, {rows} days at least",
    ]
    here = ["from pathlib import Path", "", *_here(folder, model)]
    columns = "`date, coin, open, high, low, close, volume`, and any further columns it was trained on"
    lines = [
        "## Loading",
        "",
        f"All models of this run and their combination, in any Python process; `bars` is a long frame {columns}:",
        "",
        *_code(logged),
        "",
        f"{'The same' if model == ENSEMBLE else 'This model alone'}, in the project, from the artifacts folder:",
        "",
        *_code(here),
    ]
    return "\n".join(lines)


def _here(folder: str, model: str) -> list[str]:
    if model == ENSEMBLE:
        return [
            "from forecaster.serving import load_run",
            "",
            f'forecasts = load_run(Path("{folder}")).forecast(bars)',
        ]
    return [
        "from forecaster.fitting import load_model",
        "",
        f'model, preprocessor = load_model(Path("{folder}/{model}/serving"), "{model}")',
    ]


def _code(lines: list[str]) -> list[str]:
    return ["```python", *lines, "```"]


def partner_seen(report: TrainingReport) -> str:
    """The other coin that the models look at; empty if they look at none."""
    other = partner_of(report.coin)
    return other if set(cross_asset_columns(report.coin, other)) & set(report.features.selected) else ""
