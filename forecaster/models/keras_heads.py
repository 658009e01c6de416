"""The heads of a network: one linear output per horizon, which starts at zero, and what is believed of them."""

import re
from collections.abc import Sequence
from typing import Any

import keras

from forecaster.windows import Floats

SUPPORT = "support"
HEAD = re.compile(r"h(\d+)(?:_trend|_seasonal)?")  # names of layers


def linear_head(name: str, regularizer: Any = None) -> keras.layers.Layer:
    """One output that starts as the zero forecast: kernel and bias are zero."""
    return keras.layers.Dense(1, kernel_initializer="zeros", kernel_regularizer=regularizer, name=name)


def join_heads(heads: list[Any]) -> Any:
    """Outputs of all horizons side by side: `(n, n_horizons)`."""
    return keras.layers.Concatenate(name="log_return")(heads) if len(heads) > 1 else heads[0]


def horizon_of(layer: str) -> int | None:
    """The horizon whose head the layer of this name is, or is part of; None for any other layer."""
    found = HEAD.fullmatch(layer)
    return int(found[1]) if found else None


def with_support(network: keras.Model) -> keras.Model:
    """The network and a last layer that lets every forecast pass as it is, does not learn, and can be set."""
    n = network.output_shape[-1]
    layer = keras.layers.Dense(n, use_bias=False, kernel_initializer="identity", trainable=False, name=SUPPORT)
    return keras.Model(network.input, layer(network.output), name=network.name)


def set_support(network: keras.Model, matrix: Floats) -> None:
    """Multiply forecasts by `matrix` `(n_horizons, n_horizons)` in the last layer: nothing else has to know of it."""
    network.get_layer(SUPPORT).set_weights([matrix.T])


def layer_of(path: str) -> str:
    """Name of the outermost layer to which the variable of this path belongs: `h7` for `h7/kernel`."""
    return path.split("/")[0]


def rates(variables: Sequence[Any], by_layer: dict[str, float], head: float, learns_drift: bool) -> list[float]:
    """Learning rate of each variable, as a multiple of the network's.

    The step of an output layer has to shrink as that of the layers before it grows, or it fits random features before
    those have learned anything (Yang et al. 2022, arXiv 2203.03466).

    Args:
        variables: with their paths.
        by_layer: multiples of whole layers, by name.
        head: that of the heads.
        learns_drift: whether the heads' biases move at all.
    """

    def rate(path: str) -> float:
        layer = layer_of(path)
        if horizon_of(layer) is None:
            return by_layer.get(layer, 1.0)
        return 0.0 if path.endswith("/bias") and not learns_drift else head

    return [rate(variable.path) for variable in variables]
