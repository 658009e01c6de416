"""Oscillators: how far and how one-sidedly the price has run. Units and defaults are TA-Lib's."""

import pandas as pd
import talib

from forecaster.features._ops import Array, Prices, prices


def features(bars: pd.DataFrame) -> pd.DataFrame:
    """Momentum columns for every day of `bars`."""
    p = prices(bars)
    return pd.DataFrame(_strength(p) | _stochastic(p) | _change(p) | _direction(p), index=bars.index)


def _strength(p: Prices) -> dict[str, Array]:
    return {f"rsi_{n}": talib.RSI(p.close, n) for n in (7, 14, 21)} | {
        "cmo_14": talib.CMO(p.close, 14),
        "mfi_14": talib.MFI(p.high, p.low, p.close, p.volume, 14),
        "ultimate_oscillator": talib.ULTOSC(p.high, p.low, p.close),
        "balance_of_power": talib.BOP(p.open, p.high, p.low, p.close),
    }


def _stochastic(p: Prices) -> dict[str, Array]:
    slow_k, slow_d = talib.STOCH(p.high, p.low, p.close, fastk_period=14, slowk_period=3, slowd_period=3)
    return {
        "stochastic_k": slow_k,
        "stochastic_d": slow_d,
        "stochastic_rsi_k": talib.STOCHRSI(p.close, 14)[0],
        "williams_r_14": talib.WILLR(p.high, p.low, p.close, 14),
    }


def _change(p: Prices) -> dict[str, Array]:
    # Periods that no return column has: a rate of change is a return in per cent.
    return {f"roc_{n}": talib.ROC(p.close, n) for n in (6, 12, 25)} | {
        "cci_20": talib.CCI(p.high, p.low, p.close, 20),
        "trix_15": talib.TRIX(p.close, 15),
    }


def _direction(p: Prices) -> dict[str, Array]:
    plus, minus = talib.PLUS_DI(p.high, p.low, p.close, 14), talib.MINUS_DI(p.high, p.low, p.close, 14)
    return {
        "adx_14": talib.ADX(p.high, p.low, p.close, 14),
        "directional_spread_14": plus - minus,
        "aroon_oscillator_25": talib.AROONOSC(p.high, p.low, 25),
    }
