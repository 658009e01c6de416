"""What steps found that not every run takes, as the report's entries."""

from typing import Any

from forecaster.settings import Config


class Further(Config):
    """Null where the step did not run.

    Attributes:
        tuning: model -> `n_trials, best, value, ...` of its study.
        uncertainty: model -> horizon -> `coverage_80, coverage_90, width_90, ...` on test.
        walk_forward: `n_splits`, scores per split, and `pooled` over all of them.
    """

    tuning: dict[str, Any] | None = None
    uncertainty: dict[str, Any] | None = None
    walk_forward: dict[str, Any] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Steps that ran."""
        return tuple(name for name in type(self).model_fields if getattr(self, name))
