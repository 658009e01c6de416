"""Training windows of one epoch: every original and its noisy copies, shuffled, fresh noise each epoch.

A copy is the original times one factor from U(1 - scaling, 1 + scaling) plus independent noise N(0, jitter) on every
feature of every day (specification, "Data Augmentation"; Um et al. 2017, arXiv 1706.00527). Beyond the specification, a
window may hide some of its columns, and take its oldest days from another window (`TrainingConfig`). Only indices,
factors and one matrix of noise are drawn here; the windows themselves are gathered where they are needed, a batch at a
time.
"""

from dataclasses import dataclass

import numpy as np

from forecaster.settings import TrainingConfig
from forecaster.windows import Floats, Ints, Windows

FEWEST_OWN = 3  # days that a window keeps when others are taken from another


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
        other: position of the window from which the days before `own_from` are taken: `(m,)`.
        own_from: first day of the window that is its own; zero where all are: `(m,)`.
        shown: by which each column is multiplied: zero hides it, and others make up for that. `(m, n_features)`
            float32, or `(m, 1)` where none is hidden.
    """

    which: Ints
    factor: Floats
    noise: Floats
    noise_end: Ints
    other: Ints
    own_from: Ints
    shown: Floats

    def __len__(self) -> int:
        return len(self.which)

    @property
    def per_window(self) -> tuple[Floats | Ints, ...]:
        """All but the noise, in the order in which a batch takes it; the first axis is the windows."""
        return self.which, self.factor, self.noise_end, self.other, self.own_from, self.shown


def draw_epoch(windows: Windows, config: TrainingConfig, seed: int, epoch: int) -> Epoch:
    """The epoch of this number, from 1, over `windows`: a pure function of its arguments."""
    rng = np.random.default_rng((seed, epoch))
    n, lookback = len(windows), windows.lookback
    order = _order(rng, n * (1 + config.n_copies), config.epoch_windows, seed, epoch)
    is_copy = order >= n
    factor = rng.uniform(1 - config.scaling, 1 + config.scaling, len(order))
    noise_end = rng.integers(2 * lookback - 1, lookback + len(windows.base), len(order))
    noise = _noise(rng, windows, config.jitter)
    return Epoch(
        which=(order % max(n, 1)).astype(np.int32),
        factor=np.where(is_copy, factor, 1).astype(np.float32),
        noise=noise,
        noise_end=np.where(is_copy, noise_end, lookback - 1).astype(np.int32),
        other=rng.integers(0, max(n, 1), len(order), dtype=np.int32),
        own_from=_own_from(rng, len(order), lookback, config.spliced),
        shown=_shown(rng, (len(order), windows.n_features), config.hidden_columns),
    )


def _order(rng: np.random.Generator, n: int, size: int | None, seed: int, epoch: int) -> Ints:
    """Which of the `n` originals and copies an epoch holds: all, or the next `size` of pass after shuffled pass."""
    if size is None or not n:
        return rng.permutation(n)
    place = np.arange((epoch - 1) * size, epoch * size)
    passes = {p: np.random.default_rng((seed, 0, p)).permutation(n) for p in np.unique(place // n)}
    return np.array([passes[p][i] for p, i in zip(place // n, place % n, strict=True)])


def _own_from(rng: np.random.Generator, m: int, lookback: int, share: float) -> Ints:
    """First own day of each window. How many days stay is log-uniform: the newest nearly always do."""
    kept = np.exp(rng.uniform(np.log(min(FEWEST_OWN, lookback)), np.log(lookback), m)).round().astype(np.int32)
    spliced: Ints = np.where(rng.random(m) < share, lookback - kept, 0).astype(np.int32)
    return spliced


def _shown(rng: np.random.Generator, shape: tuple[int, int], hidden: float) -> Floats:
    if not hidden:
        return np.ones((shape[0], 1), np.float32)
    shown: Floats = (rng.random(shape, dtype=np.float32) >= hidden).astype(np.float32) / np.float32(1 - hidden)
    return shown


def _noise(rng: np.random.Generator, windows: Windows, jitter: float) -> Floats:
    noise = jitter * rng.standard_normal((windows.lookback + len(windows.base), windows.n_features), dtype=np.float32)
    noise[: windows.lookback] = 0
    return noise
