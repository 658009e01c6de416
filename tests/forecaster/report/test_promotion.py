from datetime import date

from forecaster.promotion.gates import Gate
from forecaster.promotion.verdict import Verdict
from forecaster.replay import EarlierRun, Replayed, Retraining
from forecaster.report.promotion import promotion_section, retraining_section
from forecaster.report.schema import TrainingReport
from tests.forecaster.promotion.conftest import a_duel


def report(verdict: Verdict | None = None, retraining: Retraining | None = None) -> TrainingReport:
    return TrainingReport.model_construct(
        promotion=verdict and verdict.model_dump(mode="json"),
        retraining=retraining and retraining.model_dump(mode="json"),
    )


def test_a_refusal_shows_every_gate_with_its_figure_and_what_is_served():
    gates = (
        Gate(name="finite", told="0 of 6 are not", passed=True),
        Gate(name="loss", told="+7.00 %, at most +0.5 %", passed=False),
    )
    told = promotion_section(
        report(
            Verdict(
                verdict="refused",
                reasons=("loss: +7.00 %.",),
                run="b",
                champion="a",
                before="a",
                gates=gates,
                duel=a_duel(losses={1: (1.07, 1.0)}),
            )
        )
    )
    assert "**Refused**: b is not promoted.\n\n- loss: +7.00 %." in told
    assert "Served: `a`." in told
    assert "| loss | **no** | +7.00 %, at most +0.5 % |" in told
    assert "| 1 day | 1.0700 | 1.0000 | +7.00 % | 6 | 0.500 |" in told


def test_without_a_champion_the_latest_run_is_served_and_the_report_says_so():
    told = promotion_section(report(Verdict(verdict="off", reasons=("Nobody asked.",), run="b")))
    assert "**Off**: b was not judged." in told
    assert "Served: the latest run, whatever it is, since there is no champion." in told


def test_where_nothing_could_be_judged_the_report_does_not_deny_the_champion():
    told = promotion_section(report(Verdict(verdict="failed", reasons=("The pointer is damaged.",), run="b")))
    assert "Served: what was served before." in told


def test_a_report_without_a_verdict_has_no_section():
    assert promotion_section(report()) == ""
    assert retraining_section(report()) == ""


def test_models_of_different_ages_stand_beside_each_other_with_how_little_that_proves():
    runs = tuple(
        EarlierRun(run=run, folder=f"BTC/{run}", manifest_sha256="", last=date(2025, 1, 31 - age), age=age)
        for run, age in (("d", 1), ("b", 7))
    )
    rows = (
        Replayed(since=date(2025, 1, 30), horizon=1, n=1, zero=0.02, rmse={1: 0.019, 7: 0.021}),
        Replayed(since=date(2025, 1, 30), horizon=7, n=0, zero=None, rmse={}),
        Replayed(since=date(2025, 1, 24), horizon=1, n=7, zero=0.02, rmse={7: 0.02}),
    )
    told = retraining_section(report(retraining=Retraining(runs=runs, rows=rows)))
    assert "- 7 days old: run b, which knew days up to 2025-01-24" in told
    assert "| forecasts | origins | zero | 1 day old | 7 days old |" in told
    assert "| 1 day ahead, since 2025-01-30 | 1 | 0.0200 | 0.0190 (-5.00 %) | 0.0210 (+5.00 %) |" in told
    assert "| 1 day ahead, since 2025-01-24 | 7 | 0.0200 | n/a | 0.0200 (+0.00 %) |" in told
    assert "7 days ahead" not in told
    assert "At most 7 origins stand behind a row: differences of a few percent are noise." in told


def test_without_an_earlier_run_the_report_says_that_there_is_nothing_to_compare():
    assert "No stored run is 1 to 60 days older" in retraining_section(report(retraining=Retraining()))
