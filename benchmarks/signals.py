"""Whether the networks learn when there is something to learn, and keep still when there is not.

    python -m benchmarks.signals [--shapes linear,none,...] [--seeds 66,67,68,69,70] [--recipes learning,specified]
                                [--models ...] [--ensemble] [--jobs 2] [--to FILE]
    python -m benchmarks.signals --real DIR --as-of 2025-12-30     # real bars, test part

Each market is simulated with a known law (`benchmarks/planted.py`) and goes through preparation, selection and fits of
the library as a night's would; forecasts of test are scored once. Told are R2 against the zero forecast, its share of
the oracle's R2, the share that is to be expected over many test parts (`knows`), and RMSE over zero's. The musts are
held to the recipe `learning` alone. A seed of four networks takes about two minutes of one core under `learning` and
eight under `specified`; the ensemble six times that. Exits 1 on a miss.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click
import pandas as pd

from benchmarks.measure import Figure, conclude, write
from benchmarks.planted import LAWS
from benchmarks.signal_cases import FILTER, Case, case_scores
from forecaster.settings import COINS, ENSEMBLE, MODELS, NETWORKS
from tasks.pool import Pool

SHARES = {"dlinear": 0.4, "enhanced_lstm": 0.4, "transformer": 0.3}  # musts: of the oracle's R2, mean over seeds
RATIOS = {1: 1.003, 7: 1.01, 30: 1.03}  # musts on real bars: RMSE over zero's, mean over coins
QUIET = 1.005  # must without a signal


def summary(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A line per shape, recipe and model: means over seeds or coins, horizons side by side."""
    lines = []
    for (shape, recipe, model), rows in frame.groupby(["shape", "recipe", "model"], sort=False):
        line = {"market": shape, "recipe": recipe, "model": model, "R2": _each(rows, "r2", "{:+.3f}")}
        if rows["oracle"].notna().all() and (rows["oracle"] != 0).all():
            line |= {"oracle's": _each(rows, "oracle", "{:.3f}"), "share": "/".join(f"{s:.0%}" for s in shares(rows))}
            line |= {"knows": _each(rows, "knows", "{:.0%}")}
        line |= {"positive": _each(rows.assign(positive=rows["r2"] > 0), "positive", "{:.0%}")}
        effort = {
            "best step": rows["best_step"].mean(),
            "steps": rows["steps"].mean(),
            "s a fit": rows["seconds"].mean(),
        }
        lines.append(line | {"RMSE / zero's": _each(rows, "ratio", "{:.4f}")} | effort)
    return lines


def shares(rows: pd.DataFrame) -> list[float]:
    """Mean R2 over the mean of the oracle's, per horizon."""
    means = rows.groupby("horizon")[["r2", "oracle"]].mean()
    return (means["r2"] / means["oracle"]).tolist()


def figures(frame: pd.DataFrame) -> list[Figure]:
    """What the recipe `learning` is held to."""
    learned = frame[frame["recipe"] == "learning"]
    by_shape = {shape: rows for shape, rows in learned.groupby("shape")}
    bars = [*_planted(by_shape["linear"])] if "linear" in by_shape else []
    for shape in (s for s in ("sign", "product") if s in by_shape):
        bars += [*_nonlinear(shape, by_shape[shape])]
    for shape in (s for s in ("none", "idle") if s in by_shape):
        bars += [*_quiet(shape, by_shape[shape])]
    return bars + ([*_real(by_shape["real"])] if "real" in by_shape else [])


def _planted(rows: pd.DataFrame) -> Iterable[Figure]:
    ridge = rows[rows["model"] == "ridge"].groupby("horizon")["r2"].mean()
    for model, must in SHARES.items():
        own = rows[rows["model"] == model]
        if len(own):
            yield Figure(f"{model}: least share of the oracle's R2", min(shares(own)), "", f">= {must}")
            yield Figure(f"{model}: worst R2 of any seed and horizon", own["r2"].min(), "", "> 0")
    tcn = rows[rows["model"] == "tcn"]
    for horizon in (7, 30) if len(tcn) else ():
        mean = tcn[tcn["horizon"] == horizon]["r2"].mean()
        yield Figure(f"tcn: R2 over ridge's at h={horizon}", mean / ridge[horizon], "x", ">= 1")
    if len(tcn):
        yield Figure("tcn: least share of the oracle's R2", min(shares(tcn)), "", None, ">= 0.7")
    yield from _ensemble(rows)


def _ensemble(rows: pd.DataFrame) -> Iterable[Figure]:
    if not (rows["model"] == ENSEMBLE).any():
        return
    by_seed = rows.groupby(["model", "seed"])[["ratio", "val_ratio"]].mean()
    singles = by_seed.loc[[m for m in MODELS if m in by_seed.index]].unstack("model")
    chosen = singles["val_ratio"].idxmin(axis=1)
    rivals = {
        "the model chosen on val": pd.Series([singles.loc[s, ("ratio", m)] for s, m in chosen.items()], chosen.index),
        "the best model in hindsight": singles["ratio"].min(axis=1),
    }
    enough = f">= {0.8 * len(chosen):g}"
    for who, ratio in rivals.items():
        wins = int((by_seed.loc[ENSEMBLE, "ratio"] <= ratio).sum())
        yield Figure(f"ensemble: seeds of {len(ratio)} in which it is no worse than {who}", wins, "", enough)
    wins = int((by_seed.loc[FILTER, "ratio"] <= rivals["the best model in hindsight"]).sum())
    yield Figure("the same of the best filter, who knows the law", wins)
    combined = rows[rows["model"] == ENSEMBLE]
    yield Figure("ensemble: least share of the oracle's R2", min(shares(combined)), "", ">= 0.7", ">= 0.85")


def _nonlinear(shape: str, rows: pd.DataFrame) -> Iterable[Figure]:
    means = rows.groupby(["model", "horizon"])["r2"].mean().unstack("horizon")
    if {"lightgbm", "ridge"} <= set(means.index):
        for horizon, lead in (means.loc["lightgbm"] - means.loc["ridge"]).items():
            yield Figure(f"lightgbm: R2 above ridge's on {shape}, h={horizon}", float(lead), "", ">= 0")


def _quiet(shape: str, rows: pd.DataFrame) -> Iterable[Figure]:
    for model in (m for m in NETWORKS if (rows["model"] == m).any()):
        worst = rows[rows["model"] == model].groupby("horizon")["ratio"].mean().max()
        name = f"{model}: RMSE over zero's on {shape}, worst horizon"
        yield Figure(name, worst, "", f"<= {QUIET}", "<= 1.002")


def _real(rows: pd.DataFrame) -> Iterable[Figure]:
    for model in (m for m in NETWORKS if (rows["model"] == m).any()):
        means = rows[rows["model"] == model].groupby("horizon")["ratio"].mean()
        for horizon, must in RATIOS.items():
            name = f"{model}: RMSE over zero's on real bars, h={horizon}"
            yield Figure(name, float(means[horizon]), "", f"<= {must}", "<= 1.0")


def _each(rows: pd.DataFrame, column: str, form: str) -> str:
    return "/".join(form.format(value) for value in rows.groupby("horizon")[column].mean())


def _split(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


@click.command(help=__doc__)
@click.option("--shapes", default="linear,none", help=f"Markets, of {', '.join(LAWS)}.")
@click.option("--seeds", default="66,67,68,69,70", help="Of the simulated markets.")
@click.option("--coins", default="BTC", help="Of each simulated market.")
@click.option("--recipes", default="learning,specified")
@click.option("--models", default=",".join(MODELS))
@click.option("--ensemble", is_flag=True, help="Fit the folds too, and stack.")
@click.option("--real", type=click.Path(path_type=Path, exists=True), help="Folder of real bars, instead of simulated.")
@click.option("--as-of", default="2025-12-31", help="Last day of real bars.")
@click.option("--jobs", default=2, help="Worker processes.")
@click.option("--to", type=click.Path(path_type=Path), help="Where the records go, as JSON.")
def main(
    shapes: str,
    seeds: str,
    coins: str,
    recipes: str,
    models: str,
    ensemble: bool,
    real: Path | None,
    as_of: str,
    jobs: int,
    to: Path | None,
) -> None:
    """See the module."""
    if real:
        cases = [Case("real", 0, coin, real, as_of) for coin in COINS]
    else:
        cases = [Case(m, int(s), c) for m in _split(shapes) for s in _split(seeds) for c in _split(coins)]
    frame = pd.DataFrame(_collect(cases, _split(recipes), _split(models), ensemble, jobs))
    status = conclude("Networks and a planted signal", summary(frame), figures(frame))
    write({"rows": summary(frame), "figures": figures(frame), "scores": frame.to_dict("records")}, to)
    sys.exit(status)


def _collect(cases: Sequence[Case], recipes: Any, models: Any, ensemble: bool, jobs: int) -> list[dict[str, Any]]:
    records = []
    with Pool(jobs) as pool:
        for case in cases:
            records += case_scores(case, recipes, models, pool, ensemble)
            print(f"{case.shape} {case.seed} {case.coin} done", file=sys.stderr, flush=True)
    return records


if __name__ == "__main__":
    main()
