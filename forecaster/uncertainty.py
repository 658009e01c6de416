"""How sure the models say they are, and how often they were right to be: intervals of test forecasts, scored.

A stored model gives quantiles of its forecasts: a network by Monte Carlo dropout, LightGBM by a quantile objective.
Beside them stands what needs no model: the quantiles of the train targets, around a forecast of zero.
"""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.fitting import FitResult, load_model
from forecaster.models.base import QuantileForecaster
from forecaster.settings import Config, UncertaintyConfig
from forecaster.store import Artifact, Store
from forecaster.windows import LOG_CLOSE, Floats, log_returns, make_windows

STATIC = "zero"  # whose intervals the train quantiles are


class Intervals(Config):
    """What one model said about its test forecasts, and how often it was right.

    Attributes:
        model: its name.
        quantiles: frame `cutoff, horizon, q05, q10, ...` in plain log-returns, labelled or not.
        scores: horizon -> `coverage_80`, `coverage_80_se`, `width_80`, the same for the other levels, and `n`.
    """

    model: str
    quantiles: Artifact
    scores: dict[str, dict[str, int | float | None]]


def intervals_unit(
    root: Path, fitted: FitResult, lookback: int, horizons: tuple[int, ...], part: Artifact, config: UncertaintyConfig
) -> Intervals:
    """Quantiles of every forecast of `part` by a stored model, scored over the origins whose outcome is known.

    Raises:
        TypeError: if the model knows no quantiles.
    """
    store = Store(root)
    rows = store.frame(part)
    model, preprocessor = load_model(store.path(fitted.folder), fitted.model)
    if not isinstance(model, QuantileForecaster):
        raise TypeError(f"Expected a network or LightGBM, which know quantiles. Received: {fitted.model}. Leave it out")
    windows = make_windows(preprocessor.transform(rows), rows[LOG_CLOSE].to_numpy(), lookback, horizons)
    seed = unit_seed(config.seed, fitted.coin, fitted.model)
    quantiles = model.quantiles(windows, config.quantiles, config.mc_samples, seed)
    days = pd.DatetimeIndex(rows.index)[windows.origin]
    return _keep(store, fitted.model, quantiles, windows.y, days, horizons, config)


def static_intervals_unit(
    root: Path, lookback: int, horizons: tuple[int, ...], train: Artifact, part: Artifact, config: UncertaintyConfig
) -> Intervals:
    """The same for the zero forecast: quantiles of the train targets as they are, one interval for every origin."""
    store = Store(root)
    (_, seen), (cutoff, y) = (_outcomes(store, each, lookback, horizons) for each in (train, part))
    labelled = seen[np.isfinite(seen).all(axis=1)]  # the origins that models learn from
    static = np.quantile(labelled, config.quantiles, axis=0).T  # (n_horizons, n_quantiles)
    return _keep(store, STATIC, np.tile(static, (len(y), 1, 1)), y, cutoff, horizons, config)


def unit_seed(seed: int, coin: str, model: str) -> int:
    """A seed of this unit's own."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{coin}/{model}/intervals".encode()).digest()[:4])


def interval_scores(
    y: Floats, quantiles: Floats, horizon: int, config: UncertaintyConfig
) -> dict[str, int | float | None]:
    """Coverage, its standard error and mean width per level, over the origins whose outcome is known.

    Args:
        y: log-returns `(n,)`; NaN where the outcome is not known yet.
        quantiles: `(n, n_quantiles)`, those of `config.quantiles`, in log-returns.
        horizon: days ahead.
        config: levels to score.

    Returns:
        `coverage_80`, `coverage_80_se`, `width_80` (log-return), ... and `n`; all but `n` None without an outcome.
    """
    known = np.isfinite(y)
    scores: dict[str, int | float | None] = {}
    for i, level in enumerate(sorted(config.levels, reverse=True)):  # the widest first, from the outer quantiles in
        lower, upper = quantiles[known, i], quantiles[known, -1 - i]
        covered = (lower <= y[known]) & (y[known] <= upper)
        values = _score(covered, upper - lower, horizon) if len(covered) else (None, None, None)
        name = f"{100 * level:g}"
        names = (f"coverage_{name}", f"coverage_{name}_se", f"width_{name}")
        scores |= dict(zip(names, values, strict=True))
    return {**scores, "n": int(known.sum())}


def coverage_se(coverage: float, n: int, horizon: int) -> float:
    """Standard error of an observed coverage, from `n / horizon` independent origins.

    Outcomes of origins less than `horizon` days apart overlap. Two hits and two misses are added to those observed
    (Agresti & Coull 1998), so that no share, not even 0 or 1, counts as known for certain.
    """
    n_effective = n / horizon
    share = (coverage * n_effective + 2) / (n_effective + 4)
    return float(np.sqrt(share * (1 - share) / (n_effective + 4)))


def _score(covered: Floats, width: Floats, horizon: int) -> tuple[float, float, float]:
    coverage = float(covered.mean())
    return coverage, coverage_se(coverage, len(covered), horizon), float(width.mean())


def _outcomes(
    store: Store, part: Artifact, lookback: int, horizons: tuple[int, ...]
) -> tuple[pd.DatetimeIndex, Floats]:
    """Origins of a part and their log-returns `(n, n_horizons)`, without a look at any feature."""
    log_close = store.frame(part)[LOG_CLOSE]
    y = log_returns(log_close.to_numpy(), horizons)
    return pd.DatetimeIndex(log_close.index)[lookback - 1 :], y[lookback - 1 :]


def _keep(
    store: Store,
    model: str,
    quantiles: Floats,
    y: Floats,
    cutoff: pd.DatetimeIndex,
    horizons: tuple[int, ...],
    config: UncertaintyConfig,
) -> Intervals:
    names = [f"q{f'{100 * q:g}'.zfill(2)}" for q in config.quantiles]
    frames, scores = [], {}
    for i, h in enumerate(horizons):
        frame = pd.DataFrame(quantiles[:, i], columns=names)
        frame.insert(0, "cutoff", cutoff)
        frame.insert(1, "horizon", h)
        frames.append(frame)
        scores[str(h)] = interval_scores(y[:, i], quantiles[:, i], h, config)
    return Intervals(model=model, quantiles=store.put_frame(pd.concat(frames, ignore_index=True)), scores=scores)
