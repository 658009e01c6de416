import inspect
from pathlib import Path
from typing import get_args

import pytest
from prefect.utilities.callables import parameter_schema
from pydantic import ValidationError

from flows.parameters import takes_run_config
from forecaster.config import RunConfig
from forecaster.settings import Coin


@takes_run_config
def night(config: RunConfig) -> RunConfig:
    """Do nothing, and say with what."""
    return config


FIELDS = RunConfig.model_fields
SCHEMA = parameter_schema(night).model_dump()


def test_every_setting_is_a_flat_parameter_with_the_same_default():
    parameters = inspect.signature(night).parameters
    assert list(parameters) == list(FIELDS)
    assert {name: p.default for name, p in parameters.items()} == {name: f.default for name, f in FIELDS.items()}


def test_without_parameters_the_defaults_serve():
    assert night() == RunConfig()


def test_parameters_become_settings():
    assert night(crypto=("ETH",), epochs=3, data_dir="bars") == RunConfig(
        crypto=("ETH",), epochs=3, data_dir=Path("bars")
    )


@pytest.mark.parametrize("wrong", [{"epoch": 3}, {"epochs": 0}, {"crypto": ("SHIB",)}])
def test_misspelt_and_impossible_parameters_are_refused(wrong):
    with pytest.raises((ValidationError, TypeError)):
        night(**wrong)


@pytest.mark.parametrize("name", FIELDS)
def test_prefects_form_explains_every_parameter(name: str):
    assert FIELDS[name].description
    assert SCHEMA["properties"][name]["description"] == FIELDS[name].description


def test_prefects_form_knows_types_limits_and_defaults():
    form = SCHEMA["properties"]
    assert (form["epochs"]["type"], form["epochs"]["minimum"], form["epochs"]["default"]) == ("integer", 1, 100)
    assert form["no_ensemble"]["type"] == "boolean"
    assert form["crypto"]["items"]["enum"] == list(get_args(Coin))
    assert form["crypto"]["default"] == ["BTC"]
    assert not SCHEMA.get("required")


def test_the_functions_own_words_stay_first():
    assert (inspect.getdoc(night) or "").startswith("Do nothing, and say with what.")


def test_the_nightly_flow_takes_every_setting_and_describes_it():
    from flows.retrain import retrain

    assert list(retrain.parameters.properties) == list(FIELDS)
    assert all(p["description"] == FIELDS[name].description for name, p in retrain.parameters.properties.items())
    assert retrain.name == "retrain"
