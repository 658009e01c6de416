"""Forecasts from a saved run: bars in, log-returns and prices per horizon out."""

from forecaster.serving.saved import FACTS, bar_columns, export_run, load_run
from forecaster.serving.served_run import ServedRun, ServingFacts

__all__ = ["FACTS", "ServedRun", "ServingFacts", "bar_columns", "export_run", "load_run"]
