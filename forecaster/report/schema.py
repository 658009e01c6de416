"""`training_report.json`, typed. Horizons are strings ("1", "7", "30"), as JSON has them; NaN becomes null."""

import math
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from forecaster.calibration import Calibration
from forecaster.recipes import Recipe

Horizon = str


def _null(value: Any) -> Any:
    """JSON knows neither NaN nor infinity, at any depth."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _null(each) for key, each in value.items()}
    return [_null(each) for each in value] if isinstance(value, list | tuple) else value


Number = Annotated[float | None, BeforeValidator(_null)]
Anything = Annotated[dict[str, Any], BeforeValidator(_null)]
Horizons = dict[Horizon, Number]


class Part(BaseModel):
    """A frozen piece of the report, closed to misspelt names."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Data(Part):
    """The bars that came in, and what the quality checks found."""

    source: str
    simulated: bool
    first: date
    last: date
    rows: int
    sha256: str
    findings: list[str] = []
    stale_days: int = 0


class Split(Part):
    """One part: its origins, and the last day that a label of it reaches."""

    first_origin: date
    last_origin: date
    last_label: date
    n: int
    next_part: date | None = None


class Features(Part):
    """How many columns were engineered, and which were selected with which mean rank (null: always in)."""

    engineered: int
    selected: dict[str, Number] = {}


class Metrics(Part):
    """One model, part and horizon, in plain log-returns; `scaled_rmse` over the train targets' interquartile range."""

    rmse: Number = None
    scaled_rmse: Number = None
    mae: Number = None
    r2: Number = None
    directional_accuracy: Number = None
    skill_vs_zero: Number = None
    n: int | None = None


Scores = dict[Horizon, Metrics]


def train_val_gap(train: Scores, val: Scores) -> Horizons:
    """Val RMSE / train RMSE per horizon: the specification's overfitting ratio. Null where either is missing."""
    return {h: _ratio(val[h].rmse, train[h].rmse) for h in train if h in val}


def _ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None


class Baseline(Part):
    """A forecast that needs no network, scored as the models are."""

    train: Scores = {}
    val: Scores = {}
    test: Scores = {}
    gap: Horizons = {}

    @field_validator("gap")
    @classmethod
    def _follows_from_scores(cls, gap: Horizons, info: ValidationInfo) -> Horizons:
        return gap or train_val_gap(info.data.get("train", {}), info.data.get("val", {}))


class Model(Baseline):
    """One judged model. `epochs`: until its best validation loss; trees per horizon for LightGBM."""

    params: Anything = {}
    epochs: int | list[int] | None = None
    seconds: Number = None
    n_parameters: int | None = None


class Ensemble(Baseline):
    """How the models are combined, why so, and what came of it."""

    method: str
    why: str
    weights: dict[Horizon, Horizons] = {}
    weights_are: str | None = None
    weight_on_zero: Horizons = {}
    gate: Horizons = {}
    fallback: bool = False
    fallback_reason: str | None = None
    regime: str | None = None
    val_ratios: dict[str, Number] = {}


class Step(Part):
    """One step of the run: reused or not, because of what, how long, how often retried."""

    name: str
    cache: Literal["hit", "miss", "always"]
    because: str = ""
    seconds: Number = None
    retries: int = 0


class Environment(BaseModel):
    """Where it ran. Open to further facts."""

    model_config = ConfigDict(frozen=True, extra="allow")

    versions: dict[str, str] = {}
    cores: int | None = None
    device: str | None = None
    platform: str | None = None
    seed: int | None = None
    command: str | None = None
    seconds: Number = None


class TrainingReport(Part):
    """Everything a coin's run found. What is null did not run."""

    coin: str
    as_of: date
    run: str | None = None
    recipe: Annotated[
        Recipe,
        Field(description="How models were trained. Reports older than this field are of runs as specified."),
    ] = "specified"
    status: Literal["OK", "DEGRADED", "STALE"]
    reasons: list[str] = []
    data: Data
    splits: dict[str, Split]
    features: Features
    models: dict[str, Model]
    ensemble: Ensemble | None = None
    baselines: dict[str, Baseline]
    steps: list[Step] = []
    environment: Environment = Environment()
    plots: Annotated[list[str], Field(description="File names beside the report, for its pictures.")] = []
    tuning: Anything | None = None
    uncertainty: Anything | None = None
    calibration: Calibration | None = None
    walk_forward: Anything | None = None
    promotion: Anything | None = None
    retraining: Anything | None = None
    forecast: Anything | None = None
    leakage: Anything | None = None

    @property
    def contenders(self) -> dict[str, Baseline]:
        """Everything that was trained to be used: models, then the ensemble."""
        ensemble = {} if self.ensemble is None else {"advanced_ensemble": self.ensemble}
        return {**self.models, **ensemble}

    @property
    def rivals(self) -> dict[str, Baseline]:
        """Contenders and baselines, in the order of the tables."""
        return {**self.contenders, **self.baselines}

    @property
    def horizons(self) -> list[Horizon]:
        """Every horizon with a test score, shortest first."""
        return sorted({h for each in self.rivals.values() for h in each.test}, key=int)


def to_json(report: TrainingReport) -> str:
    """`training_report.json`: indented, and without NaN."""
    return report.model_dump_json(indent=2)
