"""Every setting that a user can make, once: command line, Prefect form and YAML are three views of `RunConfig`.

Steps are handed the small typed views of it that `forecaster.settings` defines.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from forecaster.recipes import Recipe, model_settings, select_settings, training_settings
from forecaster.settings import (
    COINS,
    MODELS,
    Coin,
    Config,
    DataConfig,
    SelectConfig,
    SplitConfig,
    StackingConfig,
    TrainingConfig,
    Tunable,
    TuningConfig,
    UncertaintyConfig,
    WalkForwardConfig,
)


class RunConfig(Config):
    """One night of retraining."""

    crypto: Annotated[
        tuple[Coin, ...],
        Field(
            min_length=1, description=f"Coins to retrain, out of {', '.join(COINS)}; in a shell with commas between."
        ),
    ] = ("BTC",)
    epochs: Annotated[
        int, Field(ge=1, description="Most epochs a network trains; early stopping may end it sooner.")
    ] = 100
    recipe: Annotated[
        Recipe,
        Field(description="How models are trained: `learning`, or `specified`: to the letter of the specification."),
    ] = "learning"
    batch_size: Annotated[int, Field(ge=1, description="Windows per training step.")] = 32
    seq_length: Annotated[int, Field(ge=10, description="Lookback window in days.")] = 60
    max_features: Annotated[
        int,
        Field(
            ge=1, description="Features kept: those that say most about the returns. Six cross-asset columns join them."
        ),
    ] = 80
    folds: Annotated[
        int, Field(ge=2, description="Time-series folds for the out-of-fold predictions of the stack.")
    ] = 5
    no_dlinear: Annotated[bool, Field(description="Skip the DLinear model.")] = False
    no_tcn: Annotated[bool, Field(description="Skip the TCN model.")] = False
    no_lstm: Annotated[bool, Field(description="Skip the LSTM model.")] = False
    no_transformer: Annotated[bool, Field(description="Skip the Transformer model.")] = False
    no_lightgbm: Annotated[bool, Field(description="Skip the LightGBM model.")] = False
    no_ensemble: Annotated[bool, Field(description="Skip the ensemble, and with it the folds it learns from.")] = False
    tune: Annotated[
        bool, Field(description="Search hyperparameters first: one Optuna study per coin and model, kept and resumed.")
    ] = False
    tune_trials: Annotated[int, Field(ge=1, description="Trials per study, those of an interrupted run included.")] = 20
    tune_timeout: Annotated[
        int, Field(ge=1, description="Most seconds that the trials of one study may compute, added up over workers.")
    ] = 3600
    tune_models: Annotated[
        tuple[Tunable, ...],
        Field(min_length=1, description=f"Models to tune, out of {', '.join(get_args(Tunable))}."),
    ] = ("lstm", "transformer", "lightgbm")
    walk_forward: Annotated[
        bool, Field(description="After training, refit and score on successive later spans of days.")
    ] = False
    wf_splits: Annotated[int, Field(ge=1, description="Walk-forward splits.")] = 5
    wf_min_train: Annotated[
        int,
        Field(
            ge=250,
            description="Fewest labelled origins before a walk-forward split, those that stop its fits included.",
        ),
    ] = 1000
    wf_rolling: Annotated[
        bool, Field(description="Keep each split's train part as long as the first one's, instead of letting it grow.")
    ] = False
    no_uncertainty: Annotated[
        bool, Field(description="Skip the intervals of Monte Carlo dropout and of quantile trees.")
    ] = False
    mc_samples: Annotated[
        int, Field(ge=2, description="Forward passes with live dropout behind each interval of a network.")
    ] = 50
    no_advanced_mlflow: Annotated[
        bool, Field(description="Log figures and files only: no interactive curves, model cards or loadable model.")
    ] = False
    promote: Annotated[
        bool | None,
        Field(
            description="Serve this run from now on if it proves itself beside the champion. "
            "Default: in deployments on real bars, not by hand."
        ),
    ] = None
    data_dir: Annotated[
        Path | None,
        Field(
            description="Folder with {COIN}.parquet or {COIN}.csv daily bars. Without it the simulated market serves."
        ),
    ] = None
    as_of: Annotated[
        date | None, Field(description="Last day to use, YYYY-MM-DD. Default: the last closed UTC day.")
    ] = None
    signal: Annotated[
        float, Field(ge=0, lt=1, description="Simulated market only: R2 at one day of a planted, learnable signal.")
    ] = 0.0
    output_dir: Annotated[Path, Field(description="Where plots and reports go.")] = Path("training_output")
    artifacts_dir: Annotated[Path, Field(description="Where models, pointers and the cache live.")] = Path("artifacts")
    tracking_uri: Annotated[str, Field(description="MLflow tracking URI.")] = "sqlite:///mlflow.db"
    seed: Annotated[int, Field(ge=0, description="Seed of everything random.")] = 42
    jobs: Annotated[
        int | None,
        Field(
            ge=1,
            description="Worker processes, shared by all coins. Default: one per GPU, or without any one per core.",
        ),
    ] = None

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models to train, in the specification's order."""
        skipped = {
            "dlinear": self.no_dlinear,
            "tcn": self.no_tcn,
            "enhanced_lstm": self.no_lstm,
            "transformer": self.no_transformer,
            "lightgbm": self.no_lightgbm,
        }
        return tuple(name for name in MODELS if not skipped[name])

    @property
    def source(self) -> Literal["simulated", "folder"]:
        """Kind of market the bars come from; pointers and state are kept apart by it."""
        return "simulated" if self.data_dir is None else "folder"

    def promotes(self, deployed: bool) -> bool:
        """Whether the run may become champion: as asked, else where a deployment `deployed` it on real bars."""
        return self.promote if self.promote is not None else deployed and self.source != "simulated"

    @property
    def data(self) -> DataConfig:
        """What `prepare` reads."""
        if self.data_dir is not None:
            return DataConfig(data_dir=self.data_dir, as_of=self.as_of)
        return DataConfig(as_of=self.as_of, signal=self.signal, seed=self.seed)

    @property
    def split(self) -> SplitConfig:
        """What decides windows and boundaries."""
        return SplitConfig(lookback=self.seq_length, n_folds=self.folds)

    @property
    def select(self) -> SelectConfig:
        """What decides the columns."""
        return select_settings(self.recipe, max_features=self.max_features, seed=self.seed)

    @property
    def training(self) -> TrainingConfig:
        """What the networks share."""
        return training_settings(self.recipe).model_copy(update={"epochs": self.epochs, "batch_size": self.batch_size})

    @property
    def stacking(self) -> StackingConfig:
        """What the ensemble reads."""
        return StackingConfig(seed=self.seed)

    @property
    def tuning(self) -> TuningConfig:
        """What decides a study, but for the time it may take."""
        return TuningConfig(n_trials=self.tune_trials, n_folds=min(TuningConfig().n_folds, self.folds), seed=self.seed)

    @property
    def tuned_models(self) -> tuple[str, ...]:
        """Names of the models to tune; those that are skipped are not."""
        asked = {"enhanced_lstm" if name == "lstm" else name for name in self.tune_models}
        return tuple(name for name in self.models if self.tune and name in asked)

    @property
    def walking(self) -> WalkForwardConfig:
        """What divides the days of the walk-forward evaluation."""
        return WalkForwardConfig(n_splits=self.wf_splits, min_train=self.wf_min_train, rolling=self.wf_rolling)

    @property
    def uncertainty(self) -> UncertaintyConfig:
        """What decides the intervals."""
        return UncertaintyConfig(mc_samples=self.mc_samples, seed=self.seed)

    def model(self, name: str) -> Any:
        """The settings of one model, before any tuning."""
        return model_settings(self.recipe, name)

    @model_validator(mode="after")
    def _trains_something(self) -> Self:
        if not self.models:
            raise ValueError(
                "At least one model must be trained. Received: every model skipped. Drop one --no-... flag."
            )
        if self.tune and not self.tuned_models:
            raise ValueError(
                f"`tune` needs a model that is trained. Received: tune_models={','.join(self.tune_models)}, all "
                "skipped. Name another one, or drop its --no-... flag."
            )
        if self.signal and self.data_dir is not None:
            raise ValueError(f"`signal` is for the simulated market only. Received: data_dir={self.data_dir}")
        if len(set(self.crypto)) < len(self.crypto):
            raise ValueError(f"Each coin may be named once. Received: crypto={','.join(self.crypto)}")
        return self
