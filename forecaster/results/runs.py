"""Which run feeds which table, under which settings it ran, and which command makes it again."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from forecaster.config import RunConfig
from forecaster.names import NOTHING
from forecaster.recipes import Recipe
from forecaster.report import TrainingReport
from forecaster.settings import COINS, NETWORKS

ByCoin = dict[str, TrainingReport]
Suits = Callable[[TrainingReport], bool]
DEFAULT_RECIPE: Recipe = RunConfig().recipe
RECIPES: dict[Recipe, str] = {"learning": "recipe learning", "specified": "recipe as specified"}


@dataclass(frozen=True)
class Runs:
    """Of every coin the newest run that has what a table needs, of the default recipe if there is one.

    Attributes:
        main: without tuning, if there is one.
        tuned: with tuning.
        walked: with walk-forward evaluation.
        measured: with intervals of each model.
        calibrated: with intervals of the forecast that is shipped.
        by_recipe: recipe -> runs without tuning, of the coins that have one under each recipe.
    """

    main: ByCoin
    tuned: ByCoin
    walked: ByCoin
    measured: ByCoin
    calibrated: ByCoin
    by_recipe: dict[Recipe, ByCoin]

    @property
    def all(self) -> list[TrainingReport]:
        """Every run that the page uses, once, by coin and age."""
        used: list[TrainingReport] = []
        for report in sorted([r for each in self._roles for r in each.values()], key=_by_coin_and_age):
            if report not in used:
                used.append(report)
        return used

    @property
    def _roles(self) -> tuple[ByCoin, ...]:
        return self.main, self.tuned, self.walked, self.measured, self.calibrated, *self.by_recipe.values()


def choose(reports: Iterable[TrainingReport]) -> Runs:
    """Sort reports into the roles that they play on the page."""
    oldest_first = sorted(reports, key=_by_coin_and_age)
    return Runs(
        main=_preferred(oldest_first, lambda r: True),
        tuned=_preferred(oldest_first, lambda r: bool(r.tuning)),
        walked=_preferred(oldest_first, lambda r: bool(r.walk_forward)),
        measured=_preferred(oldest_first, lambda r: bool(r.uncertainty)),
        calibrated=_preferred(oldest_first, lambda r: r.calibration is not None),
        by_recipe=_by_recipe(oldest_first),
    )


def _preferred(oldest_first: list[TrainingReport], suits: Suits) -> ByCoin:
    """Of each coin the newest run that suits: of the default recipe before others, untuned before tuned."""
    suiting = [report for report in oldest_first if suits(report)]
    default = [report for report in suiting if report.recipe == DEFAULT_RECIPE]
    return {**_newest(suiting), **_newest(_untuned(suiting)), **_newest(default), **_newest(_untuned(default))}


def _by_recipe(oldest_first: list[TrainingReport]) -> dict[Recipe, ByCoin]:
    untuned = _untuned(oldest_first)
    found = {recipe: _newest(r for r in untuned if r.recipe == recipe) for recipe in RECIPES}
    both = [coin for coin in COINS if all(coin in runs for runs in found.values())]
    return {recipe: {coin: runs[coin] for coin in both} for recipe, runs in found.items()}


def _untuned(reports: Iterable[TrainingReport]) -> list[TrainingReport]:
    return [report for report in reports if not report.tuning]


def _newest(oldest_first: Iterable[TrainingReport]) -> ByCoin:
    return {report.coin: report for report in oldest_first}


def _by_coin_and_age(report: TrainingReport) -> tuple[int, str, str]:
    known = COINS.index(report.coin) if report.coin in COINS else len(COINS)
    return known, report.run or "", str(report.as_of)


def settings_of(report: TrainingReport) -> str:
    """What decided the figures, and on what machine, in a line."""
    e, network = report.environment, next((m for name, m in report.models.items() if name in NETWORKS), None)
    facts = [
        RECIPES[report.recipe],
        f"at most {network.params.get('epochs', '?')} epochs" if network else "no network",
        f"lookback {_param(report, 'seq_length')}",
        f"{len(report.features.selected)} columns",
        f"{_n_folds(report)} folds" if report.ensemble else "no ensemble",
        f"tuned: {', '.join(report.tuning)}" if report.tuning else "not tuned",
        *([f"{report.walk_forward.get('n_splits')} walk-forward splits"] if report.walk_forward else []),
        f"seed {e.seed}",
        f"as of {report.as_of}",
        f"{e.cores or '?'} cores, {e.device or '?'}",
        *(f"{name} {v}" for name, v in e.versions.items() if name in ("python", "tensorflow", "keras", "lightgbm")),
    ]
    return ", ".join(facts)


def command_of(report: TrainingReport) -> str:
    """The command that makes the run again, as it was recorded; else put together from what the report tells."""
    if report.environment.command:
        return report.environment.command + _recipe_unsaid(report)
    epochs = next((m.params.get("epochs") for name, m in report.models.items() if name in NETWORKS), None)
    flags = {
        "--crypto": report.coin,
        "--data-dir": None if report.data.simulated else "bars",
        "--as-of": None if report.data.simulated else report.as_of,
        "--epochs": epochs,
        "--seq-length": _param(report, "seq_length"),
        "--folds": _n_folds(report) or None,
    }
    known = [f"{flag} {value}" for flag, value in flags.items() if value not in (None, "?")]
    return " ".join(["retrain", *known, *_switches(report)]) + _recipe_unsaid(report)


def _recipe_unsaid(report: TrainingReport) -> str:
    """Commands that were recorded before there were recipes do not name theirs."""
    said = "--recipe" in (report.environment.command or "")
    return "" if said or report.recipe == DEFAULT_RECIPE else f" --recipe {report.recipe}"


def _switches(report: TrainingReport) -> list[str]:
    walked = report.walk_forward or {}
    return [
        *([] if report.ensemble else ["--no-ensemble"]),
        *(["--tune"] if report.tuning else []),
        *([f"--walk-forward --wf-splits {walked['n_splits']}"] if "n_splits" in walked else []),
    ]


def _param(report: TrainingReport, name: str) -> object:
    return next((m.params[name] for m in report.models.values() if name in m.params), "?")


def _n_folds(report: TrainingReport) -> int:
    """The newest fold is the longest, so the highest number is never that of a dropped one."""
    numbers = [part.split()[0].removeprefix("fold-") for part in report.splits if part.startswith("fold-")]
    return max((int(number) for number in numbers if number.isdigit()), default=0)


def letters(reports: Iterable[TrainingReport]) -> dict[str, list[TrainingReport]]:
    """Runs of equal settings, on equal machines, under one letter: `A`, `B`, ..."""
    groups: dict[tuple[str, str], list[TrainingReport]] = {}
    for report in reports:
        command = command_of(report).replace(f"--crypto {report.coin}", "", 1)
        groups.setdefault((settings_of(report), command), []).append(report)
    return {_letter(i): group for i, group in enumerate(groups.values())}


def _letter(index: int) -> str:
    return chr(ord("A") + index) if index < 26 else f"A{index}"


def night_took(report: TrainingReport) -> float | None:
    """Wall-clock seconds of the coin's night, where the run recorded them."""
    return report.environment.seconds


def run_name(report: TrainingReport) -> str:
    """The run's folder name, as far as it is known."""
    return report.run or NOTHING
