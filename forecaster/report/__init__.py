"""What a run found, as one typed value: JSON for machines, markdown for people, rows for a terminal."""

from forecaster.report.markdown import to_markdown
from forecaster.report.reuse import n_reused, reuse
from forecaster.report.schema import (
    Baseline,
    Data,
    Ensemble,
    Environment,
    Features,
    Metrics,
    Model,
    Split,
    Step,
    TrainingReport,
    to_json,
    train_val_gap,
)
from forecaster.report.verdict import summary_table, suspected_leaks, verdict, weights_table

__all__ = [
    "Baseline",
    "Data",
    "Ensemble",
    "Environment",
    "Features",
    "Metrics",
    "Model",
    "Split",
    "Step",
    "TrainingReport",
    "n_reused",
    "reuse",
    "summary_table",
    "suspected_leaks",
    "to_json",
    "to_markdown",
    "train_val_gap",
    "verdict",
    "weights_table",
]
