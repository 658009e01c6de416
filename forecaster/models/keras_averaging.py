"""The moving average of a network's weights: smoother than any one step's, and what is judged and kept."""

import keras
import tensorflow as tf


class WeightAverage:
    """Exponential moving average of all weights, batch normalisation's statistics included (Polyak & Juditsky 1992).

    It starts from nothing and is corrected for that (Kingma & Ba 2015, section 3), so that it never remembers the
    untrained network.

    Args:
        network: whose weights.
        memory: share that remains after a step.
    """

    def __init__(self, network: keras.Model, memory: float) -> None:
        self._live = [v for v in network.variables if v.dtype.startswith("float")]
        self._total = [tf.Variable(tf.zeros_like(v.value)) for v in self._live]
        self._mass, self._memory = tf.Variable(0.0), memory
        self._kept: list[tf.Tensor] = []

    def update(self) -> None:
        """Take in the weights as they are; part of the graph of a training step."""
        for total, live in zip(self._total, self._live, strict=True):
            total.assign(self._memory * total + (1 - self._memory) * live.value)
        self._mass.assign(self._memory * self._mass + 1 - self._memory)

    def show(self) -> None:
        """Put the average in the place of the weights, until `resume`."""
        self._kept = [tf.identity(live.value) for live in self._live]
        for live, total in zip(self._live, self._total, strict=True):
            live.assign(total / self._mass)

    def resume(self) -> None:
        """Put the weights back where training left them."""
        for live, kept in zip(self._live, self._kept, strict=False):
            live.assign(kept)
        self._kept = []
