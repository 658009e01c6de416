"""A saved run in memory: bars in, forecasts for the days after the newest of them out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from forecaster.ensemble import KEYS, AdvancedEnsemble
from forecaster.features import cross_asset, cross_asset_columns
from forecaster.fitting import forecast_frame
from forecaster.market.errors import BarsError
from forecaster.market.given import by_coin, checked_bars
from forecaster.models.base import Forecaster
from forecaster.prepare import feature_rows
from forecaster.preprocess import Preprocessor
from forecaster.settings import Config, partner_of
from forecaster.windows import LOG_CLOSE, make_windows

# Days before a window from which on no feature in it depends on older ones by more than 0.2 % of its interquartile
# range. All but the 200-day exponential averages are exact to a millionth after 500.
WARM_UP = 1000
PARTNER_WARM_UP = 150  # the slowest column about a partner is a 14-day RSI

Given = pd.DataFrame | Mapping[str, pd.DataFrame]


class ServingFacts(Config):
    """What the files of models do not say: how a run's windows were made, and from which bars.

    `months` holds a digest of each month of bars that the run was trained on, `partner_months` of its partner's; they
    are empty in runs of older versions, and the latter where the partner's bars could not be used.
    """

    lookback: int
    horizons: tuple[int, ...]
    first: date
    simulated: bool
    months: Mapping[str, str] = Field(default_factory=dict)
    partner_months: Mapping[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class ServedRun:
    """Serving refits and ensemble of one coin's saved run.

    Attributes:
        coin: ticker.
        run: name of the run.
        as_of: last day that the models have seen.
        facts: how windows are made.
        models: per model, its serving refit and the preprocessing that belongs to it.
        ensemble: what combines them; None in a run without.
        stored: forecasts of the judged models from val on: the ensemble weighs its members by how they did.
        lost: judged models without a serving refit.
        shipped: whose forecast is `log_return`: the ensemble's, or without one the best model's on val.
    """

    coin: str
    run: str
    as_of: date
    facts: ServingFacts
    models: dict[str, tuple[Forecaster, Preprocessor]]
    ensemble: AdvancedEnsemble | None
    stored: pd.DataFrame
    lost: tuple[str, ...]
    shipped: str

    @property
    def min_history(self) -> int:
        """Daily bars that one forecast needs, unless they go back to the first day that the run was trained on."""
        return WARM_UP + self.facts.lookback

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that some model sees."""
        return tuple(dict.fromkeys(name for _, each in self.models.values() for name in each.columns))

    @property
    def partner(self) -> str | None:
        """The coin whose bars are needed beside its own, if any."""
        other = partner_of(self.coin)
        return other if set(cross_asset_columns(self.coin, other)) & set(self.columns) else None

    def forecast(
        self, bars: Given, n_origins: int = 1, without_partner: bool = False, today: date | None = None
    ) -> pd.DataFrame:
        """Forecast from the newest closed days of `bars`.

        Args:
            bars: daily bars of the coin and its partner: a long frame `date, coin, open, high, low, close, volume`, or
                a frame per coin. Further coins are ignored; further columns are needed if the run was trained on them.
            n_origins: newest days to forecast from.
            without_partner: accept that the partner's bars are missing; its columns then count as their train medians.
            today: the UTC day that is still open. Default: the clock's. Its bar, and any later one, is never used.

        Returns:
            A row per origin and horizon: `coin, origin, horizon, target_day, log_return, price, shipped, notes`, then a
            log-return per model. `price` is the close of `origin` times `exp(log_return)`; `notes` is empty if there
            is nothing to know.

        Raises:
            BarsError: if bars are missing, damaged or too few: says of which coin, how many, and what to do.
        """
        own, rows = self.look(bars, n_origins, without_partner, today)
        return self.forecast_from(own, rows, n_origins, without_partner)

    def look(
        self, bars: Given, n_origins: int = 1, without_partner: bool = False, today: date | None = None
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What `forecast` looks at: the coin's checked bars, and the features of their days with `log_close`."""
        if n_origins < 1:
            raise ValueError(f"Expected at least one origin. Received: n_origins={n_origins}")
        given, today = by_coin(bars), today or datetime.now(UTC).date()
        own = self._own(given, n_origins, today)
        rows = feature_rows(own, self._crossed(own, given, without_partner, today))
        self._require_columns(rows)
        return own, rows

    def forecast_from(
        self, own: pd.DataFrame, rows: pd.DataFrame, n_origins: int = 1, without_partner: bool = False
    ) -> pd.DataFrame:
        """`forecast`, from what `look` found."""
        days = pd.DatetimeIndex(rows.index)
        fresh = self.fresh(rows, self._to_forecast(days, n_origins))
        notes = self._notes(own, without_partner)
        return pd.concat(
            [self._issue(origin, fresh, own["close"], notes) for origin in days[-n_origins:]], ignore_index=True
        )

    def _own(self, given: Mapping[str, pd.DataFrame], n_origins: int, today: date) -> pd.DataFrame:
        if self.coin not in given:
            raise BarsError(f"Expected bars of {self.coin}. Received: {', '.join(given) or 'none'}. Add them.")
        own = checked_bars(self.coin, given[self.coin], today)
        needed = self.min_history + n_origins - 1
        is_whole = own.index[0].date() <= self.facts.first and len(own) >= self.facts.lookback + n_origins - 1
        if len(own) < needed and not is_whole:
            raise BarsError(
                f"{self.coin}: {n_origins} forecast(s) need the last {needed} daily bars ({WARM_UP} to warm the "
                f"features up, {self.facts.lookback} in a window), or all since {self.facts.first}, when training "
                f"began. Received: {len(own)} usable bars, {_span(own)}. Supply older bars."
            )
        return own

    def _crossed(
        self, own: pd.DataFrame, given: Mapping[str, pd.DataFrame], without_partner: bool, today: date
    ) -> pd.DataFrame:
        """Cross-asset columns for the days of `own`; none where no model sees them, missing where that is accepted."""
        if self.partner is None:
            return pd.DataFrame(index=own.index)
        if without_partner:
            return pd.DataFrame(np.nan, own.index, list(cross_asset_columns(self.coin, self.partner)))
        remedy = "Add them, or pass `without_partner=True`: what the models then see of it is its median in training."
        if self.partner not in given:
            raise BarsError(
                f"{self.coin}: the models also look at {self.partner}. Expected bars of it too. "
                f"Received: {', '.join(given)}. {remedy}"
            )
        other = checked_bars(self.partner, given[self.partner], today)
        needed = min(PARTNER_WARM_UP + self.facts.lookback, len(own))
        first, last = own.index[-needed], own.index[-1]
        if other.index[0] > first or other.index[-1] < last:
            raise BarsError(
                f"{self.partner}: the models of {self.coin} look at it too. Expected its bars from {first.date()} to "
                f"{last.date()}. Received: {_span(other)}. {remedy}"
            )
        return cross_asset(own, other, self.coin, self.partner)

    def _require_columns(self, rows: pd.DataFrame) -> None:
        missing = [name for name in self.columns if name not in rows]
        if missing:
            raise BarsError(
                f"{self.coin}: the models were trained on further columns of the bars. Expected: {', '.join(missing)}. "
                "Received: bars without. Add them."
            )

    def _to_forecast(self, days: pd.DatetimeIndex, n_origins: int) -> Any:
        """The newest origins, and those since the run that the ensemble's weights still remember."""
        memory = self.ensemble.config.memory + max(self.facts.horizons) if self.ensemble else 0
        place = np.arange(len(days))
        recent = (place >= len(days) - n_origins - memory) & (days > self.stored["cutoff"].max())
        return (recent | (place >= len(days) - n_origins)) & (place >= self.facts.lookback - 1)

    def fresh(self, rows: pd.DataFrame, wanted: Any) -> pd.DataFrame:
        """Forecasts of the models at the days where `wanted`: `cutoff, horizon` and a column per model."""
        days, each = pd.DatetimeIndex(rows.index), []
        for name, (model, preprocessor) in self.models.items():
            base = preprocessor.transform(rows)
            windows = make_windows(base, rows[LOG_CLOSE].to_numpy(), self.facts.lookback, self.facts.horizons)
            frame = forecast_frame(model, windows.take(wanted[windows.origin]), days, self.facts.horizons)
            each.append(frame.set_index(KEYS)["y_hat"].rename(name))
        joined: pd.DataFrame = pd.concat(each, axis=1).reset_index()
        return joined

    def _issue(
        self, origin: pd.Timestamp, fresh: pd.DataFrame, closes: "pd.Series[float]", notes: list[str]
    ) -> pd.DataFrame:
        """What is forecast on one day, from what was known at its close."""
        known = closes[closes.index <= origin]
        walk = self._walk(origin, fresh, known)
        log_return = self.ensemble.predict(walk, known) if self.ensemble else walk[self.shipped]
        issued = walk.assign(log_return=log_return + 0.0)[walk["cutoff"] == origin].sort_values("horizon")
        if origin.date() < self.as_of:
            notes = [*notes, f"The models were fitted on days up to {self.as_of}: from here this is no forecast."]
        return pd.DataFrame(
            {
                "coin": self.coin,
                "origin": issued["cutoff"],
                "horizon": issued["horizon"],
                "target_day": issued["ds"],
                "log_return": issued["log_return"],
                "price": known.iloc[-1] * np.exp(issued["log_return"]),
                "shipped": self.shipped,
                "notes": " ".join(notes),
                **{name: issued[name] for name in self.models},
            }
        )

    def _walk(self, origin: pd.Timestamp, fresh: pd.DataFrame, known: "pd.Series[float]") -> pd.DataFrame:
        """Forecasts up to `origin` with what came of them by then: the judged models' first, then the refits'."""
        stored, last = self.stored, self.stored["cutoff"].max()
        before = stored[(stored["cutoff"] < origin) & stored["cutoff"].isin(known.index)]
        after = fresh[(fresh["cutoff"] == origin) | ((fresh["cutoff"] < origin) & (fresh["cutoff"] > last))]
        walk: pd.DataFrame = pd.concat([before[[*KEYS, *self.models]], after], ignore_index=True)
        walk["ds"] = walk["cutoff"] + pd.to_timedelta(walk["horizon"], unit="D")
        log_close = pd.Series(np.log(known.to_numpy()), known.index)
        walk["y"] = log_close.reindex(walk["ds"]).to_numpy() - log_close.reindex(walk["cutoff"]).to_numpy()
        return walk

    def _notes(self, own: pd.DataFrame, without_partner: bool) -> list[str]:
        notes = ["The models were trained on simulated bars."] if self.facts.simulated else []
        if self.lost:
            rest = "the ensemble's weights are shared by the others" if self.ensemble else "they are left out"
            notes.append(f"{', '.join(self.lost)}: no serving refit; {rest}.")
        if without_partner and self.partner:
            notes.append(f"Made without bars of {self.partner}: its columns count as their medians in training.")
        if n_filled := int((own["volume"].iloc[-self.facts.lookback :] == 0).sum()):
            notes.append(f"{n_filled} of the last {self.facts.lookback} days had no trade: bars missing or empty.")
        return notes


def _span(bars: pd.DataFrame) -> str:
    return f"{bars.index[0].date()} to {bars.index[-1].date()}"
