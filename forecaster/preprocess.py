"""From a frame with gaps and outliers to a base matrix without: fitted on train days, applied to all."""

from typing import Self

import numpy as np
import pandas as pd
from pydantic import model_validator
from sklearn.preprocessing import RobustScaler

from forecaster.settings import Config
from forecaster.windows import Floats

BLOCK_DAYS = 2048  # scaled at once: on the way to float32 they are copied several times as float64
BLOCK_COLUMNS = 16  # looked at at once: their quantiles take several copies too
CLIP = 10.0  # interquartile ranges: one flash crash must not dominate a window, a batch or a gradient


class Preprocessor(Config):
    """Scales each column by its median and interquartile range on train; a missing value becomes that median.

    The scaler is scikit-learn's `RobustScaler`, which leaves missing values out of its quantiles and gives a column
    whose interquartile range is zero the scale one.

    Attributes:
        columns: columns kept, in order: those with at least one value on train.
        center: train median of each, in the column's own unit.
        scale: train interquartile range of each, in the column's own unit.
        weight: by which each is multiplied once it is scaled; empty for all as they are.
    """

    columns: tuple[str, ...]
    center: tuple[float, ...]
    scale: tuple[float, ...]
    weight: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _has_one_center_and_scale_per_column(self) -> Self:
        if not len(self.columns) == len(self.center) == len(self.scale):
            raise ValueError(
                "A preprocessor needs one center and one scale per column. "
                f"Received: {len(self.columns)} columns, {len(self.center)} centers, {len(self.scale)} scales"
            )
        if len(self.weight) not in (0, len(self.columns)):
            raise ValueError(
                "A preprocessor needs one weight per column, or none at all. "
                f"Received: {len(self.columns)} columns, {len(self.weight)} weights"
            )
        return self

    @classmethod
    def fit(cls, frame: pd.DataFrame) -> Self:
        """Learn medians and ranges from train days `(n_days, n_columns)`; a column empty there is dropped.

        Raises:
            ValueError: if no column holds a single value.
        """
        center: dict[str, float] = {}
        scale: dict[str, float] = {}
        for start in range(0, frame.shape[1], BLOCK_COLUMNS):
            values = _finite_or_missing(frame.iloc[:, start : start + BLOCK_COLUMNS]).dropna(axis=1, how="all")
            if values.empty:
                continue
            scaler = RobustScaler().fit(values.to_numpy())
            center |= dict(zip(values.columns, scaler.center_.tolist(), strict=True))
            scale |= dict(zip(values.columns, scaler.scale_.tolist(), strict=True))
        if not center:
            raise ValueError(
                f"Train days must hold at least one value. Received: {frame.shape[0]} days x {frame.shape[1]} columns, "
                "all missing. Check the selected columns and the train boundary"
            )
        return cls(columns=tuple(center), center=tuple(center.values()), scale=tuple(scale.values()))

    def weighed(self, weight: Floats) -> Self:
        """The same, with each column multiplied by its weight: `(n_features,)`."""
        return self.model_copy(update={"weight": tuple(weight.tolist())})

    @property
    def n_features(self) -> int:
        """Columns of the base matrix."""
        return len(self.columns)

    def transform(self, frame: pd.DataFrame) -> Floats:
        """The base matrix of `frame`'s days: float32 `(n_days, n_features)`, finite, within +-`CLIP`.

        Raises:
            ValueError: if a column seen in `fit` is missing.
        """
        missing = [column for column in self.columns if column not in frame.columns]
        if missing:
            raise ValueError(
                f"Every column seen on train is needed. Received: a frame without {', '.join(missing)}. "
                "Compute the features with the version that this preprocessor was fitted with"
            )
        base: Floats = np.empty((len(frame), self.n_features), np.float32)
        for start in range(0, len(frame), BLOCK_DAYS):
            days = slice(start, start + BLOCK_DAYS)
            base[days] = self._scaled(frame.iloc[days][list(self.columns)])
        return base

    def _scaled(self, frame: pd.DataFrame) -> Floats:
        values = _finite_or_missing(frame).to_numpy()
        scaled = (values - np.asarray(self.center)) / np.asarray(self.scale)
        inside: Floats = np.nan_to_num(scaled.clip(-CLIP, CLIP), nan=0.0)  # zero is the median
        return inside * np.asarray(self.weight) if self.weight else inside

    def to_json(self) -> str:
        """All of it as JSON; floats survive exactly."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        return cls.model_validate_json(text)


def target_scale(y: Floats) -> tuple[float, ...]:
    """Interquartile range of each horizon's train targets `(n, n_horizons)`, missing ones left out; not centred.

    Raises:
        ValueError: if a horizon has no label.
    """
    if not np.isfinite(y).any(axis=0).all():
        raise ValueError(
            f"Every horizon needs a label. Received: {np.isfinite(y).sum(axis=0).tolist()} labels per horizon. "
            "Give more days, or shorter horizons"
        )
    scale: list[float] = RobustScaler(with_centering=False).fit(y).scale_.tolist()
    return tuple(scale)


def _finite_or_missing(frame: pd.DataFrame) -> pd.DataFrame:
    """As float64, with infinities (a division by zero volume, say) counted as missing."""
    return frame.astype(np.float64).replace([np.inf, -np.inf], np.nan)
