"""TCN: dilated causal convolutions with residuals."""

from typing import Any, ClassVar

import keras
from keras.layers import Activation, Add

from forecaster.models.keras_heads import join_heads, linear_head
from forecaster.models.keras_training import NetworkForecaster
from forecaster.models.layers.causal_convolution import CausalConv1D
from forecaster.models.layers.dropout import ByteDropout
from forecaster.models.layers.fused_batch_norm import FusedBatchNormalization
from forecaster.models.layers.last_step import LastStep
from forecaster.models.layers.time_first import TimeFirst


class TCNForecaster(NetworkForecaster):
    """Temporal convolutional network (Bai et al. 2018, arXiv 1803.01271); one step sees `receptive_field` days."""

    name: ClassVar[str] = "tcn"

    @property
    def receptive_field(self) -> int:
        """Days the last step depends on: `1 + 2 (kernel_size - 1)` times the sum of the dilations."""
        config = self.settings.model
        return int(1 + 2 * (config.kernel_size - 1) * (2**config.n_blocks - 1))

    def build(self, lookback: int, n_features: int) -> keras.Model:
        """The network: 32,643 trainable parameters at 80 features (33,155 with BatchNorm's running statistics)."""
        config = self.settings.model
        window = keras.Input((lookback, n_features), name="window")
        x = TimeFirst(name="time_first")(window)  # (lookback, n, n_features)
        for block in range(config.n_blocks):
            x = self._block(x, dilation=2**block, name=f"block{block + 1}")
        last = ByteDropout(config.dropout, name="drop")(LastStep(time_axis=0, name="last_step")(x))
        heads = [linear_head(f"h{h}")(last) for h in self.settings.horizons]
        return keras.Model(window, join_heads(heads), name=self.name)

    def callbacks(self, monitor: str) -> list[keras.callbacks.Callback]:
        """Halve the learning rate when the loss stalls."""
        config = self.settings.model
        if config.plateau_patience is None:
            return []
        factor, patience = config.plateau_factor, config.plateau_patience
        return [keras.callbacks.ReduceLROnPlateau(monitor, factor=factor, patience=patience)]

    def _block(self, x: Any, dilation: int, name: str) -> Any:
        """Two dilated convolutions, and a way around them."""
        filters = self.settings.model.filters
        skip = x if x.shape[-1] == filters else CausalConv1D(filters, 1, name=f"{name}_skip")(x)
        for part in ("a", "b"):
            x = self._convolution(x, dilation, f"{name}{part}")
        return Add(name=name)([x, skip])

    def _convolution(self, x: Any, dilation: int, name: str) -> Any:
        config = self.settings.model
        filters, kernel_size = config.filters, config.kernel_size
        x = CausalConv1D(filters, kernel_size, dilation, name=f"{name}_conv")(x)
        x = FusedBatchNormalization(name=f"{name}_norm")(x)
        return ByteDropout(config.dropout, name=f"{name}_drop")(Activation("relu", name=f"{name}_relu")(x))
