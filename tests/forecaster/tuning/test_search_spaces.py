from typing import Any

import pytest

from forecaster.recipes import Recipe, model_settings
from forecaster.settings import MODEL_CONFIGS, MODELS, Config, EnhancedLSTMConfig, LightGBMConfig, TCNConfig
from forecaster.tuning.search_spaces import active, params_from, search_space, settings_from

TABLE: list[tuple[str, dict[str, Any]]] = [  # the specification's tuned parameters, BTC to DOGE
    *(("dlinear", {"kernel_size": k}) for k in (31, 27, 17, 19)),
    *(("tcn", {"filters": n}) for n in (64, 16)),
    *(("enhanced_lstm", {"units": units}) for units in ((64, 128, 64), (128, 128, 128))),
    *(("transformer", {"d_model": d}) for d in (128, 64)),
    *(("lightgbm", {"num_leaves": n}) for n in (26, 39, 64, 18, 10)),
    *(("lightgbm", {"n_estimators": n}) for n in (223, 351, 146, 174, 452)),
]


def is_inside(model: str, settings: Config) -> bool:
    space, params = search_space(model), params_from(model, settings)
    return set(space) == set(params) and all(
        each._contains(each.to_internal_repr(params[name])) for name, each in space.items()
    )


@pytest.mark.parametrize("recipe", ["learning", "specified"])
@pytest.mark.parametrize("model", MODELS)
def test_defaults_lie_inside_and_come_back(model: str, recipe: Recipe):
    defaults = model_settings(recipe, model)
    assert is_inside(model, defaults)
    assert settings_from(model, params_from(model, defaults), defaults) == defaults


@pytest.mark.parametrize(("model", "tuned"), TABLE)
def test_every_value_that_the_specification_found_lies_inside_and_comes_back(model: str, tuned: dict[str, Any]):
    settings = MODEL_CONFIGS[model](**tuned)
    assert is_inside(model, settings)
    assert settings_from(model, params_from(model, settings)) == settings


def test_what_lies_outside_is_seen_to():
    assert not is_inside("tcn", TCNConfig(filters=65))


def test_ranges_are_those_of_the_specification():
    dlinear, tcn = search_space("dlinear"), search_space("tcn")
    kernel: Any = dlinear["kernel_size"]
    assert (kernel.low, kernel.high, kernel.step) == (15, 35, 2)
    limits = {name: (each.low, each.high) for name, each in {**dlinear, **tcn}.items()}  # type: ignore[attr-defined]
    assert limits == {
        "kernel_size": (2, 5),
        "dropout": (0.1, 0.4),
        "learning_rate": (1e-4, 1e-2),
        "filters": (16, 64),
        "n_blocks": (3, 6),
    }
    assert (dlinear["dropout"].low, dlinear["dropout"].high) == (0.05, 0.3)  # type: ignore[attr-defined]
    assert "learning_rate" not in tcn


def test_every_number_of_heads_divides_every_width():
    space: Any = search_space("transformer")
    assert all(d % n == 0 for d in space["d_model"].choices for n in space["n_heads"].choices)


def test_an_lstm_has_as_many_layers_as_its_parameters_say():
    params = params_from("enhanced_lstm", EnhancedLSTMConfig()) | {"units_1": 128, "units_2": 32, "units_3": 64}
    units = {n: settings_from("enhanced_lstm", params | {"n_layers": n}).units for n in (1, 2, 3)}  # type: ignore[attr-defined]
    assert units == {1: (128,), 2: (128, 32), 3: (128, 32, 64)}
    assert {"units_1", "units_2"} <= set(active("enhanced_lstm", params | {"n_layers": 2}))
    assert "units_3" not in active("enhanced_lstm", params | {"n_layers": 2})
    assert active("enhanced_lstm", params | {"n_layers": 3}) == params | {"n_layers": 3}


def test_what_is_not_searched_stays_as_it_was_given():
    base = LightGBMConfig(early_stopping=7, quantiles=(0.1,))
    settings = settings_from("lightgbm", params_from("lightgbm", LightGBMConfig()), base)
    assert settings == base


def test_a_model_without_settings_cannot_be_tuned():
    with pytest.raises(ValueError, match="'zero'"):
        search_space("zero")
    with pytest.raises(ValueError, match="lookback"):
        settings_from("tcn", {"lookback": 3})
