"""Section on what the two recipes make of the same coins: errors beside zero's, and what the networks' fits took."""

from collections.abc import Callable, Iterable
from math import ceil
from statistics import mean

from forecaster.names import NOTHING, days, duration, label
from forecaster.recipes import Recipe
from forecaster.report import Model, TrainingReport
from forecaster.report.tables import table
from forecaster.results.runs import RECIPES, ByCoin, command_of
from forecaster.results.tables import NOT_RUN, metrics, number
from forecaster.settings import ENSEMBLE, HORIZONS, MODELS, NETWORKS

ByRecipe = dict[Recipe, ByCoin]


def recipes(runs: ByRecipe) -> list[str]:
    """Ratios and lengths of fits, one group of columns per recipe; `runs` holds the same coins under each."""
    coins = list(next(iter(runs.values())))
    return [
        "Two ways to train the same architectures: with the recipe `learning`, which is the default, and to the "
        "letter of the specification. The ensemble is the same under both. RMSE / RMSE of a forecast of no "
        "change on test, mean over "
        f"{', '.join(coins)}; below 1 is better than saying nothing." + _unlike(runs),
        _ratios(runs),
        "Networks, judged fit: steps of the optimizer until the best weights, in brackets the epochs, which end where "
        "validation is looked at, and seconds of the whole fit. Means over the same coins:",
        _lengths(runs),
    ]


def not_run(shown: Iterable[TrainingReport]) -> str:
    """What to run in order to have both recipes for at least one coin."""
    found = {report.recipe for report in shown if not report.tuning}
    missing = [f"`retrain --recipe {recipe}`" for recipe in RECIPES if recipe not in found]
    if len(missing) == 1:
        return f"{missing[0]} of the same coins, untuned, does."
    return f"{' and '.join(f'`retrain --recipe {recipe}`' for recipe in RECIPES)} of the same coins, untuned, do."


def _unlike(runs: ByRecipe) -> str:
    """A warning where more than the recipe differs; commands tell, but for the day."""
    pairs = {coin: [each[coin] for each in runs.values()] for coin in next(iter(runs.values()))}
    bars = [coin for coin, pair in pairs.items() if len({run.data.sha256 for run in pair}) > 1]
    flags = [coin for coin, pair in pairs.items() if len({_flags(run) for run in pair}) > 1]
    told = [f" Not on the same bars: {', '.join(bars)}."] if bars else []
    return "".join([*told, *([f" Not with the same other flags: {', '.join(flags)}."] if flags else [])])


def _flags(run: TrainingReport) -> str:
    without = command_of(run).replace(f" --recipe {run.recipe}", "")
    return without.replace(f" --as-of {run.as_of}", "")


def _ratios(runs: ByRecipe) -> str:
    header = ["model", *(f"{recipe}, {days(h)}" for recipe in runs for h in HORIZONS), "coins"]
    return table(header, [_ratio_row(runs, model) for model in (*MODELS, ENSEMBLE, "zero")])


def _ratio_row(runs: ByRecipe, model: str) -> list[str]:
    coins = _coins_with(runs, lambda run: _ratio(run, model, 1) is not None)
    cells = [_mean(_ratio(each[coin], model, h) for coin in coins) for each in runs.values() for h in HORIZONS]
    return [label(model), *(number(cell) if coins else NOT_RUN for cell in cells), str(len(coins))]


def _ratio(run: TrainingReport, model: str, horizon: int) -> float | None:
    own, zero = metrics(run, model, "test", horizon), metrics(run, "zero", "test", horizon)
    return own.rmse / zero.rmse if own and zero and own.rmse is not None and zero.rmse else None


def _coins_with(runs: ByRecipe, has: Callable[[TrainingReport], bool]) -> list[str]:
    """Coins in which every recipe has it: means are over the same coins."""
    return [coin for coin in next(iter(runs.values())) if all(has(each[coin]) for each in runs.values())]


def _mean(values: Iterable[float | None]) -> float | None:
    """Null where one is missing: recipes are compared on the same coins."""
    found = list(values)
    known = [value for value in found if value is not None]
    return mean(known) if known and len(known) == len(found) else None


def _lengths(runs: ByRecipe) -> str:
    header = ["network", *(f"{recipe}, {what}" for recipe in runs for what in ("steps (epochs)", "fit")), "coins"]
    return table(header, [_length_row(runs, network) for network in MODELS if network in NETWORKS])


def _length_row(runs: ByRecipe, network: str) -> list[str]:
    coins = _coins_with(runs, lambda run: network in run.models)
    fits = [[each[coin].models[network] for coin in coins] for each in runs.values()]
    cells = [cell for each in fits for cell in (_length(each), _took(each))]
    return [label(network), *(cells if coins else [NOT_RUN] * len(cells)), str(len(coins))]


def _length(fits: list[Model]) -> str:
    steps, epochs = _mean(map(_steps, fits)), _mean(map(_epochs, fits))
    return NOTHING if epochs is None else f"{NOTHING if steps is None else f'{steps:,.0f}'} ({epochs:.1f})"


def _epochs(fit: Model) -> float | None:
    return float(fit.epochs) if isinstance(fit.epochs, int) else None


def _steps(fit: Model) -> float | None:
    """Batches until the best weights: an epoch is every original and its copies, unless the recipe sets its size."""
    known, epochs = fit.params, _epochs(fit)
    if epochs is None or not {"n_train_windows", "n_copies", "batch_size"} <= set(known):
        return None
    windows: int = known.get("epoch_windows") or known["n_train_windows"] * (1 + known["n_copies"])
    return epochs * float(ceil(windows / known["batch_size"]))


def _took(fits: list[Model]) -> str:
    seconds = _mean(fit.seconds for fit in fits)
    return NOTHING if seconds is None else duration(seconds)
