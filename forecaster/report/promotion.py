"""Whether the run is served from now on, and what retraining bought, as the report has them."""

from collections.abc import Mapping
from typing import Any

from forecaster.names import NOTHING, days
from forecaster.report.schema import TrainingReport
from forecaster.report.tables import table

HEADLINES = {
    "first": "The **first champion**: {run} is served from now on.",
    "promoted": "**Promoted**: {run} is served from now on, in place of {before}.",
    "refused": "**Refused**: {run} is not promoted.",
    "unchanged": "**Unchanged** recipe.",
    "failed": "**Not judged.** What was served before still is.",
    "off": "**Off**: {run} was not judged.",
}
FEW = 30  # days, below which a difference says next to nothing
MEANING = (
    "Serving models that earlier nights stored forecast the days since their own cut, beside older ones and beside a "
    "return of zero on the same days. RMSE in log-return; a share below zero is smaller than zero's. These are few "
    "days, and forecasts of many days ahead overlap: one night's table cannot show what a retraining is worth. Read "
    "it over many nights."
)


def promotion_section(report: TrainingReport) -> str:
    """The verdict, why, and every gate with its figure; empty where nothing was decided."""
    entry: Mapping[str, Any] | None = report.promotion
    if not entry:
        return ""
    headline = HEADLINES[entry["verdict"]].format(run=entry["run"], before=entry["before"])
    lines = ["## Promotion", "", headline, "", *(f"- {reason}" for reason in entry["reasons"])]
    lines += ["", f"Served: {_served(entry)}."]
    if entry["gates"]:
        rows = [(gate["name"], "yes" if gate["passed"] else "**no**", gate["told"]) for gate in entry["gates"]]
        lines += ["", table(("gate", "passed", "figure"), rows)]
    return "\n".join([*lines, *_duel(entry["duel"])])


def _served(entry: Mapping[str, Any]) -> str:
    if entry["champion"]:
        return f"`{entry['champion']}`"
    if entry["verdict"] == "failed":
        return "what was served before"
    return "the latest run, whatever it is, since there is no champion"


def _duel(duel: Mapping[str, Any] | None) -> list[str]:
    """The comparison by horizon: scaled RMSE on common test days."""
    if not duel:
        return []
    rows = [(days(int(h)), *_pair(own, other), duel["n"][h], _p(duel, h)) for h, (own, other) in duel["losses"].items()]
    header = ("ahead", "challenger", "champion", "difference", "origins", "p of the test whether it is worse")
    return [
        "",
        f"Scaled RMSE of both on common test days, {duel['first']} to {duel['last']}:",
        "",
        table(header, rows),
    ]


def _pair(own: float, other: float) -> tuple[str, str, str]:
    return f"{own:.4f}", f"{other:.4f}", f"{100 * (own / other - 1):+.2f} %" if other else NOTHING


def _p(duel: Mapping[str, Any], horizon: str) -> str:
    p = duel["p_values"].get(horizon)
    return NOTHING if p is None else f"{p:.3f}"


def retraining_section(report: TrainingReport) -> str:
    """Loss by age of the model; says so where no earlier run was stored."""
    entry: Mapping[str, Any] | None = report.retraining
    if entry is None:
        return ""
    told = ["## What retraining bought"]
    if entry["runs"]:
        told += [MEANING, _ages(entry), _losses(entry), _caution(entry)]
    else:
        told.append("No stored run is 1 to 60 days older than the newest bars: there is nothing to compare yet.")
    return "\n\n".join([*told, *entry["left_out"]])


def _ages(entry: Mapping[str, Any]) -> str:
    return "\n".join(
        f"- {_old(run['age'])}: run {run['run']}, which knew days up to {run['last']}" for run in entry["runs"]
    )


def _old(age: int) -> str:
    return f"{days(age)} old"


def _losses(entry: Mapping[str, Any]) -> str:
    ages = [run["age"] for run in entry["runs"]]
    rows = [
        (
            f"{days(row['horizon'])} ahead, since {row['since']}",
            row["n"],
            NOTHING if row["zero"] is None else f"{row['zero']:.4f}",
            *(_beside_zero(row["rmse"].get(str(age), row["rmse"].get(age)), row["zero"]) for age in ages),
        )
        for row in entry["rows"]
        if row["n"]
    ]
    header = ("forecasts", "origins", "zero", *map(_old, ages))
    return table(header, rows) if rows else "None of their days is labelled yet."


def _beside_zero(rmse: float | None, zero: float | None) -> str:
    if rmse is None:
        return NOTHING
    return f"{rmse:.4f} ({100 * (rmse / zero - 1):+.2f} %)" if zero else f"{rmse:.4f}"


def _caution(entry: Mapping[str, Any]) -> str:
    most = max((row["n"] for row in entry["rows"]), default=0)
    if most >= FEW:
        return f"At most {most} origins stand behind a row."
    return f"At most {most} origins stand behind a row: differences of a few percent are noise."
