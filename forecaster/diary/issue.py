"""One coin's forecasts of today: what is served looks at the newest bars, and guards look at both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.diary.figures import LEVELS, bounds, figures, promised
from forecaster.diary.served import Served
from forecaster.extrapolation import newest_window
from forecaster.guards import (
    Guard,
    guard_extrapolation,
    guard_judgement,
    guard_members,
    guard_missing,
    guard_model_age,
    guard_partner,
    guard_revisions,
    guard_staleness,
)
from forecaster.intervals import interval_frame, quantile_columns
from forecaster.market import Bars, BarsError, load_bars, stale_days
from forecaster.market.digest import bars_digest, month_digests
from forecaster.regime import MarketRegimeDetector
from forecaster.serving import ServedRun, load_run
from forecaster.settings import Config, DataConfig, IntervalConfig
from forecaster.store import Artifact, Store

MOST_ORIGINS = 60  # days since the run's own forecasts, whose intervals are centred on what it would have said


class Issued(Config):
    """Forecasts of one coin, a row per horizon, and what stands beside them.

    Attributes:
        coin: ticker.
        simulated: whether the bars are made up.
        frame: the rows, as they enter the diary beside the run's name; quantiles are log-returns, bounds are prices.
        closes: every day's close: `close`, index `date`.
        guards: what was looked at.
    """

    coin: str
    simulated: bool
    frame: Artifact
    closes: Artifact
    guards: tuple[Guard, ...]


@dataclass(frozen=True)
class View:
    """What a served run was shown.

    Attributes:
        bars: the coin's bars as they were loaded.
        own: the same, as serving checked them.
        rows: features and `log_close` of their days.
        partner: its partner's bars, if they could be used.
        complaint: why the partner's bars could not be used, if they could not.
    """

    bars: Bars
    own: pd.DataFrame
    rows: pd.DataFrame
    partner: pd.DataFrame | None
    complaint: str | None

    @property
    def cutoff(self) -> pd.Timestamp:
        """The newest day."""
        return pd.Timestamp(self.own.index[-1])


def issue_unit(root: Path, coin: str, served: Served, data: DataConfig, config: IntervalConfig) -> Issued:
    """Forecast from the newest bars with what is served.

    Raises:
        BarsError: if the coin's own bars cannot be used.
        ValueError: if the saved run is damaged, or a forecast or interval is no number.
    """
    store, run = Store(root), load_run(served.folder)
    view = _look(run, load_bars(coin, data), data)
    guards = look_for_trouble(run, view, data.as_of, served.objections)
    frame = _frame(run, view, served, guards, config)
    require_numbers(frame, run.run)
    return Issued(
        coin=coin,
        simulated=view.bars.simulated,
        frame=store.put_frame(frame.assign(source=source_of(coin, data), as_of=_as_of(view, data))),
        closes=store.put_frame(view.own[["close"]]),
        guards=guards,
    )


def require_numbers(frame: pd.DataFrame, run: str) -> None:
    """Refuse what no diary should keep: it can never be graded."""
    told = frame[
        ["log_return", "price", *(f"{end}_{100 * level:.0f}" for level in LEVELS for end in ("lower", "upper"))]
    ]
    wrong = frame.loc[~np.isfinite(told.to_numpy(float)).all(axis=1), "horizon"]
    if len(wrong):
        raise ValueError(
            f"Expected a forecast with an interval at every horizon. Received: none at {', '.join(map(str, wrong))} "
            f"day(s) by run {run}. Retrain the coin, or serve another run: `retrain promote`."
        )


def source_of(coin: str, data: DataConfig) -> str:
    """The kind of market, each graded alone: `folder`, of real bars, or what the simulated one is made from."""
    return "folder" if data.data_dir is not None else bars_digest(coin, data)


def _as_of(view: View, data: DataConfig) -> pd.Timestamp:
    return view.cutoff if data.as_of is None else pd.Timestamp(data.as_of)


def _look(run: ServedRun, bars: Bars, data: DataConfig) -> View:
    """Show the run the coin's bars and its partner's; where those cannot be used it does without."""
    given, tomorrow = {run.coin: bars.frame}, bars.last + timedelta(days=1)
    if run.partner is None:
        return View(bars, *run.look(given, today=tomorrow), None, None)
    try:
        given[run.partner] = load_bars(run.partner, data).frame
        return View(bars, *run.look(given, today=tomorrow), given[run.partner], None)
    except BarsError as error:
        return View(bars, *run.look(given, without_partner=True, today=tomorrow), None, str(error))


def look_for_trouble(
    run: ServedRun, view: View, as_of: date | None, objections: Sequence[str] | None
) -> tuple[Guard, ...]:
    """Every guard's finding; `as_of` is by default the last closed day, or the newest of a simulated market."""
    features, lookback = view.rows[list(run.columns)], run.facts.lookback
    stale = stale_days(view.bars, as_of)
    age = (view.cutoff.date() - run.as_of).days
    return (
        guard_staleness(stale, view.bars.last),
        guard_model_age(age + stale if age >= 0 else age, run.as_of),
        guard_extrapolation(newest_window(features, lookback, run.as_of)),
        guard_missing(features.iloc[-lookback:], view.own["volume"].iloc[-lookback:] > 0),
        guard_members(run.lost),
        guard_partner(run.partner, view.complaint),
        _revisions(run, view),
        *_partner_revisions(run, view),
        guard_judgement(objections),
    )


def _revisions(run: ServedRun, view: View) -> Guard:
    now = month_digests(view.own.loc[pd.Timestamp(run.facts.first) : pd.Timestamp(run.as_of)])
    return guard_revisions(_in_full(run, view, run.facts.months), _in_full(run, view, now))


def _partner_revisions(run: ServedRun, view: View) -> tuple[Guard, ...]:
    """Nothing where there is no partner, or its bars cannot be used: that has a guard of its own."""
    if run.partner is None or view.partner is None:
        return ()
    then = _in_full(run, view, run.facts.partner_months)
    now = month_digests(view.partner.loc[: pd.Timestamp(run.as_of)])
    return (guard_revisions(then, {m: now[m] for m in then if m in now}, run.partner),)


def _in_full(run: ServedRun, view: View, months: Mapping[str, str]) -> dict[str, str]:
    """Those of `months` that are there in full: in hindsight the last one is not."""
    return {m: months[m] for m in months if view.cutoff.date() >= run.as_of or m < f"{view.cutoff:%Y-%m}"}


def _frame(
    run: ServedRun, view: View, served: Served, guards: tuple[Guard, ...], config: IntervalConfig
) -> pd.DataFrame:
    """A row per horizon."""
    issued = _forecasts(run, view)
    calibrated = interval_frame(view.own, _centre(run, issued, view.cutoff), run.facts.horizons, config)
    newest = calibrated[calibrated["cutoff"] == view.cutoff].set_index("horizon")
    own = issued[issued["origin"] == view.cutoff].set_index("horizon")
    rows = pd.DataFrame(
        {
            "coin": run.coin,
            "simulated": view.bars.simulated,
            "cutoff": view.cutoff,
            "target_day": own["target_day"],
            "served": served.digest,
            "shipped": run.shipped,
            "trained_until": pd.Timestamp(run.as_of),
            "model_age_days": _value(guards, "model_age"),
            "distance_quantile": _value(guards, "extrapolation"),
            "regime": str(MarketRegimeDetector().detect(view.own["close"]).iloc[-1]),
            "warnings": " ".join(guard.says for guard in guards if guard.alarm),
            "close": float(view.own["close"].iloc[-1]),
            "log_return": own["log_return"],
            "price": own["price"],
            **_price_bounds(newest, float(view.own["close"].iloc[-1])),
            "volatility": newest["volatility"],
            **newest[quantile_columns(config)],
        }
    )
    whole: pd.DataFrame = rows.join(_promises(run, calibrated)).rename_axis("horizon").reset_index()
    return whole


def _forecasts(run: ServedRun, view: View) -> pd.DataFrame:
    """Of the newest day, and of those since the run's own stored forecasts, to centre intervals on."""
    n_since = int((view.own.index > run.stored["cutoff"].max()).sum())
    n_origins = min(max(n_since, 1), MOST_ORIGINS)
    return run.forecast_from(view.own, view.rows, n_origins, view.complaint is not None)


def _centre(run: ServedRun, issued: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """What the run said on each day up to `cutoff`: the judged models from val on, then those that are served."""
    stored = run.stored.rename(columns={run.shipped: "y_hat"})[["cutoff", "horizon", "y_hat"]]
    fresh = issued.rename(columns={"origin": "cutoff", "log_return": "y_hat"})[["cutoff", "horizon", "y_hat"]]
    before = stored[(stored["cutoff"] < fresh["cutoff"].min()) & (stored["cutoff"] <= cutoff)]
    both: pd.DataFrame = pd.concat([before, fresh], ignore_index=True)
    return both


def _price_bounds(newest: pd.DataFrame, close: float) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for level in LEVELS:
        lower, upper = bounds(newest, level)
        found |= {f"lower_{100 * level:.0f}": close * np.exp(lower), f"upper_{100 * level:.0f}": close * np.exp(upper)}
    return found


def _promises(run: ServedRun, calibrated: pd.DataFrame) -> pd.DataFrame:
    """Per horizon, how the same forecasts and intervals did on the test part."""
    test = set(run.stored.loc[run.stored["part"] == "test", "cutoff"])
    judged = calibrated[calibrated["cutoff"].isin(test) & calibrated["y"].notna()]
    rows = {h: promised(figures(judged[judged["horizon"] == h])) for h in run.facts.horizons}
    return pd.DataFrame(rows).T.astype(float)


def _value(guards: tuple[Guard, ...], name: str) -> float | None:
    return next(guard.value for guard in guards if guard.name == name)
