from pathlib import Path

from forecaster.diary.served import Served
from tasks.audit import audit
from tasks.forecast import draw_fan, grade, issue
from tasks.source import source_digests
from tasks.step import content_of


def served(*models: str, folder: str = "artifacts/BTC/a", digest: str = "x") -> Served:
    return Served(folder=Path(folder), digest=digest, models=models, promoted=False)


def test_issuing_depends_on_the_models_that_are_served_and_on_no_other() -> None:
    read = set(source_digests(issue.cache_policy.modules({"served": served("tcn")})))
    assert {"forecaster.diary.issue", "forecaster.models.tcn", "forecaster.intervals.frame"} <= read
    assert not {"forecaster.models.transformer", "forecaster.plots.fan", "forecaster.diary.grading"} & read
    assert "tensorflow" in issue.cache_policy.libraries({"served": served("tcn")})
    assert "tensorflow" not in issue.cache_policy.libraries({"served": served("lightgbm")})


def test_a_run_of_equal_models_elsewhere_issues_nothing_anew() -> None:
    elsewhere = served("tcn", folder="artifacts/BTC/b")
    assert content_of(elsewhere) == content_of(served("tcn"))
    assert (elsewhere.run, served("tcn").run) == ("b", "a")  # and each is named
    assert content_of(served("tcn", digest="y")) != content_of(served("tcn"))


def test_equal_models_of_a_run_with_other_objections_are_issued_anew_for_their_warnings() -> None:
    objected = served("tcn").model_copy(update={"objections": ("Suspected leak.",)})
    assert content_of(objected) != content_of(served("tcn"))


def test_pictures_grades_and_audits_need_no_model() -> None:
    for step in (draw_fan, grade, audit):
        assert not any(name.startswith("forecaster.models.keras") for name in source_digests(step.cache_policy.modules))
    assert "forecaster.plots.fan" in source_digests(draw_fan.cache_policy.modules)
