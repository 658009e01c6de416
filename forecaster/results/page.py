"""The page as a whole."""

from collections.abc import Callable, Iterable, Mapping

from forecaster.names import NOTHING, duration
from forecaster.report import TrainingReport
from forecaster.report.tables import table
from forecaster.results import further, scores
from forecaster.results.calibration import calibrated
from forecaster.results.prose import reading_help
from forecaster.results.recipes import not_run, recipes
from forecaster.results.runs import ByCoin, Runs, choose, command_of, letters, night_took, run_name, settings_of
from forecaster.settings import COINS

Section = Callable[[ByCoin], list[str]]
SIMULATED = "> **SIMULATED DATA.** No real market stands behind these figures."


def results_page(reports: Iterable[TrainingReport]) -> str:
    """The specification's result tables for the five coins, from `reports`, as markdown.

    Of each coin the newest run without tuning counts, of the default recipe if there is one; the newest with tuning,
    with walk-forward evaluation and with intervals feed those sections, and the newest of each recipe theirs.

    Raises:
        ValueError: if there is no report, or real and simulated ones are mixed.
    """
    reports = list(reports)
    kinds = {report.data.simulated for report in reports}
    if len(kinds) != 1:
        received = "both" if kinds else "no report"
        raise ValueError(f"Expected reports that are all on real or all on simulated bars. Received: {received}.")
    runs = choose(reports)
    title = ["# SIMULATED DATA: results" if True in kinds else "# Results", *([SIMULATED] if True in kinds else [])]
    return "\n\n".join([*title, reading_help(runs), _runs(runs), *_sections(runs)]) + "\n"


def _sections(runs: Runs) -> list[str]:
    groups = letters(runs.all)
    main: Mapping[str, Section] = {
        "Validation RMSE": scores.validation,
        "Test scores": scores.test_scores,
        "Train/validation gap": scores.gap,
        "Best single model and ensemble": scores.best,
        "Directional accuracy": scores.directions,
        "Training time": scores.times,
    }
    return [
        *(_section(title, make, runs.main, groups) for title, make in main.items()),
        _recipes(runs, groups),
        _section("Tuned hyperparameters", further.tuned, runs.tuned, groups, "`retrain --tune` does."),
        _section("Intervals", further.intervals, runs.measured, groups, "`retrain` without --no-uncertainty does."),
        _section("Intervals of the ensemble", calibrated, runs.calibrated, groups, "`retrain` does."),
        _section(
            "Walk-forward evaluation", further.walk_forward, runs.walked, groups, "`retrain --walk-forward` does."
        ),
    ]


def _section(
    title: str, make: Section, runs: ByCoin, groups: Mapping[str, list[TrainingReport]], remedy: str = ""
) -> str:
    if not runs:
        return f"## {title}\n\nNot run: {remedy}"
    return "\n\n".join([f"## {title}", *make(runs), _made_by(runs, groups)])


def _recipes(runs: Runs, groups: Mapping[str, list[TrainingReport]]) -> str:
    """One group of columns per recipe, and which settings each had."""
    if not any(runs.by_recipe.values()):
        return f"## Recipes\n\nNot run: {not_run(runs.all)}"
    used = "; ".join(f"`{recipe}`: {_used(each, groups)}" for recipe, each in runs.by_recipe.items())
    alone = [coin for coin in COINS if not all(coin in each for each in runs.by_recipe.values())]
    made = f"Settings (see Runs): {used}." + (f" Not run with both: {', '.join(alone)}." if alone else "")
    return "\n\n".join(["## Recipes", *recipes(runs.by_recipe), made])


def _made_by(runs: ByCoin, groups: Mapping[str, list[TrainingReport]]) -> str:
    """`Settings: A for BTC, ETH; B for XRP. Not run: DOGE.`."""
    missing = [coin for coin in COINS if coin not in runs]
    return f"Settings (see Runs): {_used(runs, groups)}." + (f" Not run: {', '.join(missing)}." if missing else "")


def _used(runs: ByCoin, groups: Mapping[str, list[TrainingReport]]) -> str:
    used = {
        letter: [coin for coin in COINS if coin in runs and runs[coin] in group] for letter, group in groups.items()
    }
    return "; ".join(f"{letter} for {', '.join(coins)}" for letter, coins in used.items() if coins)


def _runs(runs: Runs) -> str:
    groups = letters(runs.all)
    told = [f"- **{letter}**: {settings_of(group[0])}.{_commands(group)}" for letter, group in groups.items()]
    rows = [_run_row(letter, report) for letter, group in groups.items() for report in group]
    header = ("coin", "settings", "run", "days", "first", "last", "status", "champion", "night took")
    return "\n\n".join(["## Runs", "\n".join(told), table(header, rows)])


def _run_row(letter: str, report: TrainingReport) -> tuple[object, ...]:
    took, d = night_took(report), report.data
    night = NOTHING if took is None else duration(took)
    verdict = (report.promotion or {}).get("verdict")
    return (report.coin, letter, run_name(report), d.rows, d.first, d.last, report.status, verdict, night)


def _commands(group: Iterable[TrainingReport]) -> str:
    """One command for all coins that differ in nothing else."""
    by_rest: dict[str, list[str]] = {}
    for report in group:
        command = command_of(report).replace(f"--crypto {report.coin} ", "--crypto {} ", 1)
        coins = by_rest.setdefault(command, [])
        coins += [report.coin] if report.coin not in coins else []
    return "".join(f"\n  `{command.replace('{}', ','.join(coins), 1)}`" for command, coins in by_rest.items())
