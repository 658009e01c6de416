"""Enhanced LSTM: both directions, then a residual layer, then attention over time."""

from typing import Any, ClassVar

import keras
import numpy as np
from keras.layers import Add, Dense, LayerNormalization

from forecaster.models.keras_heads import join_heads, linear_head
from forecaster.models.keras_loop import Predictor
from forecaster.models.keras_training import NetworkForecaster
from forecaster.models.layers.additive_attention import TimeAttention
from forecaster.models.layers.block_lstm import BlockLSTM
from forecaster.models.layers.dropout import ByteDropout
from forecaster.models.layers.normalized_bidirectional import NormalizedBidirectional
from forecaster.windows import Floats, Windows


class EnhancedLSTMForecaster(NetworkForecaster):
    """Bidirectional LSTM, residual LSTMs, Bahdanau attention (Hochreiter & Schmidhuber 1997; Bahdanau et al. 2015)."""

    name: ClassVar[str] = "enhanced_lstm"

    def build(self, lookback: int, n_features: int) -> keras.Model:
        """The network: 101,507 parameters at 80 features."""
        config = self.settings.model
        window = keras.Input((lookback, n_features), name="window")
        x = NormalizedBidirectional(self._lstm(config.units[0], "lstm1"), name="bidirectional")(window)
        x = ByteDropout(config.dropout, name="drop_bidirectional")(x)
        for layer, units in enumerate(config.units[1:], start=2):
            x = self._residual_lstm(x, units, f"lstm{layer}")
        context, _ = TimeAttention(config.units[-1], name="attention")(x)
        x = LayerNormalization(name="norm_dense")(self._dense(config.dense_units, "dense")(context))
        x = ByteDropout(config.dropout, name="drop_dense")(x)
        heads = [linear_head(f"h{h}", self._l2)(x) for h in self.settings.horizons]
        return keras.Model(window, join_heads(heads), name=self.name)

    def layer_rates(self) -> dict[str, float]:
        """The attention, which begins by weighing all days alike, may learn faster."""
        return {"attention": self.settings.model.attention_rate}

    def attention(self, windows: Windows) -> Floats:
        """How much each day of each window counts: `(n, lookback)`, rows sum to one."""
        weights = keras.Model(self.network_.input, self.network_.get_layer("attention").output[1])
        return Predictor(weights).run(windows).astype(np.float64)

    @property
    def _l2(self) -> keras.regularizers.Regularizer:
        return keras.regularizers.L2(self.settings.model.l2)

    def _lstm(self, units: int, name: str) -> keras.layers.Layer:
        return BlockLSTM(units, return_sequences=True, kernel_regularizer=self._l2, name=name)

    def _dense(self, units: int, name: str) -> keras.layers.Layer:
        return Dense(units, kernel_regularizer=self._l2, name=name)

    def _residual_lstm(self, x: Any, units: int, name: str) -> Any:
        """An LSTM and a linear way around it, normalised."""
        paths = [self._lstm(units, name)(x), self._dense(units, f"{name}_skip")(x)]
        return LayerNormalization(name=f"{name}_norm")(Add(name=f"{name}_residual")(paths))
