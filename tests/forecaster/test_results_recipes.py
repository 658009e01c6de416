from datetime import date
from typing import Any

import pytest

from forecaster.report import TrainingReport, to_markdown
from forecaster.results import results_page
from tests.forecaster.test_results import TUNED, WALKED, report, rival, row, section

TRAINED = {"epochs": 100, "seq_length": 60, "n_train_windows": 320, "n_copies": 2, "batch_size": 32}


def pair(coin: str = "BTC", skills: tuple[float, float] = (0.1, -0.2), **changes: Any) -> list[TrainingReport]:
    """A run of each recipe; that of `learning` has epochs of 64 windows."""
    fits = ({"epochs": 5, "seconds": 60.0, "params": {**TRAINED, "epoch_windows": 64}},
            {"epochs": 2, "seconds": 200.0, "params": TRAINED})  # fmt: skip
    return [
        report(coin, recipe=recipe, models={"tcn": rival(skill, **fit)}, **changes)
        for recipe, skill, fit in zip(("learning", "specified"), skills, fits, strict=True)
    ]


def told(*reports: TrainingReport) -> str:
    return section(results_page(reports), "Recipes")


def test_reports_older_than_the_field_are_of_runs_as_specified():
    assert report().recipe == "specified"
    assert TrainingReport.model_validate(report().model_dump(exclude={"recipe"})).recipe == "specified"


def test_a_recipe_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="recipe"):
        report(recipe="secret")


def test_the_page_of_one_run_tells_its_recipe_where_settings_stand():
    environment = to_markdown(report(recipe="learning")).partition("## Environment\n")[2]
    assert "| recipe | learning |" in environment


def test_errors_are_means_over_the_coins_that_both_recipes_have():
    text = told(*pair("BTC", (0.1, -0.2)), *pair("ETH", (0.3, -0.4)), report("XRP", models={"tcn": rival(0.9)}))
    assert row(text, "TCN") == ["0.800", "0.800", "0.800", "1.300", "1.300", "1.300", "2"]  # (.9 + .7) / 2
    assert row(text, "Zero return")[:6] == ["1.000"] * 6
    assert "mean over BTC, ETH;" in text
    assert "Not run with both: LTC, XRP, DOGE." in text


def test_a_model_that_one_recipe_left_out_of_a_coin_is_averaged_without_that_coin():
    learning, specified = pair("ETH", (0.5, 0.5))
    text = told(*pair("BTC", (0.1, -0.2)), learning.model_copy(update={"models": {}}), specified)
    assert row(text, "TCN") == ["0.900", "0.900", "0.900", "1.200", "1.200", "1.200", "1"]
    assert row(text, "LightGBM") == ["not run"] * 6 + ["0"]


def test_lengths_of_fits_are_told_in_steps_since_epochs_differ_in_size():
    text = told(*pair("BTC"), *pair("ETH")).partition("| network |")[2]
    # learning: 5 epochs of 64 windows / 32; specified: 2 epochs of 3 x 320 / 32
    assert row(text, "TCN") == ["10 (5.0)", "60 s", "60 (2.0)", "3.3 min", "2"]
    assert row(text, "DLinear") == ["not run"] * 4 + ["0"]
    assert "LightGBM" not in text


def test_without_the_size_of_an_epoch_there_are_no_steps_but_epochs():
    fit = {"tcn": rival(0.0, epochs=3, params={"epochs": 100})}
    text = told(report(recipe="learning", models=fit), report(models=fit)).partition("| network |")[2]
    assert row(text, "TCN") == ["n/a (3.0)", "n/a", "n/a (3.0)", "n/a", "1"]


def test_each_recipe_names_its_settings():
    page = results_page(pair())
    assert "`learning`: A for BTC; `specified`: B for BTC." in section(page, "Recipes")
    runs = section(page, "Runs")
    assert "**A**: recipe learning," in runs
    assert "**B**: recipe as specified," in runs


def test_other_bars_or_other_flags_than_the_recipe_are_said():
    learning, specified = pair()
    assert "Not " not in told(learning, specified).partition("|")[0]
    data = specified.data.model_copy(update={"sha256": "cd" * 32})
    later = specified.model_copy(update={"data": data, "as_of": date(2026, 1, 1)})
    assert "Not on the same bars: BTC." in told(learning, later)
    assert "same other flags" not in told(learning, later)
    seeded = specified.model_copy(update={"environment": {"command": "retrain --crypto BTC --seed 7"}})
    seeded = TrainingReport.model_validate(seeded.model_dump(warnings=False))
    assert "Not with the same other flags: BTC." in told(learning, seeded)


def test_the_newest_untuned_run_of_each_recipe_counts():
    old, specified = pair(skills=(-3.0, -0.2), run="1")
    new, tuned = pair(skills=(0.1, 0.5), run="2")
    text = told(old, specified, new, tuned.model_copy(update={"tuning": TUNED}))
    assert row(text, "TCN")[::3] == ["0.900", "1.200", "1"]


@pytest.mark.parametrize(
    ("recipe", "remedy"),
    [("learning", "Not run: `retrain --recipe specified` of the same coins"),
     ("specified", "Not run: `retrain --recipe learning` of the same coins")],
)  # fmt: skip
def test_with_one_recipe_alone_it_says_how_to_run_the_other(recipe: str, remedy: str):
    assert remedy in told(report(recipe=recipe))


def test_recipes_of_different_coins_are_not_compared():
    assert "`retrain --recipe learning` and `retrain --recipe specified` of the same coins" in told(
        report("BTC", recipe="learning"), report("ETH")
    )


def test_the_default_recipe_feeds_the_main_tables_though_the_other_is_newer():
    learning, _ = pair(run="1")
    _, specified = pair(run="2")
    page = results_page([learning, specified])
    assert row(section(page, "Validation RMSE"), "TCN")[0] == "0.720"  # 0.02 * (1 - 0.1) / 0.025
    assert row(section(results_page([specified]), "Validation RMSE"), "TCN")[0] == "0.960"


def test_the_default_recipe_feeds_the_further_tables_too():
    both = pair(walk_forward=WALKED)
    page = results_page([both[0], both[1].model_copy(update={"run": "2"})])
    assert "Settings (see Runs): A for BTC." in section(page, "Walk-forward evaluation")
    assert "**A**: recipe learning," in page


@pytest.mark.parametrize(
    ("recorded", "recipe", "shown"),
    [
        ("retrain --crypto BTC", "specified", "`retrain --crypto BTC --recipe specified`"),  # older than the flag
        ("retrain --crypto BTC --recipe specified", "specified", "`retrain --crypto BTC --recipe specified`"),
        ("retrain --crypto BTC", "learning", "`retrain --crypto BTC`"),
        (None, "specified", "--folds 5 --recipe specified`"),
        (None, "learning", "--folds 5`"),
    ],
)
def test_a_command_names_the_recipe_that_is_not_the_default(recorded: str | None, recipe: str, shown: str):
    assert shown in section(results_page([report(recipe=recipe, environment={"command": recorded})]), "Runs")
