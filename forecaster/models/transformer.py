"""Transformer: a small causal encoder."""

from typing import Any, ClassVar

import keras
from keras.layers import Add, Dense, GlobalAveragePooling1D, LayerNormalization

from forecaster.models.keras_heads import join_heads, linear_head
from forecaster.models.keras_training import NetworkForecaster
from forecaster.models.layers.causal_attention import CausalSelfAttention
from forecaster.models.layers.dropout import ByteDropout
from forecaster.models.layers.position_embedding import PositionEmbedding
from forecaster.models.layers.warmup import Warmup, WarmupDecay


class TransformerForecaster(NetworkForecaster):
    """Encoder with causal mask and learnable positions, normalised after each residual (Vaswani et al. 2017).

    Dropout acts where Vaswani et al. (5.4) put it - after the positions and on each sub-layer's output - and on
    attention weights and in the heads.
    """

    name: ClassVar[str] = "transformer"

    def build(self, lookback: int, n_features: int) -> keras.Model:
        """The network: 121,667 parameters at 60 days x 80 features."""
        config = self.settings.model
        window = keras.Input((lookback, n_features), name="window")
        x = PositionEmbedding(name="position")(Dense(config.d_model, name="projection")(window))
        x = ByteDropout(config.dropout, name="drop")(x)
        for layer in range(config.n_layers):
            x = self._block(x, f"block{layer + 1}")
        x = GlobalAveragePooling1D(name="pool")(x)
        return keras.Model(window, join_heads([self._head(x, f"h{h}") for h in self.settings.horizons]), name=self.name)

    def optimizer(self) -> keras.optimizers.Optimizer:
        """AdamW (Loshchilov & Hutter 2019)."""
        config, training = self.settings.model, self.settings.training
        return keras.optimizers.AdamW(
            self.learning_rate(), weight_decay=config.weight_decay, global_clipnorm=training.clip_norm
        )

    def learning_rate(self) -> Any:
        """A warm-up, then inverse square root decay, or where the recipe warms every network up: no decay."""
        config = self.settings.model
        schedule = Warmup if self.settings.training.warmup_steps else WarmupDecay
        return schedule(config.learning_rate, config.warmup_steps)

    def layer_rates(self) -> dict[str, float]:
        """Positions, which start as a fiftieth of what they are added to, may learn faster."""
        return {"position": self.settings.model.position_rate}

    def _block(self, x: Any, name: str) -> Any:
        """Attention and feed-forward, each with a way around it."""
        config = self.settings.model
        attended = CausalSelfAttention(config.n_heads, config.dropout, name=f"{name}_attention")(x)
        x = self._add_and_norm(x, attended, f"{name}_attention")
        hidden = Dense(config.ff_dim, activation="gelu", name=f"{name}_ff_hidden")(x)
        return self._add_and_norm(x, Dense(config.d_model, name=f"{name}_ff")(hidden), f"{name}_ff")

    def _add_and_norm(self, x: Any, change: Any, name: str) -> Any:
        change = ByteDropout(self.settings.model.dropout, name=f"{name}_drop")(change)
        return LayerNormalization(epsilon=1e-6, name=f"{name}_norm")(Add(name=f"{name}_residual")([x, change]))

    def _head(self, x: Any, name: str) -> Any:
        config = self.settings.model
        hidden = Dense(config.head_units, activation="relu", name=f"{name}_hidden")(x)
        return linear_head(name)(ByteDropout(config.dropout, name=f"{name}_drop")(hidden))
