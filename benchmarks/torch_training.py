"""How a PyTorch user trains these networks: tensors indexed by batch, Adam with clipping, Huber loss.

No script of its own. Windows are gathered from the same base matrix, with the same drawn noise and factors, as ours
are: cheaper than a DataLoader, which collates window by window.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.torch_models import NETWORKS, Layers, load_weights
from benchmarks.workload import LOOKBACK, N_FEATURES, SEED, draw_passes, draw_windows, settings
from forecaster.augment import Epoch
from forecaster.models.base import FitSettings

REGULARISED = re.compile(
    r"(bidirectional\.lstm|lstm2)\.weight_ih.*|(lstm2_skip|dense|h\d+)\.weight"
)  # of the LSTM, as ours


def build(name: str) -> Layers:
    """The network at full defaults."""
    torch.manual_seed(SEED)
    chosen = settings(name)
    return NETWORKS[name](chosen.model, LOOKBACK, N_FEATURES, chosen.horizons)


def train_torch(name: str) -> Callable[[], float]:
    """One pass after another; returns the samples of a pass."""
    loop, passes = Loop.start(build(name), settings(name)), draw_passes(name)

    def train() -> float:
        drawn = next(passes)
        loop.run(drawn)
        return float(len(drawn))

    return train


def predict_with(name: str, weights: Mapping[str, Sequence[np.ndarray]], x: np.ndarray) -> np.ndarray:
    """What the network says to windows `x` with the given weights and without dropout: `(n, n_horizons)`."""
    network = build(name)
    load_weights(network, weights)
    with torch.inference_mode():
        return network.eval()(torch.tensor(x)).numpy()


@dataclass
class Loop:
    """The training loop and its data."""

    network: Layers
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler | None
    settings: FitSettings
    data: tuple[Tensor, Tensor, Tensor]  # base matrix, origins, targets
    weights: Tensor

    @classmethod
    def start(cls, network: Layers, settings: FitSettings) -> "Loop":
        """Give the network its optimizer and its data."""
        windows = draw_windows()
        data = torch.tensor(windows.base), torch.tensor(windows.origin), torch.tensor(windows.y, dtype=torch.float32)
        weights = torch.tensor(settings.horizon_weights, dtype=torch.float32)
        return cls(network.train(), *_optimizer(network, settings), settings, data, weights)

    def run(self, epoch: Epoch) -> None:
        """Train on one pass."""
        which, factor, noise, noise_end = map(
            torch.as_tensor, (epoch.which.astype(np.int64), epoch.factor, epoch.noise, epoch.noise_end.astype(np.int64))
        )
        days, (base, origin, y) = torch.arange(1 - LOOKBACK, 1), self.data
        for start in range(0, len(epoch), self.settings.training.batch_size):
            batch = slice(start, start + self.settings.training.batch_size)
            x = base[origin[which[batch], None] + days] * factor[batch, None, None]
            self._step(x + noise[noise_end[batch, None] + days], y[which[batch]])

    def _step(self, x: Tensor, y: Tensor) -> None:
        training = self.settings.training
        self.optimizer.zero_grad()
        losses = functional.huber_loss(self.network(x), y, reduction="none", delta=training.huber_delta)
        (losses.mean(dim=0) @ self.weights).backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), training.clip_norm)
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()


def _optimizer(network: Layers, settings: FitSettings) -> tuple[torch.optim.Optimizer, Any]:
    config = settings.model
    if hasattr(config, "warmup_steps"):
        adam_w = torch.optim.AdamW(network.parameters(), config.learning_rate, weight_decay=config.weight_decay)
        return adam_w, torch.optim.lr_scheduler.LambdaLR(adam_w, lambda step: _warm_up(step, config.warmup_steps))
    if hasattr(config, "l2"):  # in Adam, decay is the gradient of an L2 penalty: cheaper than the penalty
        return torch.optim.Adam(_decayed(network, 2 * config.l2), config.learning_rate), None
    return torch.optim.Adam(network.parameters(), config.learning_rate), None


def _warm_up(step: int, warmup_steps: int) -> float:
    share = (step + 1) / warmup_steps
    return min(share, share**-0.5)


def _decayed(network: Layers, decay: float) -> list[dict[str, Any]]:
    """Kernels under decay, all else without."""
    named = dict(network.layers.named_parameters())
    kernels = {name for name in named if REGULARISED.fullmatch(name)}
    parts = [[named[name] for name in names] for names in (sorted(kernels), sorted(set(named) - kernels))]
    return [{"params": parts[0], "weight_decay": decay}, {"params": parts[1]}]
