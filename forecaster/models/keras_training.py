"""How every network learns: windows gathered in the graph, one fused loop per epoch, early stopping on validation.

How many threads TensorFlow may use is the process's affair, not a fit's: the workers of the pool set it in their
environment.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any, ClassVar, Self

import keras
import numpy as np
import tensorflow as tf

from forecaster.augment import draw_epoch
from forecaster.models.base import OnEpoch, Unfitted, ignore_epoch
from forecaster.models.keras_heads import rates, set_support, with_support
from forecaster.models.keras_loop import Predictor, TrainLoop, horizon_losses
from forecaster.models.keras_sampling import DropoutSampler
from forecaster.models.layers.warmup import Warmup
from forecaster.models.metadata import load_settings, read_metadata, required_file, restore, write_metadata
from forecaster.models.shrinkage import as_matrix, gain, lucky_gain, support
from forecaster.windows import Floats, Windows

FILE = "model.keras"
Callbacks = list[keras.callbacks.Callback]


class NetworkForecaster(Unfitted):
    """A Keras network that maps a window to one scaled log-return per horizon.

    A subclass gives `name` and `build`, and where it differs `optimizer` and `callbacks`.

    Attributes:
        network_: the fitted network; its output times `settings.target_scale` is in plain log-returns.
    """

    name: ClassVar[str]
    network_: keras.Model

    def build(self, lookback: int, n_features: int) -> keras.Model:
        """The untrained network: `(n, lookback, n_features)` to `(n, n_horizons)`, zero everywhere."""
        raise NotImplementedError

    def optimizer(self) -> keras.optimizers.Optimizer:
        """Adam (Kingma & Ba 2015), the gradient as a whole clipped to `clip_norm` (Pascanu et al. 2013)."""
        return keras.optimizers.Adam(self.learning_rate(), global_clipnorm=self.settings.training.clip_norm)

    def learning_rate(self) -> Any:
        """The optimizer's: constant, after a warm-up if there is one."""
        rate, steps = self.settings.model.learning_rate, self.settings.training.warmup_steps
        return Warmup(rate, steps) if steps else rate

    def layer_rates(self) -> dict[str, float]:
        """Layers that learn faster or more slowly than the rest, by name: multiples of the learning rate."""
        return {}

    def callbacks(self, monitor: str) -> Callbacks:
        """What else listens to the end of each epoch; `monitor` is the loss to watch."""
        return []

    def fit(self, train: Windows, val: Windows, on_epoch: OnEpoch = ignore_epoch) -> Self:
        """Fit until validation has not improved for `patience` epochs, and keep the best epoch's weights.

        What is watched is the loss, or in a fit that shrinks its forecast the gain that can be had from it. Such a fit
        ends with what validation supports of the forecast, in the last layer and in `length_`.

        Raises:
            ValueError: if a part holds no labelled window.
            FloatingPointError: if the loss stops being finite.
        """
        training = self.settings.training
        val = _require_windows(val.labelled, "validation")
        stopping = self._stopping(len(val))
        self._start(train.labelled)
        self._run(train.labelled, val, training.epochs, [stopping, *self.callbacks("val_loss")], on_epoch)
        self.length_ = (stopping.best_epoch + 1,)
        if training.shrinks:
            matrix = support(self._scaled(val), self._predictor.run(val).astype(np.float64), self.settings.horizons)
            self._shrink(matrix.ravel().tolist())
        return self

    def _stopping(self, n_val: int) -> keras.callbacks.EarlyStopping:
        """Keeps the best weights. Gains that luck may give win no patience: such a fit ends when it stops improving."""
        training = self.settings.training
        how: dict[str, Any] = {"monitor": "val_loss", "mode": "min"}
        if training.shrinks:
            lucky = lucky_gain(n_val, self.settings.horizons)
            how = {"monitor": "val_gain", "mode": "max", "baseline": lucky}
        return keras.callbacks.EarlyStopping(**how, patience=training.patience, restore_best_weights=True)

    def refit(self, train: Windows, length: tuple[int, ...], on_epoch: OnEpoch = ignore_epoch) -> Self:
        """Fit for `length` epochs on every window with at least one label; the loss leaves out what is missing.

        Epochs may be followed by what was supported of the forecast.

        Raises:
            ValueError: if there is no such window.
            FloatingPointError: if the loss stops being finite.
        """
        train = train.take(np.isfinite(train.y).any(axis=1))
        self._start(train)
        self._run(train, None, int(length[0]), self.callbacks("loss"), on_epoch)
        self.length_ = length[:1]
        if len(length) > 1:
            self._shrink(length[1:])
        return self

    def predict(self, windows: Windows) -> Floats:
        """Plain log-returns `(n, n_horizons)`."""
        predicted: Floats = self._predictor.run(windows).astype(np.float64) * np.asarray(self.settings.target_scale)
        return predicted

    def quantiles(self, windows: Windows, quantiles: tuple[float, ...], n_samples: int, seed: int) -> Floats:
        """Quantiles of `n_samples` forecasts with live dropout, plain log-returns: `(n, n_horizons, n_quantiles)`.

        They say how unsure the network is of its weights (Gal & Ghahramani 2016), not how far the market may move.
        """
        passes = DropoutSampler(self.network_).run(windows, n_samples, seed)  # (n_samples, n, n_horizons)
        spread = np.moveaxis(np.quantile(passes, quantiles, axis=0), 0, -1).astype(np.float64)
        plain: Floats = spread * np.asarray(self.settings.target_scale)[:, None]
        return plain

    def save(self, directory: Path) -> None:
        """Write `model.keras` and `metadata.json`."""
        self.network_.save(directory / FILE)
        _, lookback, n_features = self.network_.input_shape
        write_metadata(directory, self.name, self, ("keras", "tensorflow"), lookback=lookback, n_features=n_features)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote, in Keras' safe mode."""
        content = read_metadata(directory, cls.name)
        model = cls(load_settings(content))
        restore(model, content)
        model._use(keras.saving.load_model(required_file(directory, FILE), compile=False, safe_mode=True))
        return model

    def _use(self, network: keras.Model) -> None:
        self.network_, self._predictor = network, Predictor(network)

    def _start(self, train: Windows) -> None:
        _require_windows(train, "train")
        reset(self.settings.seed)
        with own_seeds(self.settings.seed):
            network = self.build(train.lookback, train.n_features)
        self._use(with_support(network) if self.settings.training.shrinks else network)
        self.n_parameters_ = sum(int(np.prod(weight.shape)) for weight in self.network_.trainable_weights)
        self.history_ = []

    def _run(self, train: Windows, val: Windows | None, epochs: int, callbacks: Callbacks, on_epoch: OnEpoch) -> None:
        network = self.network_
        network.stop_training, network.optimizer = False, self.optimizer()
        loop = TrainLoop(network, self.settings, train, self._rates())
        listeners = keras.callbacks.CallbackList(callbacks, model=network)
        listeners.on_train_begin()
        for epoch in range(1, epochs + 1):
            logs = self._run_epoch(loop, train, val, epoch)
            self.history_.append({"epoch": epoch, **logs})
            on_epoch(epoch, logs)
            listeners.on_epoch_end(epoch - 1, logs)
            if network.stop_training:
                break
        listeners.on_train_end()
        network.optimizer = None  # or its state, twice the weights, would be saved with them

    def _run_epoch(self, loop: TrainLoop, train: Windows, val: Windows | None, epoch: int) -> dict[str, float]:
        started = perf_counter()
        drawn = draw_epoch(train, self.settings.training, self.settings.seed, epoch)
        logs = self._logs("", loop.run(drawn))
        if val is not None:
            logs |= self._judge(val)
        if not np.isfinite(list(logs.values())).all():
            raise FloatingPointError(
                f"The loss must stay finite. Received: {logs} in epoch {epoch} of {self.name}. Lower its learning rate"
            )
        rate = float(tf.convert_to_tensor(self.network_.optimizer.learning_rate))
        return {**logs, "learning_rate": rate, "seconds": perf_counter() - started}

    def _judge(self, val: Windows) -> dict[str, float]:
        training, scaled, predicted = self.settings.training, self._scaled(val), self._predictor.run(val)
        losses = horizon_losses(tf.constant(scaled, tf.float32), tf.constant(predicted), training.huber_delta)
        logs = self._logs("val_", [total.numpy() / len(val) for total in losses[:-1]])
        return logs | ({"val_gain": gain(scaled, predicted, self.settings.horizons)} if training.shrinks else {})

    def _scaled(self, windows: Windows) -> Floats:
        scaled: Floats = windows.y / np.asarray(self.settings.target_scale)
        return scaled

    def _rates(self) -> list[float]:
        head = getattr(self.settings.model, "head_rate", 1.0)
        variables, learns_drift = self.network_.trainable_variables, self.settings.training.learns_drift
        return rates(variables, self.layer_rates(), head, learns_drift)

    def _shrink(self, numbers: Sequence[float]) -> None:
        set_support(self.network_, as_matrix(numbers, len(self.settings.horizons)))
        self.length_ += tuple(numbers)

    def _logs(self, prefix: str, losses: Sequence[Floats]) -> dict[str, float]:
        """Huber loss per horizon and weighted over all; absolute and squared error of scaled returns over all."""
        huber, absolute, squared = losses  # (n_horizons,) each
        logs = {f"{prefix}loss": float(huber @ self.settings.horizon_weights)}
        logs |= {f"{prefix}h{h}_loss": float(loss) for h, loss in zip(self.settings.horizons, huber, strict=True)}
        return logs | {f"{prefix}mae": float(np.mean(absolute)), f"{prefix}mse": float(np.mean(squared))}


def reset(seed: int) -> None:
    """Forget earlier networks, and seed everything random: a fit gives the same numbers first or after another."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)


@contextmanager
def own_seeds(seed: int) -> Iterator[None]:
    """Keras draws the seed of each layer from Python's global generator, which other threads of the process use too (a
    client that waits a random moment before it asks again): meanwhile, it has one of its own.
    """
    from keras.src.random import seed_generator

    shared = seed_generator.python_random
    seed_generator.python_random = Random(seed)
    try:
        yield
    finally:
        seed_generator.python_random = shared


def _require_windows(windows: Windows, part: str) -> Windows:
    if not len(windows):
        raise ValueError(f"A network needs labelled {part} windows. Received: none. Give more days")
    return windows
