"""What a study searches: the ranges of the specification, and where it has none, ranges around its defaults.

A range holds the model's defaults and every value of the specification's table of tuned parameters.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from forecaster.settings import MODEL_CONFIGS, Config

if TYPE_CHECKING:  # optuna takes a second to import, and most runs do not tune
    from optuna.distributions import BaseDistribution

Params = dict[str, Any]

LSTM_LAYERS = 3
LSTM_UNITS = (32, 64, 128)


def search_space(model: str) -> "dict[str, BaseDistribution]":
    """Distribution of every parameter of `model` that is searched.

    Raises:
        ValueError: if the model has nothing to search.
    """
    spaces = {
        "dlinear": _dlinear,
        "tcn": _tcn,
        "enhanced_lstm": _enhanced_lstm,
        "transformer": _transformer,
        "lightgbm": _lightgbm,
    }
    if model not in spaces:
        raise ValueError(f"A model to tune must be one of {', '.join(spaces)}. Received: {model!r}")
    return spaces[model]()


def settings_from(model: str, params: Mapping[str, Any], base: Config | None = None) -> Config:
    """The settings that a trial's parameters stand for; what is not searched is as in `base`, by default the defaults.

    Raises:
        ValueError: if a parameter is none of the model's.
    """
    fields = dict(params)
    if model == "enhanced_lstm":
        units = tuple(fields.pop(f"units_{layer}") for layer in range(1, LSTM_LAYERS + 1))
        fields["units"] = units[: fields.pop("n_layers")]
    kind = MODEL_CONFIGS[model]
    return kind(**{**(base or kind()).model_dump(), **fields})


def params_from(model: str, settings: Config) -> Params:
    """The parameters that stand for `settings`: `settings_from` gives them back."""
    fields = settings.model_dump()
    if model == "enhanced_lstm":
        units = fields.pop("units")
        fields["n_layers"] = len(units)
        fields |= {f"units_{n}": units[min(n, len(units)) - 1] for n in range(1, LSTM_LAYERS + 1)}
    return {name: fields[name] for name in search_space(model)}


def active(model: str, params: Mapping[str, Any]) -> Params:
    """The parameters that make a difference: not the width of a layer that is not there."""
    n_layers = params["n_layers"] if model == "enhanced_lstm" else LSTM_LAYERS
    absent = {f"units_{layer}" for layer in range(n_layers + 1, LSTM_LAYERS + 1)}
    return {name: value for name, value in params.items() if name not in absent}


def _dlinear() -> "dict[str, BaseDistribution]":
    from optuna.distributions import FloatDistribution, IntDistribution

    return {
        "kernel_size": IntDistribution(15, 35, step=2),  # odd, so that the moving average is centred
        "dropout": FloatDistribution(0.05, 0.3),
        "learning_rate": FloatDistribution(1e-4, 1e-2, log=True),
    }


def _tcn() -> "dict[str, BaseDistribution]":
    from optuna.distributions import FloatDistribution, IntDistribution

    return {
        "filters": IntDistribution(16, 64, step=8),
        "kernel_size": IntDistribution(2, 5),
        "n_blocks": IntDistribution(3, 6),
        "dropout": FloatDistribution(0.1, 0.4),
    }


def _enhanced_lstm() -> "dict[str, BaseDistribution]":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    return {
        "n_layers": IntDistribution(1, LSTM_LAYERS),
        **{f"units_{layer}": CategoricalDistribution(LSTM_UNITS) for layer in range(1, LSTM_LAYERS + 1)},
        "dense_units": CategoricalDistribution((16, 32, 64)),
        "dropout": FloatDistribution(0.1, 0.6),
        "l2": FloatDistribution(1e-6, 1e-2, log=True),
        "learning_rate": FloatDistribution(1e-5, 5e-3, log=True),
    }


def _transformer() -> "dict[str, BaseDistribution]":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    return {
        "d_model": CategoricalDistribution((32, 64, 128)),
        "n_heads": CategoricalDistribution((2, 4, 8)),  # each divides every `d_model`
        "ff_dim": CategoricalDistribution((64, 128, 256, 512)),
        "n_layers": IntDistribution(1, 3),
        "dropout": FloatDistribution(0.1, 0.5),
        "learning_rate": FloatDistribution(1e-5, 5e-3, log=True),
        "weight_decay": FloatDistribution(1e-4, 1e-1, log=True),
        "warmup_steps": IntDistribution(50, 1000, step=50),
    }


def _lightgbm() -> "dict[str, BaseDistribution]":
    from optuna.distributions import FloatDistribution, IntDistribution

    return {
        "n_estimators": IntDistribution(100, 500),
        "num_leaves": IntDistribution(8, 64),
        "max_depth": IntDistribution(3, 8),
        "learning_rate": FloatDistribution(5e-3, 0.2, log=True),
        "feature_fraction": FloatDistribution(0.3, 1.0),
        "bagging_fraction": FloatDistribution(0.3, 1.0),
        "min_child_samples": IntDistribution(10, 200, log=True),
        "reg_alpha": FloatDistribution(1e-3, 10.0, log=True),
        "reg_lambda": FloatDistribution(1e-3, 10.0, log=True),
    }
