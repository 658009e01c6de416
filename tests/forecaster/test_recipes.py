import pytest

from forecaster.recipes import model_settings, select_settings, training_settings
from forecaster.settings import MODEL_CONFIGS, MODELS, NETWORKS, SelectConfig, TrainingConfig


@pytest.mark.parametrize("model", MODELS)
def test_the_specified_recipe_is_every_default(model):
    assert model_settings("specified", model) == MODEL_CONFIGS[model]()
    assert training_settings("specified") == TrainingConfig()


@pytest.mark.parametrize("model", NETWORKS)
def test_the_learning_recipe_changes_how_a_network_learns_and_not_what_it_is(model):
    specified, learning = (model_settings(recipe, model).model_dump() for recipe in ("specified", "learning"))
    changed = {name for name in specified if specified[name] != learning[name]}
    assert changed
    assert changed <= {
        "learning_rate",
        "head_rate",
        "attention_rate",
        "position_rate",
        "plateau_patience",
        "l2",
        "warmup_steps",
    }


def test_the_learning_recipe_keeps_loss_batch_and_specified_noise():
    specified, learning = training_settings("specified"), training_settings("learning")
    for name in ("epochs", "batch_size", "n_copies", "jitter", "scaling", "clip_norm", "huber_delta"):
        assert getattr(specified, name) == getattr(learning, name)


def test_the_learning_recipe_leaves_the_size_of_trees_alone():
    specified, learning = (model_settings(recipe, "lightgbm") for recipe in ("specified", "learning"))
    for name in ("n_estimators", "num_leaves", "max_depth", "min_child_samples", "reg_alpha", "reg_lambda"):
        assert getattr(specified, name) == getattr(learning, name)


def test_baselines_know_one_recipe():
    assert all(model_settings("learning", m) == MODEL_CONFIGS[m]() for m in ("ridge", "zero", "mean"))


def test_as_specified_columns_are_chosen_by_information_alone():
    settings = select_settings("specified", max_features=50, seed=7)
    assert (settings.merits, settings.favours_given) == (("mutual_information",), False)
    assert (settings.max_features, settings.seed) == (50, 7)
    assert select_settings("learning") == SelectConfig()
