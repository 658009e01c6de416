import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.text import Text

from forecaster.intervals import quantile_column
from forecaster.plots.fan import BANDS, N_DAYS, Fan, fan_chart
from forecaster.settings import HORIZONS, INTERVAL_LEVELS

DAY = pd.Timestamp("2025-06-01")


def fan(simulated: bool = False, close: float = 100.0, warnings: str = "") -> Fan:
    rows = [
        {
            "coin": "BTC",
            "simulated": simulated,
            "cutoff": DAY,
            "target_day": DAY + pd.Timedelta(days=h),
            "horizon": h,
            "regime": "mean_reverting",
            "trained_until": DAY,
            "warnings": warnings,
            "close": close,
            "price": close * 1.01,
            "lower_90": close * np.exp(-0.09 * np.sqrt(h)),
            "upper_90": close * np.exp(0.09 * np.sqrt(h)),
            **{quantile_column(q): (q - 0.5) / 5 * np.sqrt(h) for q in INTERVAL_LEVELS},
        }
        for h in HORIZONS
    ]
    closes = pd.Series(close, pd.date_range(end=DAY, periods=200))
    return Fan(pd.DataFrame(rows), closes)


def drawn(given: Fan) -> tuple[Figure, str]:
    figure = fan_chart(given)
    FigureCanvasAgg(figure).draw()
    return figure, "\n".join(text.get_text() for text in figure.findobj(Text))


def test_the_fan_opens_at_todays_close_and_ends_at_the_longest_horizon() -> None:
    path = fan().path(0.95)
    assert path.index.tolist() == [DAY, *(DAY + pd.Timedelta(days=h) for h in HORIZONS)]
    assert path.tolist() == pytest.approx([100, *(100 * np.exp(0.09 * np.sqrt(h)) for h in HORIZONS)])


def test_it_shows_ninety_days_three_bands_and_every_horizon() -> None:
    figure, told = drawn(fan())
    (axes,) = figure.axes
    assert len(axes.lines[0].get_xdata()) == N_DAYS
    assert len([each for each in axes.collections if isinstance(each, PolyCollection)]) == len(BANDS) == 3
    assert axes.get_yscale() == "log"
    for words in ("1 day ahead: expected 101.00", "7 days ahead", "30 days ahead", "90 %", "Regime mean-reverting"):
        assert words in told


def test_simulated_bars_and_warnings_are_said_on_the_picture() -> None:
    assert "SIMULATED DATA" in drawn(fan(simulated=True))[1]
    assert "SIMULATED DATA" not in drawn(fan())[1]
    assert "WARNING: old." in drawn(fan(warnings="old."))[1]


def test_a_cheap_coin_has_as_many_figures_as_a_dear_one() -> None:
    assert "1 day ahead: expected 0.0010100" in drawn(fan(close=0.001))[1]
