"""Training windows of one epoch: every original and its noisy copies, shuffled, fresh noise each epoch.

A copy is the original times one factor from U(1 - scaling, 1 + scaling) plus independent noise N(0, jitter) on every
feature of every day (specification, "Data Augmentation"; Um et al. 2017, arXiv 1706.00527). Only indices, factors and
one matrix of noise are drawn here; the windows themselves are gathered where they are needed, a batch at a time.
"""

from dataclasses import dataclass

import numpy as np

from forecaster.settings import TrainingConfig
from forecaster.windows import Floats, Ints, Windows


@dataclass(frozen=True)
class Epoch:
    """One pass over originals and copies, in training order.

    Drawing a normal number costs seven times as much as gathering one, so a copy takes its noise from a random place
    of a matrix as long as the series: independent within a window, and redrawn every epoch.

    Attributes:
        which: position of the original window: `(m,)` with `m = n * (1 + n_copies)`.
        factor: by which the window is multiplied; one for an original: `(m,)` float32.
        noise: additive noise; its first `lookback` rows are zero: `(lookback + n_days, n_features)` float32.
        noise_end: row of `noise` that is added to the last day inside the window: `(m,)`.
    """

    which: Ints
    factor: Floats
    noise: Floats
    noise_end: Ints

    def __len__(self) -> int:
        return len(self.which)


def draw_epoch(windows: Windows, config: TrainingConfig, seed: int, epoch: int) -> Epoch:
    """The pass number `epoch` over `windows`: a pure function of its arguments."""
    rng = np.random.default_rng((seed, epoch))
    n, lookback = len(windows), windows.lookback
    order = rng.permutation(n * (1 + config.n_copies))
    is_copy = order >= n
    factor = rng.uniform(1 - config.scaling, 1 + config.scaling, len(order))
    noise_end = rng.integers(2 * lookback - 1, lookback + len(windows.base), len(order))
    return Epoch(
        which=(order % max(n, 1)).astype(np.int32),
        factor=np.where(is_copy, factor, 1).astype(np.float32),
        noise=_noise(rng, windows, config.jitter),
        noise_end=np.where(is_copy, noise_end, lookback - 1).astype(np.int32),
    )


def _noise(rng: np.random.Generator, windows: Windows, jitter: float) -> Floats:
    noise = jitter * rng.standard_normal((windows.lookback + len(windows.base), windows.n_features), dtype=np.float32)
    noise[: windows.lookback] = 0
    return noise
