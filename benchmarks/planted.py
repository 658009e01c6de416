"""Markets whose tomorrow depends on today in known ways: what a recipe that learns must find, or leave alone.

No script of its own. The bars are those of `forecaster.market.simulated`; the law by which a hidden factor drives the
next return differs. The best forecast given the hidden state is known for each; where the factor itself drives returns,
so is the best one given the coin's own gauges.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm

from forecaster.market import simulated
from forecaster.settings import COINS, HORIZONS
from forecaster.windows import Floats

N_DAYS = 4500
LOUD = simulated.REGIME_LEVELS[2]


@dataclass(frozen=True)
class Law:
    """How a market goes on.

    Attributes:
        drive: what moves tomorrow's return, up to a constant: `(n_days,)`.
        expected: `drive` so many days on, as far as it can be known today: `(n_days,)`.
        seen: what each gauge measures, before its noise: `(n_days, N_GAUGES)`.
        noise: standard deviation of the gauges' noise, in units of the factor's.
    """

    drive: Floats
    expected: Callable[[int], Floats]
    seen: Floats
    noise: float = simulated.GAUGE_NOISE
    memory: float | None = None  # where `drive` is an AR(1) that all gauges show


@dataclass(frozen=True)
class Truth:
    """The best forecasts of a coin's log-returns, a column per horizon.

    Attributes:
        oracle: given the hidden state.
        filtered: given the law and the coin's own gauges so far; None where that is no Kalman filter's.
    """

    oracle: pd.DataFrame
    filtered: pd.DataFrame | None


def persistent(draws: simulated._Draws, column: int, memory: float) -> Law:
    """The factor itself."""
    factor = _factor(draws, column, memory)
    return Law(factor, lambda days: memory**days * factor, _on_all_gauges(factor), memory=memory)


def sign(draws: simulated._Draws, column: int, memory: float) -> Law:
    """Up where the factor is positive, down where not."""
    factor = _factor(draws, column, memory)

    def expected(days: int) -> Floats:
        kept = memory**days
        return 2 * norm.cdf(kept * factor / np.sqrt(1 - kept**2)) - 1 if days else np.sign(factor)

    return Law(np.sign(factor), expected, _on_all_gauges(factor), noise=simulated.GAUGE_NOISE / 2)


def product(draws: simulated._Draws, column: int, memory: float) -> Law:
    """Two factors, five gauges each, of which neither alone says anything."""
    own, other = _factor(draws, column, memory), _independent_factor(draws, column, memory)
    seen = _on_every_other_gauge(own, other)
    return Law(own * other, lambda days: memory ** (2 * days) * own * other, seen, noise=simulated.GAUGE_NOISE / 2)


def two_speeds(draws: simulated._Draws, column: int, memory: float) -> Law:
    """A factor that is gone in a week beside one that lasts, five gauges each: a month asks for another forecast."""
    quick_memory = 0.7
    slow, quick = _factor(draws, column, memory), _independent_factor(draws, column, quick_memory)

    def expected(days: int) -> Floats:
        return memory**days * slow + quick_memory**days * quick

    return Law(slow + quick, expected, _on_every_other_gauge(slow, quick), noise=simulated.GAUGE_NOISE / 2)


def loud_only(draws: simulated._Draws, column: int, memory: float) -> Law:
    """The factor, but in the loudest regime alone; elsewhere it says nothing."""
    factor, is_loud = _factor(draws, column, memory), draws.volatility[:, column] > LOUD

    def expected(days: int) -> Floats:
        later = is_loud[days:]
        stays, becomes = (later[today].mean() for today in (is_loud[: len(later)], ~is_loud[: len(later)]))
        return memory**days * factor * np.where(is_loud, stays, becomes)

    return Law(np.where(is_loud, factor, 0.0), expected, _on_all_gauges(factor))


LAWS: dict[str, tuple[Callable[..., Law], float, float]] = {  # law, its memory a day, R2 of the oracle at one day
    "none": (persistent, simulated.FACTOR_MEMORY, 0.0),
    "idle": (persistent, simulated.FACTOR_MEMORY, 0.0),  # gauges are there, and drive nothing
    "linear": (persistent, simulated.FACTOR_MEMORY, 0.10),
    "weak": (persistent, simulated.FACTOR_MEMORY, 0.05),
    "brisk": (persistent, 0.80, 0.10),
    "sign": (sign, simulated.FACTOR_MEMORY, 0.10),
    "product": (product, simulated.FACTOR_MEMORY, 0.10),
    "speeds": (two_speeds, simulated.FACTOR_MEMORY, 0.10),
    "loud": (loud_only, simulated.FACTOR_MEMORY, 0.10),
}


def plant(shape: str, seed: int, folder: Path) -> dict[str, Truth]:
    """Write the bars of every coin into `folder`; return what could be known of their log-returns."""
    law, memory, signal = LAWS[shape]
    draws = simulated._draw(seed, N_DAYS)
    days = pd.date_range(end="2025-12-31", periods=N_DAYS, freq="D", name="date", unit="us")
    truths = {}
    for column, coin in enumerate(COINS):
        bars, truths[coin] = _coin(coin, draws, column, law(draws, column, memory), signal, days)
        if shape == "none":
            bars = bars.drop(columns=[name for name in bars if name.startswith("gauge")])
        bars.to_parquet(folder / f"{coin}.parquet")
    return truths


def _coin(
    coin: str, draws: simulated._Draws, column: int, law: Law, signal: float, days: pd.DatetimeIndex
) -> tuple[pd.DataFrame, Truth]:
    noise, _ = simulated._log_returns(coin, draws, column, 0.0)
    quiet = noise * np.sqrt(1 - signal)
    known = np.concatenate([[0.0], law.drive[:-1]])
    beta = simulated._beta(known[1:], quiet[1:], signal)
    gauges = law.seen + law.noise * draws.gauges[:, column]
    bars = pd.DataFrame(simulated._bars(coin, draws, column, quiet + beta * known), days)
    named = {f"gauge_{i}": gauge for i, gauge in enumerate(gauges.T)}
    oracle = pd.DataFrame({h: beta * sum(map(law.expected, range(h))) for h in HORIZONS}, days)
    filtered = None
    if law.memory is not None:
        read = kalman_filter(gauges.mean(axis=1), law.memory, law.noise**2 / gauges.shape[1])
        filtered = pd.DataFrame({h: beta * sum(law.memory**k for k in range(h)) * read for h in HORIZONS}, days)
    return bars.assign(**named), Truth(oracle, filtered)


def kalman_filter(seen: Floats, memory: float, noise: float) -> Floats:
    """Mean of an AR(1) of variance 1 given what was seen of it up to each day, with white noise of variance `noise`."""
    mean, variance, means = 0.0, 1.0, np.empty(len(seen))
    for t, value in enumerate(seen):
        if t:
            mean, variance = memory * mean, memory**2 * variance + 1 - memory**2
        gain = variance / (variance + noise)
        mean, variance = mean + gain * (value - mean), (1 - gain) * variance
        means[t] = mean
    return means


def _factor(draws: simulated._Draws, column: int, memory: float) -> Floats:
    """The market's own factor, its memory changed: innovations stay what they are."""
    own, kept = draws.factor[:, [column]], simulated.FACTOR_MEMORY
    fresh = (own[1:] - kept * own[:-1]) / np.sqrt(1 - kept**2)
    factor: Floats = simulated._ar1(np.vstack([own[:1], fresh]), memory)[:, 0]
    return factor


def _independent_factor(draws: simulated._Draws, column: int, memory: float) -> Floats:
    """What the neighbour's factor holds beyond the market's own: variance 1, and no correlation with it."""
    own, neighbour = (_factor(draws, each, memory) for each in (column, column - 1))
    other: Floats = (neighbour - simulated.CORRELATION * own) / np.sqrt(1 - simulated.CORRELATION**2)
    return other


def _on_every_other_gauge(one: Floats, other: Floats) -> Floats:
    return np.where(np.arange(simulated.N_GAUGES) % 2, one[:, None], other[:, None])


def _on_all_gauges(factor: Floats) -> Floats:
    return np.repeat(factor[:, None], simulated.N_GAUGES, axis=1)
