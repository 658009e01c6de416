"""How models, horizons and shares are written where people read them: plots, report, terminal."""

import math

LABELS = {
    "dlinear": "DLinear",
    "tcn": "TCN",
    "enhanced_lstm": "LSTM",
    "transformer": "Transformer",
    "lightgbm": "LightGBM",
    "advanced_ensemble": "Ensemble",
    "zero": "Zero return",
    "mean": "Train mean",
    "ridge": "Ridge",
}
NOTHING = "n/a"


def label(model: str) -> str:
    """The name that the specification's tables use; the key itself for what they do not know."""
    return LABELS.get(model, model)


def days(horizon: int) -> str:
    """`1 day`, `7 days`."""
    return f"{horizon} day{'s' if horizon > 1 else ''}"


def ahead(horizon: int) -> str:
    """`1 day ahead`, `7 days ahead`."""
    return f"{days(horizon)} ahead"


def percent(share: float | None) -> str:
    """A signed share in percent: `+0.3 %`; from 10 % on without decimals."""
    if share is None or not math.isfinite(share):
        return NOTHING
    text = f"{100 * share:+.{0 if abs(share) >= 0.0995 else 1}f} %"
    return text.replace("-0.0 ", "+0.0 ")


def duration(seconds: float) -> str:
    """`0.4 s`, `35 s`, `7.3 min`, `1.5 h`."""
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def share(value: float | None) -> str:
    """`51.8 %`, unsigned."""
    return NOTHING if value is None else f"{100 * value:.1f} %"


def price(value: float) -> str:
    """Five significant figures, with thousands apart: `87,123`, `2.1345`, `0.11873`."""
    exponent = int(f"{value:e}".partition("e")[2])
    return f"{value:,.{max(0, 4 - exponent)}f}"
