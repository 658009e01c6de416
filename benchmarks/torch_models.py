"""The same four networks in PyTorch, as people write them: modules of torch.nn, batch first, float32.

No script of its own. Each network keeps its modules under the names that ours gives its layers, so that `load_weights`
can prove that both compute the same; see `tests/benchmarks/test_torch_models.py`. What Keras and PyTorch do by default
differently follows ours where it costs time (places of dropout, one output layer per horizon), and epsilons.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from forecaster.settings import DLinearConfig, EnhancedLSTMConfig, TCNConfig, TransformerConfig

KERAS_EPSILON = 1e-3  # of both normalisations


class Layers(nn.Module):
    """A network whose modules have the names of ours."""

    def __init__(self, layers: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(layers)

    def heads(self, inputs: Tensor, horizons: Sequence[int], suffix: str = "") -> Tensor:
        """One linear output per horizon: `(n, n_horizons)`."""
        return torch.cat([self.layers[f"h{h}{suffix}"](inputs) for h in horizons], dim=1)


class DLinear(Layers):
    """Linear in trend and remainder (Zeng et al. 2023)."""

    def __init__(self, config: DLinearConfig, lookback: int, n_features: int, horizons: Sequence[int]) -> None:
        parts = [f"h{h}_{part}" for h in horizons for part in ("trend", "seasonal")]
        super().__init__({part: nn.Linear(lookback * n_features, 1) for part in parts})
        self.horizons, self.drop = horizons, nn.Dropout(config.dropout)
        width = config.kernel_size
        self.average = nn.AvgPool1d(width, stride=1, padding=(width - 1) // 2, count_include_pad=False)

    def forward(self, x: Tensor) -> Tensor:
        trend = self.average(x.transpose(1, 2)).transpose(1, 2)
        parts = {"_trend": trend, "_seasonal": x - trend}
        return sum(self.heads(self.drop(part.flatten(1)), self.horizons, name) for name, part in parts.items())


class TCN(Layers):
    """Dilated causal convolutions with residuals (Bai et al. 2018)."""

    def __init__(self, config: TCNConfig, lookback: int, n_features: int, horizons: Sequence[int]) -> None:
        width, layers = config.filters, {}
        for block in range(1, config.n_blocks + 1):
            n_inputs = n_features if block == 1 else width
            if n_inputs != width:
                layers[f"block{block}_skip"] = nn.Conv1d(n_inputs, width, 1)
            for part, n in (("a", n_inputs), ("b", width)):
                layers[f"block{block}{part}_conv"] = nn.Conv1d(n, width, config.kernel_size, dilation=2 ** (block - 1))
                layers[f"block{block}{part}_norm"] = nn.BatchNorm1d(width, eps=KERAS_EPSILON, momentum=0.01)
        super().__init__(layers | {f"h{h}": nn.Linear(width, 1) for h in horizons})
        self.config, self.horizons, self.drop = config, horizons, nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(1, 2)  # (n, channels, lookback)
        for block in range(1, self.config.n_blocks + 1):
            skip = self.layers[f"block{block}_skip"](x) if f"block{block}_skip" in self.layers else x
            for part in ("a", "b"):
                x = self._convolution(x, f"block{block}{part}", dilation=2 ** (block - 1))
            x = x + skip
        return self.heads(self.drop(x[:, :, -1]), self.horizons)

    def _convolution(self, x: Tensor, name: str, dilation: int) -> Tensor:
        x = functional.pad(x, ((self.config.kernel_size - 1) * dilation, 0))
        x = self.layers[f"{name}_norm"](self.layers[f"{name}_conv"](x))
        return self.drop(functional.relu(x))


class Attention(nn.Module):
    """Weighs all time steps and sums them up (Bahdanau et al. 2015)."""

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.hidden, self.score = nn.Linear(width, units), nn.Linear(units, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.softmax(self.score(torch.tanh(self.hidden(x))), dim=1)
        return (weights * x).sum(dim=1)


class NormalizedLSTM(nn.Module):
    """Layer normalisation, then an LSTM in both directions."""

    def __init__(self, n_features: int, units: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(n_features, eps=KERAS_EPSILON)
        self.lstm = nn.LSTM(n_features, units, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.lstm(self.norm(x))[0]


class EnhancedLSTM(Layers):
    """Both directions, a residual layer, attention over time. nn.LSTM has a second bias, which Keras' has not."""

    def __init__(self, config: EnhancedLSTMConfig, lookback: int, n_features: int, horizons: Sequence[int]) -> None:
        both, residual = config.units
        layers = {
            "bidirectional": NormalizedLSTM(n_features, both),
            "lstm2": nn.LSTM(2 * both, residual, batch_first=True),
            "lstm2_skip": nn.Linear(2 * both, residual),
            "lstm2_norm": nn.LayerNorm(residual, eps=KERAS_EPSILON),
            "attention": Attention(residual, residual),
            "dense": nn.Linear(residual, config.dense_units),
            "norm_dense": nn.LayerNorm(config.dense_units, eps=KERAS_EPSILON),
        }
        super().__init__(layers | {f"h{h}": nn.Linear(config.dense_units, 1) for h in horizons})
        self.horizons, self.drop = horizons, nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        layers = self.layers
        x = self.drop(layers["bidirectional"](x))
        x = layers["lstm2_norm"](layers["lstm2"](x)[0] + layers["lstm2_skip"](x))
        x = layers["norm_dense"](layers["dense"](layers["attention"](x)))
        return self.heads(self.drop(x), self.horizons)


class Position(nn.Module):
    """Adds one learnable vector per time step."""

    def __init__(self, lookback: int, width: int) -> None:
        super().__init__()
        self.position = nn.Parameter(0.02 * torch.randn(lookback, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.position


class Transformer(Layers):
    """Causal encoder, normalised after each residual (Vaswani et al. 2017); attention as torch computes it fastest."""

    def __init__(self, config: TransformerConfig, lookback: int, n_features: int, horizons: Sequence[int]) -> None:
        width, attention = config.d_model, {"dropout": config.dropout, "batch_first": True}
        layers = {"projection": nn.Linear(n_features, width), "position": Position(lookback, width)}
        for block in range(1, config.n_layers + 1):
            layers[f"block{block}_attention"] = nn.MultiheadAttention(width, config.n_heads, **attention)
            layers[f"block{block}_attention_norm"] = nn.LayerNorm(width, eps=1e-6)
            layers[f"block{block}_ff_hidden"] = nn.Linear(width, config.ff_dim)
            layers[f"block{block}_ff"] = nn.Linear(config.ff_dim, width)
            layers[f"block{block}_ff_norm"] = nn.LayerNorm(width, eps=1e-6)
        for h in horizons:
            layers[f"h{h}_hidden"] = nn.Linear(width, config.head_units)
            layers[f"h{h}"] = nn.Linear(config.head_units, 1)
        super().__init__(layers)
        self.config, self.horizons, self.drop = config, horizons, nn.Dropout(config.dropout)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(lookback))

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(self.layers["position"](self.layers["projection"](x)))
        for block in range(1, self.config.n_layers + 1):
            x = self._block(x, f"block{block}")
        pooled = x.mean(dim=1)
        return torch.cat([self._head(pooled, f"h{h}") for h in self.horizons], dim=1)

    def _block(self, x: Tensor, name: str) -> Tensor:
        attend = self.layers[f"{name}_attention"]
        attended = attend(x, x, x, attn_mask=self.mask, is_causal=True, need_weights=False)[0]
        x = self.layers[f"{name}_attention_norm"](x + self.drop(attended))
        hidden = functional.gelu(self.layers[f"{name}_ff_hidden"](x))
        return self.layers[f"{name}_ff_norm"](x + self.drop(self.layers[f"{name}_ff"](hidden)))

    def _head(self, x: Tensor, name: str) -> Tensor:
        return self.layers[name](self.drop(functional.relu(self.layers[f"{name}_hidden"](x))))


NETWORKS = {"dlinear": DLinear, "tcn": TCN, "enhanced_lstm": EnhancedLSTM, "transformer": Transformer}


def load_weights(network: Layers, weights: Mapping[str, Sequence[np.ndarray]]) -> None:
    """Take over the weights of our network, given as `{layer: layer.get_weights()}` for every layer that has any.

    Raises:
        ValueError: if the networks differ in a layer's name; of a tensor's shape torch complains itself.
    """
    if set(weights) != set(network.layers):
        raise ValueError(f"Expected the same layers. Received: only in one {set(weights) ^ set(network.layers)}")
    with torch.no_grad():
        for name, module in network.layers.items():
            tensors = _in_torch_order(module, [torch.tensor(np.asarray(weight)) for weight in weights[name]])
            own = [tensor for tensor in module.state_dict().values() if tensor.ndim]  # without a counter
            for mine, theirs in zip(own, tensors, strict=True):
                if mine.shape != theirs.shape:
                    raise ValueError(f"{name}: expected {tuple(mine.shape)}. Received: {tuple(theirs.shape)}")
                mine.copy_(theirs)


def _in_torch_order(module: nn.Module, weights: list[Any]) -> list[Any]:
    """Tensors in the order and the shape of the module's `state_dict`."""
    if isinstance(module, NormalizedLSTM):
        return [*weights[:2], *_in_torch_order(module.lstm, weights[2:])]
    if isinstance(module, nn.LSTM):  # per direction: kernel, recurrent kernel, bias
        return [part for i in range(0, len(weights), 3) for part in _lstm_direction(*weights[i : i + 3])]
    if isinstance(module, nn.MultiheadAttention):  # kernel and bias of the joint projection, then of the output's
        return [weights[0].T, weights[1], weights[2].T, weights[3]]
    if isinstance(module, nn.Conv1d):
        return [weights[0].permute(2, 1, 0), weights[1]]
    if isinstance(module, nn.Linear | Attention):
        return [weight.T if weight.ndim == 2 else weight for weight in weights]
    return weights


def _lstm_direction(kernel: Any, recurrent: Any, bias: Any) -> list[Any]:
    return [kernel.T, recurrent.T, bias, torch.zeros_like(bias)]
