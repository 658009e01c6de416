"""Stored point forecasts of all coins, scored: the figures on the shipped forecast of `benchmarks.trust`."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.measure import Figure
from forecaster.ensemble import AdvancedEnsemble
from forecaster.regime import weights_for
from forecaster.settings import ENSEMBLE, MODELS
from forecaster.significance import worse_p_value
from forecaster.windows import Floats

SHIPPED = "shipped"
LEVEL = 0.05  # of the test that a rival is better


@dataclass(frozen=True)
class Run:
    """A coin's latest saved run: its forecast frame, and who among the single models did best on val."""

    coin: str
    frame: pd.DataFrame
    members: tuple[str, ...]
    chosen: str

    @property
    def centre(self) -> pd.DataFrame:
        """What was shipped, from val on: `cutoff, horizon, y_hat`."""
        shipped = self.frame[["cutoff", "horizon", SHIPPED]].rename(columns={SHIPPED: "y_hat"})
        return shipped.dropna()


def read_run(artifacts: Path, coin: str) -> Run:
    """The run that `latest-folder.json` of a coin names, or else any `latest-*.json`.

    Raises:
        FileNotFoundError: if there is none.
    """
    pointers = sorted((artifacts / coin).glob("latest-*.json"), key=lambda path: path.name != "latest-folder.json")
    if not pointers:
        raise FileNotFoundError(f"Expected a saved run of {coin}. Received: no latest-*.json in {artifacts / coin}.")
    folder = artifacts / json.loads(pointers[0].read_text())["folder"]
    frame = pd.read_parquet(folder / "forecasts.parquet")
    members = tuple(m for m in MODELS if m in frame)
    chosen = min(members, key=lambda m: np.mean(list(ratios(frame, m, "val").values())))
    frame[SHIPPED] = frame[ENSEMBLE if ENSEMBLE in frame else chosen]
    return Run(coin, _with_rivals(frame, members, folder / ENSEMBLE), members, chosen)


def ratios(frame: pd.DataFrame, model: str, part: str) -> dict[int, float]:
    """RMSE over zero's RMSE per horizon, on the labelled rows of `part`."""
    rows = frame[(frame["part"] == part) & frame["y"].notna()]
    squared = pd.DataFrame({"own": (rows["y"] - rows[model]) ** 2, "zero": rows["y"] ** 2}).groupby(rows["horizon"])
    means = squared.mean()
    return {int(h): float(value) for h, value in np.sqrt(means["own"] / means["zero"]).items()}


def table_of(runs: Iterable[Run], part: str) -> pd.DataFrame:
    """RMSE over zero's: a row per coin, model and horizon."""
    rows = []
    for run in runs:
        for model in (c for c in (SHIPPED, *RIVALS, *run.members, "ridge") if c in run.frame):
            found = ratios(run.frame, model, part)
            rows += [{"coin": run.coin, "model": model, "h": h, "ratio": r} for h, r in found.items()]
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame) -> list[dict[str, object]]:
    """A line per model: mean over coins of each horizon, mean and worst over all cells."""
    lines = []
    for model, rows in table.groupby("model", sort=False):
        means = rows.groupby("h")["ratio"].mean()
        lines.append(
            {"RMSE / zero's": model}
            | {f"h={h}": f"{value:.4f}" for h, value in means.items()}
            | {"mean": f"{rows['ratio'].mean():.4f}", "worst": f"{rows['ratio'].max():.4f}"}
        )
    return lines


def daily_losses(runs: Iterable[Run], models: Sequence[str], part: str) -> Floats:
    """Squared errors in units of zero's mean, averaged over coins and horizons: `(n_days, n_models)`.

    Of the runs that have all `models`, the days that all of them have.
    """
    cells = []
    for run in (run for run in runs if set(models) <= set(run.frame)):
        rows = run.frame[(run.frame["part"] == part) & run.frame["y"].notna()]
        for _, cell in rows.set_index("cutoff").groupby("horizon"):
            cells.append(cell[list(models)].rsub(cell["y"], axis=0) ** 2 / (cell["y"] ** 2).mean())
    whole = pd.concat(cells, axis=1, keys=range(len(cells))).dropna().sort_index()
    return np.column_stack([whole.xs(model, axis=1, level=1).mean(axis=1) for model in models])


def figures(runs: list[Run], table: pd.DataFrame, part: str) -> Iterable[Figure]:
    """What the shipped forecast is held to.

    Rivals are made of the same models, each already shrunk to what it could show: where that is next to nothing, all
    ways to combine them differ by hundredths of a percent, and only one that is better by more than chance says that
    another should have been shipped.
    """
    shipped = table[table["model"] == SHIPPED]["ratio"]
    yield Figure("shipped: RMSE / zero's, mean over coins and horizons", float(shipped.mean()), "", "<= 1.003")
    yield Figure("shipped: RMSE / zero's, worst cell", float(shipped.max()), "", "<= 1.02")
    means = table.groupby(["coin", "model"])["ratio"].mean().unstack()
    for rival in (r for r in RIVALS if r in means):
        behind = 100 * float((means[rival] / means[SHIPPED] - 1).mean())
        yield Figure(f"{rival}: RMSE above shipped's, mean", behind, "%")
        own, other = daily_losses(runs, (SHIPPED, rival), part).T
        chance = worse_p_value(own, other, max(table["h"]))
        if chance is not None:
            yield Figure(f"{rival}: p of the test whether it is better than shipped", chance, "", f">= {LEVEL}")
    wins = sum(bool(means.loc[run.coin, SHIPPED] <= means.loc[run.coin, run.chosen]) for run in runs)
    yield Figure(
        f"coins of {len(runs)} in which shipped is no worse than the model chosen on val",
        wins,
        "",
        f">= {0.8 * len(runs):g}",
    )
    best = pd.Series({run.coin: means.loc[run.coin, list(run.members)].min() for run in runs})
    shortfall = 100 * float((means[SHIPPED].loc[best.index] / best - 1).mean())
    yield Figure("mean shortfall to the best single model in hindsight", shortfall, "%", "<= 1")


RIVALS = ("fixed weights", "equal weights", "convex, unshrunk", "LightGBM meta")


def _with_rivals(frame: pd.DataFrame, members: tuple[str, ...], ensemble: Path) -> pd.DataFrame:
    """Columns for other ways to combine the same members, as far as the run kept what they learned."""
    fixed = weights_for(None, members)
    added = {
        "fixed weights": sum(w * frame[m] for m, w in fixed.items()),
        "equal weights": frame[list(members)].mean(axis=1),
    }
    if (ensemble / "ensemble.json").is_file():
        stored = AdvancedEnsemble.load(ensemble)
        if stored.convex_ is not None:
            kept = 1 - stored.convex_.shrinkage
            table = pd.DataFrame(stored.convex_.weights_).T / kept
            weights = table.loc[frame["horizon"]].set_axis(frame.index)
            added["convex, unshrunk"] = (weights * frame[list(weights)]).sum(axis=1)
        if stored.meta_learner_ is not None:
            added["LightGBM meta"] = stored.meta_learner_.predict(frame)
    return frame.assign(**added)
