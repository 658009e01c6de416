"""Tables with a row per model and a column per coin; a forecast of no change has its row in every one."""

from collections.abc import Callable, Iterable, Mapping

from forecaster.names import NOTHING, label
from forecaster.report import Metrics, TrainingReport
from forecaster.report.tables import table
from forecaster.results.runs import ByCoin
from forecaster.settings import BASELINES, COINS, ENSEMBLE, HORIZONS, MODELS

NOT_RUN = "not run"
ROWS = (*MODELS, ENSEMBLE, *BASELINES)
Cell = Callable[[TrainingReport, str], str | None]  # of a run and a model; None where that model did not run


def by_model(runs: ByCoin, cell: Cell, models: Iterable[str] = ROWS) -> str:
    """One row per model, one column per coin."""
    return by_coin(runs, {label(model): _of(model, cell) for model in models})


def _of(model: str, cell: Cell) -> Callable[[TrainingReport], str | None]:
    return lambda run: cell(run, model)


def by_coin(runs: ByCoin, rows: Mapping[str, Callable[[TrainingReport], str | None]], first: str = "model") -> str:
    """One named row per function, one column per coin; coins and models that did not run say so."""
    lines = [
        [name, *((cell(runs[coin]) or NOT_RUN) if coin in runs else NOT_RUN for coin in COINS)]
        for name, cell in rows.items()
    ]
    return table((first, *COINS), lines)


def metrics(run: TrainingReport, model: str, part: str, horizon: int = 1) -> Metrics | None:
    """Scores of one model, part and horizon; None where it did not run."""
    rival = run.rivals.get(model)
    scores: dict[str, Metrics] = getattr(rival, part) if rival else {}
    return scores.get(str(horizon))


def number(value: float | None, digits: int = 3) -> str:
    """A figure, or that there is none."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def scaled(part: str) -> Cell:
    """RMSE one day ahead over the interquartile range of the train targets."""

    def cell(run: TrainingReport, model: str) -> str | None:
        found = metrics(run, model, part)
        return number(found.scaled_rmse) if found else None

    return cell


def at_all_horizons(metric: str, part: str = "test", digits: int = 4) -> Cell:
    """One metric at 1, 7 and 30 days: `0.0251 / 0.0592 / 0.1204`."""

    def cell(run: TrainingReport, model: str) -> str | None:
        return slashed([metrics(run, model, part, h) for h in HORIZONS], lambda m: number(getattr(m, metric), digits))

    return cell


def slashed(found: list[Metrics | None], show: Callable[[Metrics], str]) -> str | None:
    """Figures of all horizons in one cell; None where there are none at all."""
    if not any(found):
        return None
    return " / ".join(NOTHING if each is None else show(each) for each in found)


def signed(share: float | None) -> str:
    """A share in percent without its sign: `-0.31`."""
    return NOTHING if share is None else f"{100 * share:+.2f}".replace("-0.00", "+0.00")


def skills(run: TrainingReport, model: str) -> str | None:
    """Percent by which test RMSE is below that of a forecast of no change, at 1, 7 and 30 days."""
    return slashed([metrics(run, model, "test", h) for h in HORIZONS], lambda m: signed(m.skill_vs_zero))


def direction(run: TrainingReport, model: str) -> str | None:
    """Share of days with the right sign one day ahead, and its standard error in points."""
    found = metrics(run, model, "test")
    if found is None:
        return None
    if found.directional_accuracy is None or not found.n:
        return "no direction"
    return f"{100 * found.directional_accuracy:.1f} ± {100 * standard_error(found.directional_accuracy, found.n):.1f}"


def standard_error(p: float, n: int) -> float:
    """Standard error of a share `p` of `n` independent days."""
    return float((p * (1 - p) / n) ** 0.5)


def target_scale(run: TrainingReport) -> float | None:
    """Interquartile range of the one-day train targets: what the specification's figures are divided by."""
    zero = metrics(run, "zero", "val")
    return zero.rmse / zero.scaled_rmse if zero and zero.rmse and zero.scaled_rmse else None
