"""A learning rate that rises, then falls."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="forecaster")
class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly to `peak` over `warmup_steps`, then stays.

    Args:
        peak: the learning rate from then on.
        warmup_steps: training steps until then.
    """

    def __init__(self, peak: float, warmup_steps: int) -> None:
        self.peak, self.warmup_steps = peak, warmup_steps

    def __call__(self, step: Any) -> Any:
        """Learning rate of `step`, from zero."""
        return self.peak * keras.ops.minimum((keras.ops.cast(step, "float32") + 1) / self.warmup_steps, 1.0)

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {"peak": self.peak, "warmup_steps": self.warmup_steps}


@keras.saving.register_keras_serializable(package="forecaster")
class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly to `peak` over `warmup_steps`, then falls with the inverse square root (Vaswani et al. 2017, 5.3).

    It knows no last step, so a refit of another length takes the same path.

    Args:
        peak: highest learning rate, reached at the end of the warm-up.
        warmup_steps: training steps until then.
    """

    def __init__(self, peak: float, warmup_steps: int) -> None:
        self.peak, self.warmup_steps = peak, warmup_steps

    def __call__(self, step: Any) -> Any:
        """Learning rate of `step`, from zero."""
        share = (keras.ops.cast(step, "float32") + 1) / max(self.warmup_steps, 1)
        return self.peak * keras.ops.minimum(share, keras.ops.rsqrt(share))

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {"peak": self.peak, "warmup_steps": self.warmup_steps}
