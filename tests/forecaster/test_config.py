from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from forecaster.config import RunConfig
from forecaster.settings import COINS, HORIZONS, MODEL_CONFIGS, MODELS, Config, SplitConfig, partner_of


def test_the_defaults_are_the_specifications():
    config = RunConfig()
    assert config.crypto == ("BTC",)
    assert (config.epochs, config.batch_size, config.seq_length, config.max_features) == (100, 32, 60, 80)
    assert config.models == ("dlinear", "tcn", "enhanced_lstm", "transformer", "lightgbm")
    assert config.output_dir == Path("training_output")
    assert HORIZONS == (1, 7, 30)


def test_bitcoin_is_shown_ether_and_all_others_bitcoin():
    assert {coin: partner_of(coin) for coin in COINS} == {
        "BTC": "ETH",
        "ETH": "BTC",
        "LTC": "BTC",
        "XRP": "BTC",
        "DOGE": "BTC",
    }


@pytest.mark.parametrize(
    ("flag", "model"),
    [
        ("no_dlinear", "dlinear"),
        ("no_tcn", "tcn"),
        ("no_lstm", "enhanced_lstm"),
        ("no_transformer", "transformer"),
        ("no_lightgbm", "lightgbm"),
    ],
)
def test_a_flag_skips_its_model_and_no_other(flag: str, model: str):
    assert RunConfig(**{flag: True}).models == tuple(name for name in MODELS if name != model)


def test_skipping_every_model_is_refused():
    skipped = ("no_dlinear", "no_tcn", "no_lstm", "no_transformer", "no_lightgbm")
    with pytest.raises(ValidationError, match="At least one model"):
        RunConfig(**dict.fromkeys(skipped, True))


@pytest.mark.parametrize(
    "wrong",
    [
        {"crypto": ("BTC", "BTC")},
        {"crypto": ()},
        {"crypto": ("SHIB",)},
        {"epochs": 0},
        {"seq_length": 9},
        {"folds": 1},
        {"signal": 1.0},
        {"jobs": 0},
        {"epoch": 3},
        {"seed": -1},
        {"tune_trials": 0},
        {"tune_timeout": 0},
        {"tune_models": ()},
        {"tune_models": ("prophet",)},
        {"tune_models": ("enhanced_lstm",)},  # on the command line it is called lstm
        {"wf_splits": 0},
        {"wf_min_train": 249},
        {"mc_samples": 1},
    ],
)
def test_impossible_and_misspelt_settings_are_refused(wrong: dict):
    with pytest.raises(ValidationError):
        RunConfig(**wrong)


def test_a_split_must_leave_room_for_test():
    with pytest.raises(ValidationError, match=r"Received: train=0\.8, val=0\.2"):
        SplitConfig(train=0.8, val=0.2)


@pytest.mark.parametrize("value", [RunConfig(), *(made() for made in MODEL_CONFIGS.values())])
def test_settings_are_frozen(value: Config):
    name = next(iter(type(value).model_fields), "anything")
    with pytest.raises(ValidationError):
        setattr(value, name, 1)


def test_a_step_is_handed_what_it_reads_and_nothing_else():
    config = RunConfig(epochs=3, batch_size=8, seq_length=30, max_features=7, folds=2, seed=5, as_of=date(2025, 1, 1))
    assert (config.training.epochs, config.training.batch_size) == (3, 8)
    assert (config.split.lookback, config.split.n_folds, config.split.horizons) == (30, 2, HORIZONS)
    assert (config.select.max_features, config.select.seed) == (7, 5)
    assert (config.data.as_of, config.data.seed, config.stacking.seed) == (date(2025, 1, 1), 5, 5)
    assert RunConfig(epochs=3).split == RunConfig().split
    assert RunConfig(seq_length=30).training == RunConfig().training


def test_what_tuning_walking_and_intervals_are_handed():
    config = RunConfig(tune_trials=7, folds=2, wf_splits=3, wf_min_train=400, wf_rolling=True, mc_samples=9, seed=5)
    assert (config.tuning.n_trials, config.tuning.n_folds, config.tuning.seed) == (7, 2, 5)
    assert (config.walking.n_splits, config.walking.min_train, config.walking.rolling) == (3, 400, True)
    assert (config.uncertainty.mc_samples, config.uncertainty.seed) == (9, 5)
    assert config.uncertainty.quantiles == (0.05, 0.1, 0.9, 0.95)


def test_how_long_a_study_may_take_does_not_change_what_it_searches():
    assert RunConfig(tune=True, tune_timeout=5).tuning == RunConfig().tuning


def test_nothing_is_tuned_unless_asked_for_and_no_model_that_is_skipped():
    everything = ("dlinear", "tcn", "lstm", "transformer", "lightgbm")
    assert RunConfig().tuned_models == ()
    assert RunConfig(tune=True).tuned_models == ("enhanced_lstm", "transformer", "lightgbm")
    assert RunConfig(tune=True, tune_models=everything).tuned_models == MODELS
    assert RunConfig(tune=True, tune_models=("lightgbm", "tcn"), no_tcn=True).tuned_models == ("lightgbm",)


def test_the_source_is_simulated_unless_a_folder_is_named():
    assert RunConfig().source == "simulated"
    assert RunConfig(data_dir=Path("bars")).source == "folder"


def test_every_field_is_described():
    assert all(field.description for field in RunConfig.model_fields.values())


def test_every_model_has_settings():
    assert all(isinstance(RunConfig().model(name), MODEL_CONFIGS[name]) for name in (*MODELS, "zero", "mean", "ridge"))


@pytest.mark.parametrize(
    ("asked", "deployed", "real", "expected"),
    [
        (None, True, True, True),
        (None, False, True, False),
        (None, True, False, False),
        (True, False, False, True),
        (True, False, True, True),
        (False, True, True, False),
    ],
)
def test_promotion_is_on_in_deployments_on_real_bars_and_elsewhere_only_if_asked_for(asked, deployed, real, expected):
    config = RunConfig(promote=asked, data_dir=Path("bars") if real else None)
    assert config.promotes(deployed) is expected
