"""Hyperparameter search: an Optuna study per coin and model, kept, resumed, the same with any number of workers."""

from forecaster.tuning.search import Plan, Tuned, n_finished, tune

__all__ = ["Plan", "Tuned", "n_finished", "tune"]
