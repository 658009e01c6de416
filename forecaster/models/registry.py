"""Models by name. Nothing is imported until it is asked for: editing one model must not touch another."""

from importlib import import_module

from forecaster.models.base import Forecaster

MODEL_CLASSES = {
    "dlinear": "forecaster.models.dlinear:DLinearForecaster",
    "tcn": "forecaster.models.tcn:TCNForecaster",
    "enhanced_lstm": "forecaster.models.enhanced_lstm:EnhancedLSTMForecaster",
    "transformer": "forecaster.models.transformer:TransformerForecaster",
    "lightgbm": "forecaster.models.lightgbm:LightGBMForecaster",
    "zero": "forecaster.models.naive:ZeroForecaster",
    "mean": "forecaster.models.naive:MeanForecaster",
    "ridge": "forecaster.models.ridge:RidgeForecaster",
}


def model_module(name: str) -> str:
    """Dotted name of the module that holds model `name`.

    Raises:
        ValueError: if there is no such model.
    """
    return _path(name).partition(":")[0]


def model_class(name: str) -> type[Forecaster]:
    """The class of model `name`, imported now.

    Raises:
        ValueError: if there is no such model.
    """
    module, _, cls = _path(name).partition(":")
    found: type[Forecaster] = getattr(import_module(module), cls)
    return found


def _path(name: str) -> str:
    if name not in MODEL_CLASSES:
        raise ValueError(f"A model must be one of {', '.join(MODEL_CLASSES)}. Received: {name!r}")
    return MODEL_CLASSES[name]
