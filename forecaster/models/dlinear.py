"""DLinear: two linear maps of a decomposed window."""

from typing import Any, ClassVar

import keras
from keras.layers import Add, Flatten

from forecaster.models.keras_heads import join_heads, linear_head
from forecaster.models.keras_training import NetworkForecaster
from forecaster.models.layers.dropout import ByteDropout
from forecaster.models.layers.series_decomposition import SeriesDecomposition


class DLinearForecaster(NetworkForecaster):
    """Linear in the trend and in the remainder of the window, per horizon (Zeng et al. 2023, arXiv 2205.13504)."""

    name: ClassVar[str] = "dlinear"

    def build(self, lookback: int, n_features: int) -> keras.Model:
        """The network: 28,806 parameters at 60 days x 80 features."""
        config = self.settings.model
        window = keras.Input((lookback, n_features), name="window")
        trend, seasonal = SeriesDecomposition(config.kernel_size, name="decomposition")(window)
        trend = ByteDropout(config.dropout, name="drop_trend")(Flatten(name="flat_trend")(trend))
        seasonal = ByteDropout(config.dropout, name="drop_seasonal")(Flatten(name="flat_seasonal")(seasonal))
        heads = [self._head(h, trend, seasonal) for h in self.settings.horizons]
        return keras.Model(window, join_heads(heads), name=self.name)

    def _head(self, h: int, trend: Any, seasonal: Any) -> Any:
        parts = [linear_head(f"h{h}_trend")(trend), linear_head(f"h{h}_seasonal")(seasonal)]
        return Add(name=f"h{h}")(parts)
