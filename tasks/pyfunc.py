"""The code of a logged model: MLflow copies this file beside the saved run and executes it to load the model.

It runs where the project need not be installed: `forecaster` comes along with the model.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext


class CoinForecaster(PythonModel):
    """One coin's saved run: daily bars in, forecasts per horizon out, as `ServedRun.forecast` describes them."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load models, ensemble and stored forecasts from the artifact `run`."""
        from forecaster.serving import load_run

        self.run = load_run(Path(context.artifacts["run"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Forecast from the newest closed days of a long frame of bars."""
        return self.run.forecast(model_input, **(params or {}))


set_model(CoinForecaster())
