"""The training steps of one epoch as one TensorFlow call; predictions in large batches."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from forecaster.augment import Epoch
from forecaster.models.base import FitSettings
from forecaster.models.keras_averaging import WeightAverage
from forecaster.windows import Floats, Windows

PREDICT_BATCH = 256


class Predictor:
    """Runs `network` without dropout over windows that it gathers itself; traced once, for series of any length."""

    def __init__(self, network: keras.Model) -> None:
        _, lookback, n_features = network.input_shape
        base, origin = tf.TensorSpec([None, n_features], tf.float32), tf.TensorSpec([None], tf.int32)
        self._run_batch = tf.function(self._forward, input_signature=[base, origin], autograph=False)
        self._network, self._days, self._n_outputs = network, tf.range(1 - lookback, 1), network.output_shape[-1]

    def run(self, windows: Windows) -> Floats:
        """The network's output for every window: float32 `(n, n_outputs)`."""
        base = tf.constant(windows.base, tf.float32)
        out = np.empty((len(windows), self._n_outputs), np.float32)
        for start in range(0, len(windows), PREDICT_BATCH):
            batch = slice(start, start + PREDICT_BATCH)
            out[batch] = self._run_batch(base, tf.constant(windows.origin[batch], tf.int32)).numpy()
        return out

    def _forward(self, base: Any, origin: Any) -> Any:
        return self._network(tf.gather(base, origin[:, None] + self._days), training=False)


class TrainLoop:
    """Gathers windows by their origin, adds noise, and steps the optimizer of `network`, a batch at a time.

    A whole epoch is one graph: between steps there is no Python, and of the windows only one batch exists.
    """

    def __init__(
        self, network: keras.Model, settings: FitSettings, train: Windows, rates: Sequence[float] | None = None
    ) -> None:
        self.network, self.settings = network, settings
        self.rates = rates or [1.0] * len(network.trainable_variables)
        self.weights = tf.constant(settings.horizon_weights, tf.float32)
        self.days = tf.range(1 - train.lookback, 1)
        self.base = tf.constant(train.base, tf.float32)
        self.origin = tf.constant(train.origin, tf.int32)
        self.y = tf.constant(train.y / np.asarray(settings.target_scale), tf.float32)
        self.average = WeightAverage(network, memory) if (memory := settings.training.weight_memory) else None
        network.optimizer.build(network.trainable_variables)
        network.optimizer._backend_update_step = self._update
        self._run = tf.function(self._steps, autograph=False)  # which would leave a file in the temporary folder

    def run(self, epoch: Epoch) -> Sequence[Floats]:
        """Train on one epoch: mean Huber, absolute and squared error per horizon, each `(n_horizons,)`.

        Afterwards the network has the average of its weights, where one is kept, until the next epoch.
        """
        if self.average:
            self.average.resume()
        noise, drawn = tf.constant(epoch.noise), [tf.constant(each) for each in epoch.per_window]
        *totals, n_labels = (total.numpy() for total in self._run(noise, drawn))
        if self.average:
            self.average.show()
        return [total / np.maximum(n_labels, 1) for total in totals]

    def _steps(self, noise: Any, drawn: list[Any]) -> Any:
        size, n = self.settings.training.batch_size, tf.shape(drawn[0])[0]

        def step(start: Any, totals: Any) -> Any:
            batch = slice(start, start + size)
            return start + size, totals + self._step(*self._batch(noise, *(each[batch] for each in drawn)))

        first = (tf.constant(0), tf.zeros((4, len(self.settings.horizons))))
        return tf.unstack(tf.while_loop(lambda start, _: start < n, step, first)[1])

    def _batch(
        self, noise: Any, which: Any, factor: Any, noise_end: Any, other: Any, own_from: Any, shown: Any
    ) -> tuple[Any, Any]:
        """Windows and their scaled targets."""
        own, others = (tf.gather(self.origin, each)[:, None] + self.days for each in (which, other))
        is_own = tf.range(self.days.shape[0]) >= own_from[:, None]
        x = tf.gather(self.base, tf.where(is_own, own, others))  # (n, lookback, n_features)
        x = x * (factor[:, None] * shown)[:, None] + tf.gather(noise, noise_end[:, None] + self.days)
        return x, tf.gather(self.y, which)

    def _step(self, x: Any, y: Any) -> Any:
        variables = self.network.trainable_variables
        with tf.GradientTape() as tape:
            losses = horizon_losses(y, self.network(x, training=True), self.settings.training.huber_delta)
            huber = tf.math.divide_no_nan(losses[0], losses[3])  # mean over the labelled
            loss = tf.reduce_sum(huber * self.weights) + sum(self.network.losses)
        self.network.optimizer.apply(tape.gradient(loss, variables), variables)
        if self.average:
            self.average.update()
        return tf.stack(losses)

    def _update(self, gradients: Any, variables: Any, learning_rate: Any) -> None:
        """Adam's step of each variable as one operation of TensorFlow; Keras' own takes a dozen.

        Keras would also sum over replicas first, even over one: such a graph is never freed.
        """
        adam = self.network.optimizer
        t = tf.cast(adam.iterations + 1, tf.float32)
        shared = {"beta1": adam.beta_1, "beta2": adam.beta_2, "epsilon": adam.epsilon}
        shared |= {"beta1_power": tf.pow(adam.beta_1, t), "beta2_power": tf.pow(adam.beta_2, t)}
        for gradient, variable, rate in zip(gradients, variables, self.rates, strict=True):
            place = adam._get_variable_index(variable)
            state = {"m": adam._momentums[place].value.handle, "v": adam._velocities[place].value.handle}
            handle, step = variable.value.handle, learning_rate * rate
            tf.raw_ops.ResourceApplyAdam(var=handle, grad=gradient, lr=step, **state, **shared)


def horizon_losses(y: Any, predicted: Any, delta: float) -> tuple[Any, Any, Any, Any]:
    """Sums over a batch of Huber, absolute and squared error, and the number of labels: `(n_horizons,)` each.

    A missing target counts for nothing, in the sums and in the gradient.
    """
    is_labelled = tf.math.is_finite(y)
    error = tf.abs(tf.where(is_labelled, y - predicted, 0.0))
    inner = tf.minimum(error, delta)
    huber = 0.5 * tf.square(inner) + delta * (error - inner)
    sums = [tf.reduce_sum(part, axis=0) for part in (huber, error, tf.square(error))]
    return sums[0], sums[1], sums[2], tf.reduce_sum(tf.cast(is_labelled, tf.float32), axis=0)
