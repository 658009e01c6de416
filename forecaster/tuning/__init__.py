"""Hyperparameter search: one Optuna study per coin and model, kept, resumed, and the same on every machine."""

from forecaster.tuning.search import Plan, Tuned, n_finished, tune

__all__ = ["Plan", "Tuned", "n_finished", "tune"]
