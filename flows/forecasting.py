"""Today's forecasts of one coin: issued, entered into the diary, graded, drawn."""

from dataclasses import dataclass, field
from typing import Any

from forecaster.config import RunConfig
from forecaster.diary.book import diary_path, digest_of_diary
from forecaster.diary.entry import forecast_entry
from forecaster.diary.grading import Graded
from forecaster.diary.issue import Issued, source_of
from forecaster.diary.served import find_served
from forecaster.market.digest import bars_digest
from forecaster.settings import Coin, IntervalConfig, partner_of
from forecaster.store import Artifact
from tasks.forecast import draw_fan, enter_in_diary, grade, issue
from tasks.pool import PoolClosed
from tasks.runtime import runtime

PICTURE = "forecast.png"


@dataclass
class CoinForecast:
    """What came of it.

    Attributes:
        coin: ticker.
        entry: what reports and terminals say of it; None if nothing was issued.
        kept: whether the diary was: what is new was entered, and what could be was graded.
        plots: the fan chart by its file name.
        lost: what failed, a sentence each.
    """

    coin: Coin
    entry: dict[str, Any] | None = None
    kept: bool = False
    plots: dict[str, Artifact] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)


def forecast_coin(coin: Coin, config: RunConfig) -> CoinForecast:
    """Forecast with what is served. A failure costs what depends on it, and is told.

    Args:
        coin: the coin, whose runtime is in use.
        config: the run's settings.
    """
    found = CoinForecast(coin)
    try:
        served = find_served(config.artifacts_dir, coin, config.source)
        bars = {name: bars_digest(name, config.data) for name in (coin, partner_of(coin))}
        issued: Issued = issue(coin, served, bars, config.data, IntervalConfig())
    except PoolClosed:
        raise
    except Exception as error:  # whatever was trained is saved
        found.lost.append(f"No forecast was issued: {type(error).__name__}: {error}")
        return found
    graded = _graded(issued, served.run, config, found)
    _draw(issued, found, coin)
    rows = runtime().store.frame(issued.frame).assign(run=served.run)
    diary = diary_path(config.artifacts_dir, coin, issued.simulated)
    found.entry = forecast_entry(issued, rows, graded, str(diary), served.promoted)
    return found


def _graded(issued: Issued, run: str, config: RunConfig, found: CoinForecast) -> Graded | None:
    """Enter into the diary and grade it."""
    try:
        enter_in_diary(issued, run, return_state=True).result()  # raises what failed it
        path = diary_path(config.artifacts_dir, issued.coin, issued.simulated)
        source = source_of(issued.coin, config.data)
        graded: Graded = grade(found.coin, path, digest_of_diary(path), source, issued.closes)
    except PoolClosed:
        raise
    except Exception as error:
        found.lost.append(f"The diary of forecasts was not kept: {type(error).__name__}: {error}")
        return None
    found.kept = True
    return graded


def _draw(issued: Issued, found: CoinForecast, coin: Coin) -> None:
    try:
        found.plots[PICTURE] = draw_fan(coin, issued.frame, issued.closes)
    except PoolClosed:
        raise
    except Exception as error:
        found.lost.append(f"{PICTURE} could not be drawn: {type(error).__name__}: {error}")
