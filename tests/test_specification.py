"""The specification's tables, written out, against what is there. Where we differ on purpose, it says so."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flows.cli import retrain
from forecaster.config import RunConfig
from forecaster.regime import DEFAULT_WEIGHTS, REGIME_WEIGHTS
from forecaster.settings import COINS, ENSEMBLE, HORIZONS, MODEL_CONFIGS, MODELS, StackingConfig, TrainingConfig

OFF = False
FLAGS = [  # flag, words of its description, default; only the default of --max-features differs: 50 there, 80 here
    ("--crypto", "coins", ("BTC",)),
    ("--epochs", "epochs", 100),
    ("--batch-size", "windows per training step", 32),
    ("--seq-length", "lookback window in days", 60),
    ("--max-features", "features", 80),
    ("--no-dlinear", "skip the dlinear", OFF),
    ("--no-tcn", "skip the tcn", OFF),
    ("--no-ensemble", "skip the ensemble", OFF),
    ("--output-dir", "plots and reports", Path("training_output")),
    ("--tune", "hyperparameters", OFF),
    ("--tune-trials", "trials", 20),
    ("--tune-timeout", "seconds", 3600),
    ("--tune-models", "models to tune", ("lstm", "transformer", "lightgbm")),
    ("--walk-forward", "after training", OFF),
    ("--wf-splits", "walk-forward splits", 5),
    ("--wf-min-train", "fewest labelled", 1000),
    ("--wf-rolling", "instead of letting it grow", OFF),
    ("--no-uncertainty", "monte carlo dropout", OFF),
    ("--mc-samples", "dropout", 50),
    ("--no-advanced-mlflow", "interactive curves, model cards", OFF),
    # our completions: the letter of the training text, and every model can be skipped, not DLinear and the TCN alone
    ("--recipe", "specification", "learning"),
    ("--no-lstm", "skip the lstm", OFF),
    ("--no-transformer", "skip the transformer", OFF),
    ("--no-lightgbm", "skip the lightgbm", OFF),
]
JSON_TYPES = {bool: "boolean", int: "integer", tuple: "array", type(Path()): "string", str: "string"}


def field_of(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_")


@pytest.fixture(scope="module")
def help_entries() -> dict[str, str]:
    """Per flag its line of the help and what follows it, up to the next flag."""
    text = CliRunner().invoke(retrain, ["--help"]).output
    entries: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("  --"):
            entries[current := line.split()[0]] = ""
        if entries:
            entries[current] += f" {line.strip()}"
    return entries


@pytest.mark.parametrize(("flag", "words", "default"), FLAGS)
def test_a_flag_of_the_table_is_in_the_help_as_switch_or_value_with_its_default(flag, words, default, help_entries):
    entry = help_entries[flag]
    takes_value = entry.split()[1].isupper()
    assert takes_value == (default is not OFF)
    assert words in entry.lower()
    shown = ",".join(default) if isinstance(default, tuple) else default
    assert (f"[default: {shown}]" in entry) == takes_value


@pytest.mark.parametrize(("flag", "default"), [(flag, default) for flag, _, default in FLAGS])
def test_a_flag_of_the_table_is_a_setting_with_its_default(flag, default):
    value = getattr(RunConfig(), field_of(flag))
    assert value == default
    assert type(value) is type(default)


def test_a_flag_of_the_table_is_a_parameter_of_the_nightly_flow_with_its_type_and_default():
    from flows.retrain import retrain as flow

    form: dict[str, Any] = flow.parameters.properties
    for flag, words, default in FLAGS:
        parameter = form[field_of(flag)]
        assert parameter["type"] == JSON_TYPES[type(default)], flag
        plain = list(default) if isinstance(default, tuple) else str(default) if isinstance(default, Path) else default
        assert parameter["default"] == plain, flag
        assert words in parameter["description"].lower(), flag


HYPERPARAMETERS = {
    "dlinear": {"kernel_size": 25, "dropout": 0.1, "learning_rate": 1e-3},
    "tcn": {
        **{"filters": 32, "kernel_size": 3, "n_blocks": 4, "dropout": 0.3, "learning_rate": 1e-3},
        **{"plateau_factor": 0.5, "plateau_patience": 5},
    },
    "enhanced_lstm": {"units": (64, 32), "dense_units": 32, "dropout": 0.4, "l2": 1e-4, "learning_rate": 5e-4},
    "transformer": {
        **{"d_model": 64, "n_heads": 4, "ff_dim": 256, "n_layers": 2, "dropout": 0.35, "weight_decay": 0.01},
        **{"warmup_steps": 500, "head_units": 64},
    },
    "lightgbm": {
        **{"n_estimators": 500, "num_leaves": 31, "max_depth": 5, "learning_rate": 0.05, "feature_fraction": 0.8},
        **{"bagging_fraction": 0.8, "min_child_samples": 50, "reg_alpha": 1.0, "reg_lambda": 1.0},
        "early_stopping": 50,
    },
}


@pytest.mark.parametrize("model", MODELS)
def test_a_model_has_the_hyperparameters_of_its_table(model):
    settings = MODEL_CONFIGS[model]().model_dump()
    assert {name: settings[name] for name in HYPERPARAMETERS[model]} == HYPERPARAMETERS[model]


def test_the_networks_share_batches_patience_clipping_and_augmentation():
    training = TrainingConfig()
    assert (training.batch_size, training.patience, training.clip_norm) == (32, 10, 1.0)
    assert (training.jitter, training.scaling) == (0.01, 0.03)  # N(0, 0.01) and U(0.97, 1.03)
    assert 1 + training.n_copies == 3


def test_the_meta_learner_and_the_online_weights_are_as_large_as_said():
    stacking, split = StackingConfig(), RunConfig().split
    assert (stacking.n_estimators, stacking.max_depth, stacking.num_leaves, stacking.reg_alpha) == (100, 3, 8, 1.0)
    assert (stacking.memory, split.n_folds) == (50, 5)


def test_days_are_split_and_horizons_are_as_said():
    split = RunConfig().split
    assert (split.train, split.val, 1 - split.train - split.val) == (0.70, 0.15, pytest.approx(0.15))
    assert split.horizons == HORIZONS == (1, 7, 30)
    assert COINS == ("BTC", "ETH", "LTC", "XRP", "DOGE")


WEIGHTS = {  # default, trending, volatile, ranging
    "dlinear": (0.10, 0.10, 0.10, 0.15),
    "tcn": (0.15, 0.20, 0.15, 0.15),
    "transformer": (0.25, 0.25, 0.30, 0.20),
    "enhanced_lstm": (0.25, 0.30, 0.20, 0.20),
    "lightgbm": (0.25, 0.15, 0.25, 0.30),
}


@pytest.mark.parametrize("model", MODELS)
def test_the_ensembles_weights_are_those_of_the_table(model):
    tables = (DEFAULT_WEIGHTS, *(REGIME_WEIGHTS[regime] for regime in ("trending", "volatile", "ranging")))
    assert tuple(weights[model] for weights in tables) == WEIGHTS[model]


def test_the_mean_reverting_weights_which_the_table_leaves_out_are_ours():
    ours = {"dlinear": 0.10, "tcn": 0.15, "transformer": 0.20, "enhanced_lstm": 0.20, "lightgbm": 0.35}
    assert REGIME_WEIGHTS["mean_reverting"] == ours


def test_classes_and_artifact_folders_keep_their_documented_names():
    from forecaster.ensemble import AdvancedEnsemble
    from forecaster.models.registry import MODEL_CLASSES
    from forecaster.regime import MarketRegimeDetector

    documented = {
        "dlinear": "DLinearForecaster",
        "tcn": "TCNForecaster",
        "enhanced_lstm": "EnhancedLSTMForecaster",
        "transformer": "TransformerForecaster",
        "lightgbm": "LightGBMForecaster",
    }
    assert {name: MODEL_CLASSES[name].partition(":")[2] for name in MODELS} == documented
    assert (AdvancedEnsemble.__name__, MarketRegimeDetector.__name__) == ("AdvancedEnsemble", "MarketRegimeDetector")
    assert (*MODELS, ENSEMBLE) == (*documented, "advanced_ensemble")


def test_fifty_columns_become_250_summaries_for_the_trees():
    from forecaster.models.summaries import summary_names

    names = summary_names([f"column_{i}" for i in range(50)])
    assert len(set(names)) == 250
    assert {name.partition("__")[2] for name in names} == {"last", "mean", "std", "trend", "momentum"}


@pytest.fixture(scope="module")
def network():
    """A network at 60 days x 80 columns by name, as specified."""
    from forecaster.models.base import FitSettings
    from forecaster.models.registry import model_class

    def build(name: str) -> Any:
        settings = FitSettings(MODEL_CONFIGS[name](), TrainingConfig(), HORIZONS, (1.0, 1.0, 1.0))
        return model_class(name)(settings).build(60, 80)

    return build


def kinds(network: Any, *wanted: str) -> list[Any]:
    return [layer for layer in network.layers if type(layer).__name__ in wanted]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in MODELS if name != "lightgbm"])
def test_a_network_takes_windows_of_all_columns_and_gives_one_output_per_horizon(name, network):
    built = network(name)
    assert (built.input_shape, built.output_shape) == ((None, 60, 80), (None, 3))


@pytest.mark.slow
def test_dlinear_has_one_linear_layer_per_part_and_horizon_after_its_decomposition(network):
    built = network("dlinear")
    assert [layer.kernel_size for layer in kinds(built, "SeriesDecomposition")] == [25]
    assert [layer.rate for layer in kinds(built, "ByteDropout")] == [0.1, 0.1]
    assert [layer.units for layer in kinds(built, "Dense")] == [1] * 6
    assert len(kinds(built, "Add")) == 3


@pytest.mark.slow
def test_the_tcn_is_four_causal_blocks_of_two_convolutions_with_a_way_around_each(network):
    built = network("tcn")
    convolutions = [layer for layer in kinds(built, "CausalConv1D") if layer.kernel_size == (3,)]
    assert [layer.dilation_rate for layer in convolutions] == [(1,), (1,), (2,), (2,), (4,), (4,), (8,), (8,)]
    assert {(layer.filters, layer.padding) for layer in convolutions} == {(32, "causal")}
    assert len(kinds(built, "CausalConv1D")) == 9  # one 1x1 convolution, where 80 columns meet 32 filters
    assert (len(kinds(built, "FusedBatchNormalization")), len(kinds(built, "Activation"))) == (8, 8)
    assert [layer.rate for layer in kinds(built, "ByteDropout")] == [0.3] * 9
    assert len(kinds(built, "LastStep")) == 1


@pytest.mark.slow
def test_the_lstm_is_bidirectional_first_then_residual_then_attends_over_time(network):
    built = network("enhanced_lstm")
    order = ("NormalizedBidirectional", "ByteDropout", "BlockLSTM", "LayerNormalization", "TimeAttention")
    seen = list(dict.fromkeys(type(layer).__name__ for layer in kinds(built, *order)))
    assert seen == list(order)
    assert [layer.forward_layer.units for layer in kinds(built, "NormalizedBidirectional")] == [64]
    assert [(layer.units, layer.recurrent_dropout) for layer in kinds(built, "BlockLSTM")] == [(32, 0.0)]
    assert [layer.rate for layer in kinds(built, "ByteDropout")] == [0.4, 0.4]
    assert built.get_layer("attention").output[1].shape == (None, 60)
    assert built.get_layer("dense").units == 32
    assert float(built.get_layer("dense").kernel_regularizer.l2) == pytest.approx(1e-4)


@pytest.mark.slow
def test_the_transformer_is_two_causal_blocks_pooled_over_time_with_a_hidden_layer_per_head(network):
    built = network("transformer")
    assert built.get_layer("projection").units == 64
    assert len(kinds(built, "PositionEmbedding")) == 1
    assert [layer.n_heads for layer in kinds(built, "CausalSelfAttention")] == [4, 4]
    hidden = [built.get_layer(f"block{block}_ff_hidden") for block in (1, 2)]
    assert [(layer.units, layer.activation.__name__) for layer in hidden] == [(256, "gelu")] * 2
    assert len(kinds(built, "GlobalAveragePooling1D")) == 1
    assert [built.get_layer(f"h{h}_hidden").units for h in HORIZONS] == [64] * 3
    assert {layer.rate for layer in kinds(built, "ByteDropout")} == {0.35}
