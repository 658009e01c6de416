"""Which way of combining models is used, and why: decided on val."""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd

from forecaster.metrics import skill_vs_zero
from forecaster.settings import Config
from forecaster.windows import Floats

Candidate = Literal["convex", "regime", "stack", "best_mean"]
CANDIDATES: tuple[Candidate, ...] = get_args(Candidate)
DEFAULT: Candidate = "best_mean"  # stands unless another beats it by more than chance
LEVEL = 0.05  # of the test
Method = Literal[Candidate, "weighted_average", "best_single"]
METHODS: tuple[Method, ...] = (*CANDIDATES, "weighted_average")  # that are built before val decides
MERIT = 4  # the power of a model's skill by which it counts: 0 is a plain mean, infinity the best model alone
KEPT = 0.5  # of what the best single model would save on val, were it shipped: what keeps less has lost too much
PRIOR = {"tcn": 4.0}  # by which a model counts more than another of its skill: on planted markets it knows more


class Choice(Config):
    """What val decided, and on what grounds.

    Attributes:
        method: how forecasts are combined.
        why: one sentence with every candidate's val ratio.
        val_ratios: RMSE / RMSE of the zero forecast on val, mean over horizons: per method, after its gate or made
            quiet, and per single model.
        fallback: whether the stack was chosen and then given up for the weighted average.
        fallback_reason: the warning that goes with it.
    """

    method: Method
    why: str
    val_ratios: dict[str, float]
    fallback: bool = False
    fallback_reason: str | None = None


def ratio_to_zero(frame: pd.DataFrame, y_hat: "pd.Series[float]", horizons: Sequence[int]) -> float:
    """RMSE / RMSE of the zero forecast, mean over horizons; below 1 is better than doing nothing.

    Args:
        frame: forecast frame with `horizon` and `y`; unlabelled rows are left out.
        y_hat: the forecasts to score, on the frame's index.
        horizons: days ahead, each with labelled rows.

    Raises:
        ValueError: if a horizon has no labels, or the price never moved.
    """
    ratios = []
    for h in horizons:
        rows = ((frame["horizon"] == h) & np.isfinite(frame["y"])).to_numpy()
        y = frame["y"].to_numpy(float)[rows]
        if not np.any(y):
            raise ValueError(f"Expected labelled val rows with moving prices for horizon {h}. Received: {len(y)} rows")
        ratios.append(1 - skill_vs_zero(y, y_hat.to_numpy(float)[rows]))
    return float(np.mean(ratios))


def merits(ratios: Mapping[str, float], members: Sequence[str]) -> dict[str, float]:
    """Weights of a mean of models: `PRIOR` times the `MERIT`-th power of each one's skill, divided by their sum.

    Where some models have learned and others have not, a plain mean is worse than the best of them (Bates & Granger
    1969). Skill on some hundred days says so much about them, and what is known of their kind the rest; power and prior
    were chosen on planted markets. Where none is better than the zero forecast all weigh the same.

    Args:
        ratios: `ratio_to_zero` of every member, on days that it was not fitted to.
        members: the single models.
    """
    skill = np.array([max(1 - ratios[name], 0.0) for name in members])
    prior = np.array([PRIOR.get(name, 1.0) for name in members])
    weights = prior * (skill / skill.max()) ** MERIT if skill.max() > 0 else np.ones(len(members))
    return dict(zip(members, (weights / weights.sum()).tolist(), strict=True))


def chances(
    frame: pd.DataFrame, forecasts: Mapping[Method, "pd.Series[float]"], horizons: Sequence[int]
) -> dict[Candidate, float | None]:
    """One-sided p-values that each candidate's forecasts are no better than those of `DEFAULT`; None: no difference.

    Diebold and Mariano's test of the daily mean over horizons, each in units of the zero forecast's error.

    Args:
        frame: forecast frame of one coin with `cutoff`, `horizon` and `y`; unlabelled rows are left out.
        forecasts: those of every candidate, on the frame's index.
        horizons: days ahead.
    """
    from forecaster.significance import worse_p_value  # its libraries are slow to import

    size = frame.groupby("horizon")["y"].apply(lambda y: float((y**2).mean()))

    def losses(y_hat: "pd.Series[float]") -> Floats:
        scaled = frame.assign(loss=(frame["y"] - y_hat) ** 2 / frame["horizon"].map(size))
        daily: Floats = scaled.pivot(index="cutoff", columns="horizon", values="loss").dropna().mean(axis=1).to_numpy()
        return daily

    default, rivals = losses(forecasts[DEFAULT]), [name for name in CANDIDATES if name in forecasts and name != DEFAULT]
    return {name: worse_p_value(default, losses(forecasts[name]), max(horizons)) for name in rivals}


def choose(ratios: Mapping[str, float], members: Sequence[str], p_values: Mapping[Candidate, float | None]) -> Choice:
    """The mean by skill, unless another candidate beats it by more than chance; then the fallback rules.

    Val is short, and the best of four on val is often so by luck: on planted markets a stack that won by a hair knew a
    fifth less of the signal. A chosen stack that is worse than the best single model on val gives way to a simple
    weighted average, as specified. Where val supports nothing of what was combined, or that keeps less than `KEPT` of
    what the best single model would save, that model whispers: that does little harm, can be graded day by day, and is
    no worse than having picked that model.

    Args:
        ratios: `ratio_to_zero` of every candidate that could be built, after its gate, of every member, and of
            `best_single`, the best of them made quiet.
        members: the single models among them.
        p_values: of the candidates other than `DEFAULT`, from `chances`.
    """
    rivals = [name for name, p in p_values.items() if p is not None and p <= LEVEL]
    best: Candidate = min((DEFAULT, *rivals), key=lambda name: ratios[name])
    single = min(members, key=lambda name: ratios[name])
    why = _explain(best, [name for name in CANDIDATES if name in ratios], single, ratios)
    if _is_lost(best, ratios):
        return Choice(method="best_single", why=why, val_ratios=dict(ratios))
    if best != "stack" or ratios["stack"] <= ratios[single]:
        return Choice(method=best, why=why, val_ratios=dict(ratios))
    reason = (
        f"The stack's val RMSE, {ratios['stack']:.4f} of zero's, exceeds that of the best single model, "
        f"{single} with {ratios[single]:.4f}: a weighted average with the default weights takes its place."
    )
    return Choice(method="weighted_average", why=why, val_ratios=dict(ratios), fallback=True, fallback_reason=reason)


def _is_lost(best: Candidate, ratios: Mapping[str, float]) -> bool:
    """Whether a combination saves nothing of the zero forecast's error, or much less than a single model would."""
    least = 0.0 if best == "stack" else KEPT * (1 - ratios["best_single"])  # the stack has a fallback of its own
    saved = 1 - ratios[best]
    return saved <= 0 or saved < least


def _explain(best: Candidate, candidates: Sequence[str], single: str, ratios: Mapping[str, float]) -> str:
    """One sentence: who won by which figures."""
    figures = ", ".join(f"{name} {ratios[name]:.4f}" for name in candidates)
    unit = "RMSE / RMSE of the zero forecast on val, each after its gate, mean over horizons"
    without = "" if "stack" in candidates else "There were no out-of-fold rows for every horizon to stack. "
    won = f"No candidate has a smaller error than {best} by more than chance"
    if best != DEFAULT:
        won = f"Of the candidates {best} has the smallest error, by more than chance"
    if ratios[best] < 1 and _is_lost(best, ratios):
        won += f"; but it saves less than {KEPT:.0%} of what {single} does, kept small, and that model stands in"
    if ratios[best] >= 1:
        won = f"None of the candidates has a smaller error than the zero forecast: {single} stands in, kept small"
    return f"{without}{won} ({unit}: {figures}; best single model {single} {ratios[single]:.4f})."
