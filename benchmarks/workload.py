"""The work that every contestant of the throughput benchmarks does: one set of windows, one way of augmenting them.

No script of its own. Sizes are the specification's: 60 days x 80 features, batches of 32, 2,770 train windows (70 % of
Bitcoin's days since 2013), tripled by augmentation. Values are random: what they are changes no time.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from forecaster.augment import Epoch, draw_epoch
from forecaster.models.base import FitSettings
from forecaster.settings import HORIZONS, MODEL_CONFIGS, NETWORKS, TrainingConfig
from forecaster.windows import Windows

LOOKBACK, N_FEATURES, N_WINDOWS = 60, 80, 2770
LABELS = dict(zip(NETWORKS, ("DLinear", "TCN", "LSTM", "Transformer"), strict=True))
BATCHES = {"dlinear": 259, "tcn": 64, "enhanced_lstm": 32, "transformer": 32}  # of a measurement: about a second
SEED = 42


def settings(name: str) -> FitSettings:
    """Full defaults of a network."""
    return FitSettings(
        MODEL_CONFIGS[name](), TrainingConfig(), HORIZONS, target_scale=(1.0,) * len(HORIZONS), seed=SEED
    )


def draw_windows() -> Windows:
    """Train windows of one coin."""
    rng = np.random.default_rng(SEED)
    base = rng.standard_normal((LOOKBACK - 1 + N_WINDOWS, N_FEATURES), dtype=np.float32)
    y = rng.standard_normal((N_WINDOWS, len(HORIZONS)))
    return Windows(base, np.arange(LOOKBACK - 1, len(base)), y, LOOKBACK)


def draw_passes(name: str) -> Iterator[Epoch]:
    """The beginning of one epoch after another, `BATCHES` long and drawn anew each: what one measurement trains on."""
    windows, training, epoch = draw_windows(), settings(name).training, 0
    n = BATCHES[name] * training.batch_size
    while epoch := epoch + 1:
        drawn = draw_epoch(windows, training, SEED, epoch)
        yield replace(drawn, which=drawn.which[:n], factor=drawn.factor[:n], noise_end=drawn.noise_end[:n])
