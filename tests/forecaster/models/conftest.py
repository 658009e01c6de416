"""A tiny world in which every model can be fitted in a moment."""

from dataclasses import replace

import numpy as np
import pytest

from forecaster.models.base import FitSettings
from forecaster.models.registry import model_class
from forecaster.settings import (
    DLinearConfig,
    EnhancedLSTMConfig,
    LightGBMConfig,
    NaiveConfig,
    RidgeConfig,
    TCNConfig,
    TrainingConfig,
    TransformerConfig,
)
from forecaster.windows import Windows, make_windows

HORIZONS = (1, 3)
LOOKBACK = 12
SMALL = {
    "dlinear": DLinearConfig(kernel_size=5),
    "tcn": TCNConfig(filters=4, n_blocks=2),
    "enhanced_lstm": EnhancedLSTMConfig(units=(4, 2), dense_units=3),
    "transformer": TransformerConfig(d_model=8, n_heads=2, ff_dim=8, n_layers=1, head_units=4, warmup_steps=5),
    "lightgbm": LightGBMConfig(n_estimators=20, min_child_samples=5, reg_alpha=0, early_stopping=5),
    "ridge": RidgeConfig(alpha=1),
    "zero": NaiveConfig(),
    "mean": NaiveConfig(),
}


def _settings(name: str, **changes) -> FitSettings:
    settings = FitSettings(SMALL[name], TrainingConfig(epochs=2), HORIZONS, target_scale=(0.05, 0.1), seed=2**32 - 1)
    return replace(settings, **changes)


@pytest.fixture(scope="session")
def small_settings():
    """Settings of a model by name, with what a test changes."""
    return _settings


@pytest.fixture(scope="session")
def small_model():
    """An unfitted model by name, with what a test changes."""
    return lambda name, **changes: model_class(name)(_settings(name, **changes))


@pytest.fixture(scope="session")
def world() -> Windows:
    """Four features; the first is tomorrow's return, and a little more."""
    rng = np.random.default_rng(0)
    returns = 0.05 * rng.standard_normal(140)
    base = rng.standard_normal((140, 4)).astype(np.float32)
    base[:-1, 0] = 20 * returns[1:] + 0.1 * base[:-1, 0]
    return make_windows(base, np.cumsum(returns), LOOKBACK, HORIZONS)


@pytest.fixture(scope="session")
def parts(world) -> tuple[Windows, Windows, Windows]:
    """Train, val and test; the last windows of test are not labelled yet."""
    return world.take(slice(0, 80)), world.take(slice(83, 103)), world.take(slice(106, None))
