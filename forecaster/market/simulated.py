"""A seeded market of five coins that looks like the real one, and whose predictability is known.

Log-prices are martingales unless a signal is planted: whatever then beats a zero forecast has learned noise.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from forecaster.settings import COINS, HORIZONS
from forecaster.windows import Floats

DAILY_VOLATILITY = {"BTC": 0.035, "ETH": 0.045, "LTC": 0.048, "XRP": 0.053, "DOGE": 0.060}
FIRST_PRICE = {"BTC": 700.0, "ETH": 10.0, "LTC": 22.0, "XRP": 0.025, "DOGE": 0.0005}  # USD
MEDIAN_VOLUME = {"BTC": 5e9, "ETH": 2e9, "LTC": 3e8, "XRP": 4e8, "DOGE": 1e8}  # USD a day
REGIME_LEVELS = (0.65, 1.0, 1.7)  # calm, normal, stressed: factors of volatility, shared by all coins
REGIME_STAY = 0.985  # probability of the same regime tomorrow: about two months each
CORRELATION = 0.6  # of shocks, and of hidden factors
DEGREES_OF_FREEDOM = 5  # Student-t shocks, one mixing variable for all coins: crashes are shared
VOLATILITY_MEMORY = 0.96  # of log-volatility, per day
VOLATILITY_SPREAD = 0.3  # standard deviation of log-volatility within a regime
GAP = 3e-4  # standard deviation of a log-return between close and next open: real ones have a median of 2e-4
FACTOR_MEMORY = 0.97  # of the hidden factor, per day
N_GAUGES = 10
GAUGE_NOISE = 2.8  # a ridge on ten such gauges finds about 55 % of the signal


@dataclass(frozen=True)
class SimulatedMarket:
    """What `simulate` returns; every frame has one row per day.

    Attributes:
        bars: coin -> `open high low close volume`, with a signal also `gauge_0` to `gauge_9`.
        oracle: coin -> best forecast of the log-return over each horizon (columns 1, 7, 30), given the hidden factor.
        factor: the hidden factor, a column per coin: AR(1), mean 0, variance 1.
    """

    bars: dict[str, pd.DataFrame]
    oracle: dict[str, pd.DataFrame]
    factor: pd.DataFrame


@dataclass(frozen=True)
class _Draws:
    """Every random number, a row per day: a longer market starts with the same ones."""

    shock: Floats  # (n_days, n_coins) correlated Student-t, variance 1
    volatility: Floats  # (n_days, n_coins) expected square 1
    factor: Floats  # (n_days, n_coins)
    excursion: Floats  # (n_days, n_coins, 2) standard normal: beyond open and close
    gap: Floats  # (n_days, n_coins) standard normal: from the last close to the open
    turnover: Floats  # (n_days, n_coins) standard normal
    gauges: Floats  # (n_days, n_coins, N_GAUGES) standard normal


def simulate(
    seed: int = 42, signal: float = 0.0, n_days: int = 4500, end: date = date(2025, 12, 31)
) -> SimulatedMarket:
    """Five correlated coins with fat tails, volatility clusters and regimes (stochastic volatility, Taylor 1986).

    With a signal, `r[t+1] = beta * factor[t] + noise`, so that in sample `var(beta * factor) / var(r) == signal`.

    Args:
        seed: of everything random; the same seed gives the same bits.
        signal: R2 of the oracle at one day, in [0, 1). Without one no column predicts a return.
        n_days: at signal 0, a longer market starts with the same bars.
        end: last day.

    Raises:
        ValueError: if `signal` or `n_days` is out of range.
    """
    if not 0 <= signal < 1 or n_days < 2:
        raise ValueError(f"Expected 0 <= signal < 1 and n_days >= 2. Received: signal={signal}, n_days={n_days}")
    draws = _draw(seed, n_days)
    days = pd.date_range(end=pd.Timestamp(end), periods=n_days, freq="D", name="date", unit="us")
    bars: dict[str, pd.DataFrame] = {}
    oracle: dict[str, pd.DataFrame] = {}
    for column, coin in enumerate(COINS):
        log_return, beta = _log_returns(coin, draws, column, signal)
        bars[coin] = pd.DataFrame(_bars(coin, draws, column, log_return), index=days)
        if signal:
            bars[coin] = bars[coin].assign(**_gauges(draws, column))
        oracle[coin] = pd.DataFrame(_oracle(beta, draws.factor[:, column]), index=days)
    return SimulatedMarket(bars, oracle, pd.DataFrame(draws.factor, index=days, columns=list(COINS)))


def _draw(seed: int, n_days: int) -> _Draws:
    # One stream per kind of number, filled day by day: none of them depends on how many days follow.
    streams = iter(np.random.default_rng(seed).spawn(9))
    shape = (n_days, len(COINS))
    mixing = next(streams).chisquare(DEGREES_OF_FREEDOM, (n_days, 1)) / (DEGREES_OF_FREEDOM - 2)
    log_volatility = VOLATILITY_SPREAD * _ar1(_correlated(next(streams), shape), VOLATILITY_MEMORY)
    return _Draws(
        shock=_correlated(next(streams), shape) / np.sqrt(mixing),
        volatility=np.exp(log_volatility) * _regimes(next(streams), n_days)[:, None] / _typical_volatility(),
        factor=_ar1(_correlated(next(streams), shape), FACTOR_MEMORY),
        excursion=next(streams).standard_normal((*shape, 2)),
        gap=next(streams).standard_normal(shape),
        turnover=next(streams).standard_normal(shape),
        gauges=next(streams).standard_normal((*shape, N_GAUGES)),
    )


def _correlated(stream: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Standard normal; all pairs of columns correlate by `CORRELATION`. One column more is drawn: what they share."""
    normal = stream.standard_normal((shape[0], shape[1] + 1))
    return np.asarray(np.sqrt(CORRELATION) * normal[:, :1] + np.sqrt(1 - CORRELATION) * normal[:, 1:])


def _ar1(noise: Floats, memory: float) -> Floats:
    """First-order autoregression of variance 1, from its first day on."""
    from scipy.signal import lfilter  # half a second, which real bars need not wait for

    scaled = noise * np.sqrt(1 - memory**2)
    scaled[0] = noise[0]
    return np.asarray(lfilter([1.0], [1.0, -memory], scaled, axis=0))


def _typical_volatility() -> float:
    """Root of the expected square of regime times cluster: dividing by it leaves each coin its daily volatility."""
    return float(np.sqrt(np.mean(np.square(REGIME_LEVELS))) * np.exp(VOLATILITY_SPREAD**2))


def _regimes(stream: np.random.Generator, n_days: int) -> Floats:
    """Factor of volatility per day: a Markov chain over `REGIME_LEVELS`."""
    leaves, target = stream.random((n_days, 2)).T
    leaves[0] = 1.0
    changed = np.maximum.accumulate(np.where(leaves > REGIME_STAY, np.arange(n_days), 0))
    return np.asarray(np.take(REGIME_LEVELS, (target[changed] * len(REGIME_LEVELS)).astype(int)))


def _log_returns(coin: str, draws: _Draws, column: int, signal: float) -> tuple[Floats, float]:
    """Log-return of every day `(n_days,)`, and what one unit of yesterday's factor adds to it."""
    noise = DAILY_VOLATILITY[coin] * draws.volatility[:, column] * draws.shock[:, column]
    if not signal:
        return noise, 0.0
    known = np.concatenate([[0.0], draws.factor[:-1, column]])
    quiet = noise * np.sqrt(1 - signal)  # so that the coin is no wilder than without a signal
    beta = _beta(known[1:], quiet[1:], signal)
    return quiet + beta * known, beta


def _beta(known: Floats, noise: Floats, signal: float) -> float:
    """The positive root of `var(beta * known) == signal * var(beta * known + noise)`."""
    (var_known, covariance), (_, var_noise) = np.cov(known, noise)
    a, b, c = var_known * (1 - signal), -2 * signal * covariance, -signal * var_noise
    return float((-b + np.sqrt(b * b - 4 * a * c)) / (2 * a))


def _oracle(beta: float, factor: Floats) -> dict[int, Floats]:
    """`E[log_return over h days | factor today]`: the factor decays by `FACTOR_MEMORY` a day."""
    return {h: beta * factor * (1 - FACTOR_MEMORY**h) / (1 - FACTOR_MEMORY) for h in HORIZONS}


def _bars(coin: str, draws: _Draws, column: int, log_return: Floats) -> dict[str, Floats]:
    close = FIRST_PRICE[coin] * np.exp(np.cumsum(log_return))
    opened = np.concatenate([[FIRST_PRICE[coin]], close[:-1]]) * np.exp(GAP * draws.gap[:, column])
    volatility = DAILY_VOLATILITY[coin] * draws.volatility[:, column]
    up, down = np.exp(0.4 * volatility * np.abs(draws.excursion[:, column]).T)
    surprise = np.abs(log_return) / DAILY_VOLATILITY[coin]
    level = _ar1(draws.turnover[:, column], 0.8)
    return {
        "open": opened,
        "high": np.maximum(opened, close) * up,
        "low": np.minimum(opened, close) / down,
        "close": close,
        "volume": MEDIAN_VOLUME[coin] * np.exp(0.5 * level + 0.4 * np.minimum(surprise, 5.0)),
    }


def _gauges(draws: _Draws, column: int) -> dict[str, Floats]:
    seen = draws.factor[:, column, None] + GAUGE_NOISE * draws.gauges[:, column]
    return {f"gauge_{i}": seen[:, i] for i in range(N_GAUGES)}
