"""What another coin does: Ethereum for Bitcoin, Bitcoin for all others."""

import numpy as np
import pandas as pd
import talib

from forecaster.features._ops import log_of, log_return, prices
from forecaster.settings import COINS, partner_of

RATIO_DAYS = 20


def cross_asset_columns(own_name: str, partner_name: str) -> tuple[str, ...]:
    """Names of the six columns, such as `eth_return_1d` and `eth_btc_ratio_sma` for BTC with partner ETH."""
    own, partner = own_name.lower(), partner_name.lower()
    returns = tuple(f"{partner}_return_{days}d" for days in (1, 7, 30))
    return (*returns, f"{partner}_rsi_14", f"{partner}_volatility_20d", f"{partner}_{own}_ratio_sma")


COLUMNS = tuple(dict.fromkeys(name for coin in COINS for name in cross_asset_columns(coin, partner_of(coin))))


def cross_asset(own: pd.DataFrame, partner: pd.DataFrame, own_name: str, partner_name: str) -> pd.DataFrame:
    """Six columns about `partner` on the days of `own`; NaN, and never filled, on days without the partner.

    Returns are simple ones, the volatility is of daily log-returns over 20 days. The last column is the logarithm of
    the 20-day mean of the price ratio: BTC/LTC has grown thirtyfold, and its logarithm stays comparable.

    Args:
        own: bars whose days the result has.
        partner: bars of the other coin.
        own_name: ticker, part of the last column's name.
        partner_name: ticker, first part of every name.
    """
    close = partner["close"]
    about_partner = [close / close.shift(days) - 1 for days in (1, 7, 30)]
    about_partner.append(pd.Series(talib.RSI(prices(partner).close, 14), partner.index))
    about_partner.append(log_return(close).rolling(20).std())
    price_ratio = close.reindex(own.index) / own["close"]
    mean_ratio = log_of(price_ratio.rolling(RATIO_DAYS).mean())
    columns = [series.reindex(own.index) for series in about_partner] + [mean_ratio]
    return pd.DataFrame(dict(zip(cross_asset_columns(own_name, partner_name), columns, strict=True))).astype(np.float64)
