"""What steps are handed: small typed values with their defaults, so that a step's cache key holds what it reads."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

Coin = Literal["BTC", "ETH", "LTC", "XRP", "DOGE"]
COINS: tuple[Coin, ...] = get_args(Coin)
HORIZONS = (1, 7, 30)  # days ahead
NETWORKS = ("dlinear", "tcn", "enhanced_lstm", "transformer")
MODELS = (*NETWORKS, "lightgbm")  # also the names of the artifact folders
Tunable = Literal["dlinear", "tcn", "lstm", "transformer", "lightgbm"]  # as the command line calls them
BASELINES = ("zero", "mean", "ridge")
ENSEMBLE = "advanced_ensemble"
JUDGED = "judged"  # name of the fold whose fit is scored; the others are out-of-fold folds and the serving refit

Fraction = Annotated[float, Field(gt=0, lt=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]


def partner_of(coin: str) -> Coin:
    """The coin whose returns, RSI and volatility are shown to `coin`: ETH to Bitcoin, Bitcoin to all others."""
    return "ETH" if coin == "BTC" else "BTC"


class Config(BaseModel):
    """A frozen value: hashable into a cache key, and closed to misspelt names."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class DataConfig(Config):
    """Where bars come from and which days of them count."""

    data_dir: Path | None = None
    as_of: date | None = None
    signal: float = 0.0
    seed: int = 42


class SplitConfig(Config):
    """Windows, horizons, and the dated boundaries between train, val and test."""

    lookback: int = 60
    horizons: tuple[int, ...] = HORIZONS
    train: Fraction = 0.70
    val: Fraction = 0.15
    anchor_days: int = 30  # boundaries move only when a multiple of this many days since 1970-01-01 has passed
    n_folds: int = 5
    min_fold_origins: int = 250  # a fold with fewer train origins is dropped
    stop_share: Fraction = 0.15  # newest share of a fold's own train part, on which its fit stops early

    @model_validator(mode="after")
    def _leaves_a_test_part(self) -> Self:
        if self.train + self.val >= 1:
            raise ValueError(
                f"`train` + `val` must leave room for a test part. Received: train={self.train}, val={self.val}"
            )
        return self


Merit = Literal["rank_correlation", "mutual_information"]


class SelectConfig(Config):
    """Which columns a model sees."""

    max_features: int = 80
    merits: tuple[Merit, ...] = ("rank_correlation", "mutual_information")  # their best columns by turns
    favours_given: bool = True  # columns that came with the bars take up to half of the places first
    max_missing: Fraction = 0.5  # a column with more missing days than this on train is dropped
    n_neighbors: int = 3  # of the mutual information estimate (Kraskov et al. 2004)
    seed: int = 42


class TrainingConfig(Config):
    """What all networks share."""

    epochs: int = 100
    batch_size: int = 32
    patience: int = 10  # epochs without a better validation loss
    n_copies: int = 2  # augmented copies beside the original windows, fresh noise every epoch
    jitter: float = 0.01  # standard deviation of noise added to scaled features
    scaling: float = 0.03  # a copy is multiplied by U(1 - scaling, 1 + scaling)
    clip_norm: float = 1.0
    huber_delta: float = 1.0  # in units of the scaled target
    # What follows does nothing as specified; the recipe that learns (`forecaster.recipes`) sets it.
    epoch_windows: int | None = None  # between two looks at validation; None: every original and its copies
    warmup_steps: int = 0  # over which the learning rate rises, to stay; 0: the network's own schedule
    weight_memory: Rate = 0.0  # per step, of the moving average of weights that is judged and kept; 0: the last weights
    hidden_columns: Rate = 0.0  # share of the columns that a training window shows as their median
    spliced: Share = 0.0  # share of the training windows whose oldest days are another window's
    evidence: float = 0.0  # that a column has to show to be heard in full, in units of chance; 0: none
    learns_drift: bool = True  # whether the heads learn a constant
    shrinks: bool = False  # whether the forecast is multiplied by what validation supports of it, between 0 and 1


class DLinearConfig(Config):
    """Decomposition and one linear layer per part and horizon (Zeng et al. 2023)."""

    kernel_size: int = 25
    dropout: Rate = 0.1
    learning_rate: float = 1e-3


class TCNConfig(Config):
    """Dilated causal convolutions with residuals (Bai et al. 2018)."""

    filters: int = 32
    kernel_size: int = 3
    n_blocks: int = 4
    dropout: Rate = 0.3
    learning_rate: float = 1e-3
    plateau_factor: float = 0.5
    plateau_patience: int | None = 5  # None: the learning rate stays


class EnhancedLSTMConfig(Config):
    """Bidirectional LSTM, residual LSTM, additive attention over time."""

    units: tuple[int, ...] = (64, 32)
    dense_units: int = 32
    dropout: Rate = 0.4
    l2: float = 1e-4
    learning_rate: float = 5e-4
    head_rate: float = 1.0  # multiple of the learning rate with which the heads learn
    attention_rate: float = 1.0  # and the attention over time


class TransformerConfig(Config):
    """Causal encoder with learnable positions (Vaswani et al. 2017)."""

    d_model: int = 64
    n_heads: int = 4
    ff_dim: int = 256
    n_layers: int = 2
    dropout: Rate = 0.35
    head_units: int = 64
    learning_rate: float = 1e-3  # peak, reached after the warm-up
    weight_decay: float = 0.01
    warmup_steps: int = 500
    position_rate: float = 1.0  # multiple of the learning rate with which the positions learn


class LightGBMConfig(Config):
    """One boosted ensemble of trees per horizon on five summaries per feature (Ke et al. 2017)."""

    n_estimators: int = 500
    num_leaves: int = 31
    max_depth: int = 5
    learning_rate: float = 0.05
    feature_fraction: float = 0.8
    bagging_fraction: float = 0.8
    bagging_freq: int = 1  # at 0 LightGBM ignores `bagging_fraction`
    min_child_samples: int = 50
    reg_alpha: float = 1.0
    reg_lambda: float = 1.0
    early_stopping: int = 50  # rounds
    evidence: float = 0.0  # that a column has to show for splits on it to count in full, in units of chance; 0: none
    path_smooth: float = 0.0  # windows' worth of belief that a leaf says what its parent says
    extra_trees: bool = False  # splits at random values instead of the best ones (Geurts et al. 2006)
    boost_from_average: bool = True  # whether trees start from the mean of train, which is its drift
    shrinks: bool = False  # as in `TrainingConfig`
    quantiles: tuple[float, ...] = ()  # also boosted, with a quantile objective, for intervals


class RidgeConfig(Config):
    """Linear regression on the last step, shrunk hard."""

    alpha: float = 1e5


class NaiveConfig(Config):
    """Zero return and train mean have nothing to set."""


MODEL_CONFIGS: dict[str, type[Config]] = {
    "dlinear": DLinearConfig,
    "tcn": TCNConfig,
    "enhanced_lstm": EnhancedLSTMConfig,
    "transformer": TransformerConfig,
    "lightgbm": LightGBMConfig,
    "ridge": RidgeConfig,
    "zero": NaiveConfig,
    "mean": NaiveConfig,
}


class StackingConfig(Config):
    """How single models become one forecast."""

    n_estimators: int = 100
    max_depth: int = 3
    num_leaves: int = 8
    reg_alpha: float = 1.0
    shrinkage: Fraction = 0.5  # share of the convex stack's weight that moves to the zero-return member
    memory: int = 50  # predictions over which the online weights look back
    seed: int = 42


class TuningConfig(Config):
    """How long and on what a study searches; what it searches is in `forecaster.tuning.search_spaces`."""

    n_trials: int = 20
    n_folds: int = 3  # newest purged folds inside train, on which a trial is scored
    patience: int = 3  # epochs: a trial needs a ranking, not the last digit
    batch: int = 4  # trials asked at once, whatever the number of workers: the same study with any
    seed: int = 42


class WalkForwardConfig(Config):
    """How the walk-forward evaluation divides the days."""

    n_splits: int = 5
    min_train: int = 1000  # origins of the first split's train part; of every one's where `rolling`
    rolling: bool = False


class UncertaintyConfig(Config):
    """How intervals are sampled and scored."""

    mc_samples: int = 50
    levels: tuple[float, ...] = (0.8, 0.9)
    quantiles: tuple[float, ...] = (0.05, 0.1, 0.9, 0.95)  # where their intervals begin and end
    seed: int = 42


INTERVAL_LEVELS = tuple(round(0.05 * i, 2) for i in range(1, 20))  # of the quantiles that are issued


class IntervalConfig(Config):
    """The volatility core of the intervals, what is learned beside it, and how their calibration follows the outcomes.

    All of it was chosen on days before test: `benchmarks/trust.py` measures what it is worth.
    """

    levels: tuple[float, ...] = INTERVAL_LEVELS
    decays: tuple[float, ...] = (0.97, 0.99)  # per day, of the averages of squared returns beside the HAR forecast
    prior: float = 50.0  # days' worth of belief that the core needs no correction, per day of the horizon
    memory: Fraction = 0.999  # per day, of what corrections are learned from
    largest_surprise: float = 5.0  # a residual counts as at most so many usual ones when corrections are learned
    window: int = 1500  # newest residuals whose quantiles are taken
    symmetry: Share = 0.5  # weight of the sample mirrored at zero: half of its skew is believed
    step: float = 0.002  # by which a level moves per miss, over the horizon
    min_labels: int = 100  # outcomes that must be known before a first interval


class PromotionConfig(Config):
    """What a run must show before it is served."""

    loss_tolerance: float = 0.005  # by which the pooled scaled loss may exceed the champion's
    level: Fraction = 0.1  # of the one-sided test that the challenger is worse
    worse_than_zero: float = 0.02  # by which RMSE may exceed the zero forecast's, at any horizon
    # Points by which 90 % intervals may miss on test: they may be twice as far off as they should ever be.
    coverage: dict[int, float] = {1: 0.05, 7: 0.08, 30: 0.16}
    differing_labels: Rate = 0.01  # share of common days on which both runs may know different returns
    min_epochs: int = 30  # fewer of these three are a smoke test
    min_folds: int = 3
    min_features: int = 30
