"""How networks are trained: to the specification's letter, or so that they learn (the default).

As specified, the networks look at validation once per 3n windows, and are past their best by then. The recipe
`learning` changes no architecture, head, loss or weight of a horizon. It looks at validation every 1,600 windows,
judges and keeps a moving average of the weights, hides columns and old days from training windows, and lets each
forecast count for as much as validation supports. `benchmarks/signals.py` measures both.
"""

from typing import Any, Literal

from forecaster.settings import MODEL_CONFIGS, Config, SelectConfig, TrainingConfig

Recipe = Literal["learning", "specified"]

EVIDENCE = 2.5  # of a column, in units of chance: of dozens without merit one or two show a little more
TRAINING: dict[str, Any] = {
    "patience": 6,
    "epoch_windows": 1600,
    "warmup_steps": 50,
    "weight_memory": 0.98,  # about one epoch
    "hidden_columns": 0.5,
    "spliced": 0.8,
    "evidence": EVIDENCE,
    "learns_drift": False,
    "shrinks": True,
}
MODELS: dict[str, dict[str, Any]] = {
    "dlinear": {"learning_rate": 1e-4},
    "tcn": {"learning_rate": 1e-3, "plateau_patience": None},
    "enhanced_lstm": {"learning_rate": 2e-3, "head_rate": 0.2, "attention_rate": 5.0, "l2": 1e-6},
    "transformer": {"learning_rate": 1e-3, "warmup_steps": 50, "position_rate": 30.0},
    "lightgbm": {
        **{"learning_rate": 0.02, "early_stopping": 100, "feature_fraction": 0.3, "bagging_fraction": 0.5},
        **{"extra_trees": True, "path_smooth": 80.0, "boost_from_average": False, "evidence": EVIDENCE},
        "shrinks": True,
    },
}


def select_settings(recipe: Recipe, **own: Any) -> SelectConfig:
    """How columns are chosen: as specified, by mutual information alone."""
    specified: dict[str, Any] = {"merits": ("mutual_information",), "favours_given": False}
    return SelectConfig(**(specified if recipe == "specified" else {}), **own)


def training_settings(recipe: Recipe) -> TrainingConfig:
    """What the networks share."""
    return TrainingConfig(**TRAINING) if recipe == "learning" else TrainingConfig()


def model_settings(recipe: Recipe, model: str) -> Config:
    """One model's own settings."""
    return MODEL_CONFIGS[model](**(MODELS.get(model, {}) if recipe == "learning" else {}))
