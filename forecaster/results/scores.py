"""Sections on how well and how fast the judged models forecast, the specification's figures beside each."""

from collections.abc import Callable, Mapping

from forecaster.names import NOTHING, duration, label
from forecaster.report import TrainingReport
from forecaster.report.tables import table
from forecaster.results import published
from forecaster.results.runs import ByCoin
from forecaster.results.tables import (
    NOT_RUN,
    at_all_horizons,
    by_coin,
    by_model,
    direction,
    metrics,
    number,
    scaled,
    signed,
    skills,
    target_scale,
)
from forecaster.settings import COINS, ENSEMBLE

Lines = Mapping[str, Callable[[TrainingReport], str | None]]
HERE = "(here)"  # marks figures of our own inside a table of the specification's


def validation(runs: ByCoin) -> list[str]:
    """Scaled RMSE on val, the specification's first table, and what a zero forecast scores in each of its units."""
    return [
        "RMSE one day ahead over the interquartile range of the train targets: the specification's unit.",
        by_model(runs, scaled("val")),
        "RMSE in log-return, 1 / 7 / 30 days ahead:",
        by_model(runs, at_all_horizons("rmse", "val")),
        "**The specification's table**, and below it what a forecast of no change scores here in the units that its "
        "rows turn out to have: its networks' rows are scaled RMSE on val, its LightGBM row is a scaled MAE (so it "
        "says), its ensemble row is the scaled RMSE on *test* of a later table. Its days are not ours, so levels may "
        "differ; the last two rows have no unit and need not: where they agree, LightGBM's lead is that of a smaller "
        "measure.",
        beside(runs, _figures(published.VAL_RMSE), _zero_in_every_unit()),
    ]


def _zero_in_every_unit() -> Lines:
    return {
        f"Zero return {HERE}, RMSE, val": lambda run: scaled("val")(run, "zero"),
        f"Zero return {HERE}, MAE, val": lambda run: _scaled_mae(run),
        f"Zero return {HERE}, RMSE, test": lambda run: scaled("test")(run, "zero"),
        "LightGBM / best network, as published": lambda run: _published_ratio(run.coin),
        f"Zero's MAE / zero's RMSE {HERE}, val": lambda run: _mae_over_rmse(run),
    }


def _scaled_mae(run: TrainingReport) -> str | None:
    zero, scale = metrics(run, "zero", "val"), target_scale(run)
    return number(zero.mae / scale) if zero and zero.mae is not None and scale else None


def _mae_over_rmse(run: TrainingReport) -> str | None:
    zero = metrics(run, "zero", "val")
    return number(zero.mae / zero.rmse, 2) if zero and zero.mae is not None and zero.rmse else None


def _published_ratio(coin: str) -> str | None:
    networks = [row[coin] for model, row in published.VAL_RMSE.items() if model in published.GAP and coin in row]
    return number(published.VAL_RMSE["lightgbm"][coin] / min(networks), 2) if networks else None


def test_scores(runs: ByCoin) -> list[str]:
    """The test part: scaled, plain, absolute, and as skill, at all horizons."""
    return [
        "Scaled RMSE one day ahead, on test, which nothing was fitted to or chosen on:",
        by_model(runs, scaled("test")),
        "RMSE in log-return, 1 / 7 / 30 days ahead:",
        by_model(runs, at_all_horizons("rmse")),
        "MAE in log-return, 1 / 7 / 30 days ahead:",
        by_model(runs, at_all_horizons("mae")),
        "Skill: by how many percent RMSE is below that of a forecast of no change, 1 / 7 / 30 days ahead. Below zero, "
        "the model did worse than saying nothing:",
        by_model(runs, skills),
    ]


def gap(runs: ByCoin) -> list[str]:
    """Val over train RMSE, zero's ratio being how much rougher val was."""
    return [
        "Val RMSE / train RMSE one day ahead. A forecast of no change cannot overfit: its ratio says how much rougher "
        "or calmer val was than train, and only what exceeds it is overfitting.",
        by_model(runs, _ratio),
        "**The specification's table**, and zero's ratio here:",
        beside(
            runs,
            _figures(published.GAP, "{:.2f}x"),
            {f"Zero return {HERE}": lambda run: _ratio(run, "zero")},
        ),
    ]


def _ratio(run: TrainingReport, model: str) -> str | None:
    rival = run.rivals.get(model)
    if rival is None or not rival.gap:
        return None
    ratio = rival.gap.get("1")
    return NOTHING if ratio is None else f"{ratio:.2f}x"


def best(runs: ByCoin) -> list[str]:
    """The best single model beside the one that val chose, the ensemble and zero."""
    return [
        "Scaled RMSE one day ahead on test. Best on test is hindsight: nobody could have known. Chosen on val is what "
        "one would have used. Percent: by how much the ensemble's RMSE is below (+) or above (-) the other's.",
        by_coin(runs, _best_lines(), "on test"),
        "**The specification's table**, and zero's RMSE here, on our days, in what looks like the same unit:",
        _published_best(runs),
    ]


def _best_lines() -> Lines:
    return {
        "best single model (hindsight)": lambda run: _named(run, _winner(run, "test")),
        "single model chosen on val": lambda run: _named(run, _winner(run, "val")),
        "Ensemble": lambda run: _named(run, ENSEMBLE),
        "Zero return": lambda run: _named(run, "zero"),
        "ensemble against the best, %": lambda run: _against(run, _winner(run, "test")),
        "ensemble against the chosen, %": lambda run: _against(run, _winner(run, "val")),
        "ensemble against zero, %": lambda run: _against(run, "zero"),
    }


def _winner(run: TrainingReport, part: str) -> str | None:
    scores = {m: found.rmse for m in run.models if (found := metrics(run, m, part)) and found.rmse is not None}
    return min(scores, key=lambda m: scores[m]) if scores else None


def _named(run: TrainingReport, model: str | None) -> str | None:
    found = metrics(run, model, "test") if model else None
    if model is None or found is None:
        return None
    name = f" ({run.ensemble.method})" if model == ENSEMBLE and run.ensemble else f" {label(model)}"
    return number(found.scaled_rmse) + (name if model != "zero" else "")


def _against(run: TrainingReport, model: str | None) -> str | None:
    ours, other = metrics(run, ENSEMBLE, "test"), metrics(run, model, "test") if model else None
    if ours is None or other is None or ours.rmse is None or not other.rmse:
        return None
    return signed(1 - ours.rmse / other.rmse)


def _published_best(runs: ByCoin) -> str:
    p = published
    lines: dict[str, Callable[[str], str]] = {
        "best single model": lambda c: f"{p.BEST_TEST_RMSE[c]:.3f} {label(p.BEST_MODEL[c])}",
        "Ensemble": lambda c: f"{p.ENSEMBLE_TEST_RMSE[c]:.3f}",
        "ensemble against the best, %": lambda c: signed(1 - p.ENSEMBLE_TEST_RMSE[c] / p.BEST_TEST_RMSE[c]),
    }
    figures = {name: {str(coin): cell(coin) for coin in COINS} for name, cell in lines.items()}
    return beside(runs, figures, {f"Zero return {HERE}": lambda run: scaled("test")(run, "zero")})


def directions(runs: ByCoin) -> list[str]:
    """Right signs one day ahead, with the standard error of each share."""
    return [
        "Percent of test days with the right sign, one day ahead, ± one standard error, sqrt(p(1-p)/n). A forecast of "
        "no change names no direction; that of the train mean always names the same one, so its row is the share of "
        "days on which the market went that way.",
        by_model(runs, direction),
        "**The specification's table.** With some 600 test days the standard error is about two points, so of 20 coin "
        "tosses one would be expected outside 50 ± 4:",
        beside(runs, _figures(published.DIRECTION, "{:.1%}"), {"Zero return": lambda run: "no direction"}),
    ]


def times(runs: ByCoin) -> list[str]:
    """What the judged fits took."""
    return [
        "The fit that is judged, wall clock on one thread, whatever else the machine did; folds and the serving refit "
        "come on top, several side by side. "
        "LightGBM's holds the trees of its intervals too, where it has any: four times as many again.",
        by_model(runs, _took),
        "**The specification's table**, on an Apple M3 Max with its GPU:",
        beside(runs, _figures(published.MINUTES, "{:g} min"), {"Zero return": lambda run: "nothing to fit"}),
    ]


def _took(run: TrainingReport, model: str) -> str | None:
    if model == "zero":
        return "nothing to fit"
    if model in run.models:
        seconds = run.models[model].seconds
        return NOTHING if seconds is None else duration(seconds)
    step = next((s for s in run.steps if s.name == f"stack-{run.coin}"), None) if model == ENSEMBLE else None
    if step and step.cache == "miss" and step.seconds is not None:
        return duration(step.seconds)
    return NOTHING if model in run.rivals else None


def _figures(figures: Mapping[str, Mapping[str, float]], form: str = "{:.2f}") -> dict[str, dict[str, str]]:
    return {label(model): {coin: form.format(v) for coin, v in row.items()} for model, row in figures.items()}


def beside(runs: ByCoin, theirs: Mapping[str, Mapping[str, str]], ours: Lines) -> str:
    """The specification's rows, and below them figures of ours that put them into proportion."""
    rows = [[name, *(row[coin] for coin in COINS)] for name, row in theirs.items()]
    below = [
        [f"*{name}*", *((cell(runs[coin]) or NOT_RUN) if coin in runs else NOT_RUN for coin in COINS)]
        for name, cell in ours.items()
    ]
    return table(("specification", *COINS), [*rows, *below])
