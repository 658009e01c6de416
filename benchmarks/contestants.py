"""What a team of processes can be asked to train: the project's networks and plain Keras, and a matrix product.

No script of its own. Libraries are imported where they run: a process that trains with PyTorch never loads TensorFlow.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.workload import LOOKBACK, N_FEATURES, SEED, draw_passes, draw_windows, settings
from forecaster.models.registry import model_class
from forecaster.windows import Floats

SIDE = 2048  # of the square matrices whose product measures the peak
N_PRODUCTS = 4


def ours(name: str) -> Callable[[], float]:
    """The project's network in the project's training loop; returns the samples of a pass."""
    import keras

    from forecaster.models.keras_loop import TrainLoop

    keras.backend.clear_session()
    model: Any = model_class(name)(settings(name))
    network = model.build(LOOKBACK, N_FEATURES)
    network.optimizer = model.optimizer()
    loop, passes = TrainLoop(network, model.settings, draw_windows()), draw_passes(name)

    def train() -> float:
        drawn = next(passes)
        loop.run(drawn)
        return float(len(drawn))

    return train


def plain_keras(name: str) -> Callable[[], float]:
    """The same network of Keras' own layers in Keras' own `fit`."""
    from benchmarks.plain_keras import train_plain

    return train_plain(name)


def pytorch(name: str) -> Callable[[], float]:
    """The same network in PyTorch, in the loop that people write."""
    from benchmarks.torch_training import train_torch

    return train_torch(name)


def matrix_product(name: str) -> Callable[[], float]:
    """Products of large float32 matrices, TensorFlow's fastest; returns their floating-point operations."""
    import tensorflow as tf

    square = tf.random.normal((SIDE, SIDE))
    multiply = tf.function(lambda x: tf.linalg.matmul(x, x)).get_concrete_function(square)

    def run() -> float:
        for _ in range(N_PRODUCTS):
            multiply(square)
        return 2.0 * N_PRODUCTS * SIDE**3

    return run


def describe(name: str) -> tuple[int, float]:
    """A network's trainable parameters, and the floating-point operations of one training step per sample."""
    network = model_class(name)(settings(name)).build(LOOKBACK, N_FEATURES)  # type: ignore[attr-defined]
    n_parameters = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    return n_parameters, 2.0 * multiply_adds(network)


def weights_and_answer(name: str) -> tuple[dict[str, list[Floats]], Floats, Floats]:
    """Our network's weights by layer, moved off their start at random, windows, and what it says to them."""
    rng, windows = np.random.default_rng(SEED), draw_windows()
    network = model_class(name)(settings(name)).build(LOOKBACK, N_FEATURES)  # type: ignore[attr-defined]
    for layer in network.layers:
        layer.set_weights([weight + 0.1 * rng.random(weight.shape) for weight in layer.get_weights()])
    weights = {layer.name: layer.get_weights() for layer in network.layers if layer.get_weights()}
    x = windows.take(slice(0, 32)).x
    return weights, x, np.asarray(network(x, training=False))


def describe_pytorch(name: str) -> tuple[int, int]:
    """Trainable parameters of PyTorch's network, and how many threads PyTorch uses here."""
    import torch

    from benchmarks.torch_training import build

    return sum(parameter.numel() for parameter in build(name).parameters()), torch.get_num_threads()


def pytorch_answer(name: str, weights: dict[str, list[Floats]], x: Floats) -> Floats:
    """What PyTorch's network says to windows `x`, given our network's weights."""
    from benchmarks.torch_training import predict_with

    return predict_with(name, weights, x)


def multiply_adds(network: Any) -> int:
    """Multiply-adds that one sample takes in one training step, counted from the network's layers.

    Forward, a kernel counts once for every time step that its layer is given, and attention's products of all pairs of
    time steps count in full. Backward each counts twice, for the gradients of its kernel and of its input; the latter
    only where weights come before. What is added or scaled number by number, moving averages included, does not count.
    """
    total, learned = 0, set()  # learned: tensors that weights have touched
    for layer in network.layers[1:]:  # without the input
        needs_gradient = bool(_ids(layer.input) & learned)
        total += _multiply_adds_of(layer, needs_gradient)
        if layer.weights or needs_gradient:
            learned |= _ids(layer.output)
    return total


def _multiply_adds_of(layer: Any, needs_gradient: bool) -> int:
    kernels = [weight for weight in layer.weights if weight.name.endswith("kernel")]
    if not kernels:
        return 0
    *axes, width = layer.input.shape
    n_steps = int(np.prod([size for size in axes if size]))  # one step where time is gone
    of_input = 3 if needs_gradient else 2
    factors = [of_input if kernel.name == "kernel" else 3 for kernel in kernels]  # the rest is recurrent
    products = sum(factor * int(np.prod(kernel.shape)) for factor, kernel in zip(factors, kernels, strict=True))
    pairs = 3 * 2 * n_steps**2 * width if type(layer).__name__ == "CausalSelfAttention" else 0
    return n_steps * products + pairs


def _ids(tensors: Any) -> set[int]:
    import tensorflow as tf

    return {id(tensor) for tensor in tf.nest.flatten(tensors)}
