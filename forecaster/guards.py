"""What to know before trusting a forecast: whatever about its bars and models is stale, odd or missing."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from forecaster.extrapolation import Distance
from forecaster.names import days, label
from forecaster.settings import Config

STALE_DAYS = 1  # a bar may be this old at as-of
OLD_DAYS = 7  # and a model this old
FAR = 0.995  # quantile of the windows of training, beyond which a window is unlike them
NEW = 0.05  # share of a window's numbers that training never saw, beyond which it is too: some are new every month
N_NAMED = 3  # months or columns in one sentence


class Guard(Config):
    """One thing that was looked at before a forecast was issued.

    Attributes:
        name: what was looked at.
        alarm: whether the forecast should be trusted less for it.
        says: what was found, in a sentence.
        value: the figure behind it, if it has one.
    """

    name: str
    alarm: bool
    says: str
    value: float | None = None


def guard_staleness(stale_days: int, last: date) -> Guard:
    """Whether the newest bar is older than the day before as-of."""
    says = f"The newest bar is of {last}, {days(stale_days)} before as-of." if stale_days else f"Bars end on {last}."
    return Guard(name="staleness", alarm=stale_days > STALE_DAYS, says=says, value=stale_days)


def guard_model_age(age: int, trained_until: date) -> Guard:
    """Whether the models have not seen the last week."""
    if age < 0:
        says = f"The models know the bars up to {trained_until}: from here this is hindsight, not a forecast."
        return Guard(name="model_age", alarm=True, says=says, value=age)
    says = f"The models know the bars up to {trained_until}{f', {days(age)} before as-of' if age else ''}."
    return Guard(name="model_age", alarm=age > OLD_DAYS, says=says, value=age)


def guard_extrapolation(distance: Distance) -> Guard:
    """Whether the window is unlike those that the models learned from."""
    alarm = distance.quantile > FAR or distance.beyond > NEW
    says = f"The window lies farther out than {100 * distance.quantile:.1f} % of those in training"
    if distance.beyond:
        says += f", and {100 * distance.beyond:.1f} % of its numbers lie outside all of them"
    named = f"; farthest: {', '.join(distance.farthest)}" if alarm else ""
    return Guard(name="extrapolation", alarm=alarm, says=f"{says}{named}.", value=distance.quantile)


def guard_missing(window: pd.DataFrame, traded: "pd.Series[bool]") -> Guard:
    """Whether days without a trade or features without a value lie in the window.

    Args:
        window: the columns that models see, on the window's days.
        traded: whether each of these days had a trade; bars that were filled in had none.
    """
    gaps = window.columns[~np.isfinite(window.to_numpy(float)).all(axis=0)]
    n_empty = int((~traded).sum())
    found = [f"{n_empty} of {len(window)} days had no trade or no bar"] if n_empty else []
    found += [f"values of {_named([str(name) for name in gaps])} are missing"] if len(gaps) else []
    says = f"In the window {' and '.join(found)}." if found else "No bar and no feature is missing in the window."
    return Guard(name="missing", alarm=bool(found), says=says, value=n_empty + len(gaps))


def guard_members(lost: tuple[str, ...]) -> Guard:
    """Whether models that were judged have no serving refit, so that others speak for them."""
    says = f"{', '.join(map(label, lost))}: no serving refit." if lost else "Every judged model has a serving refit."
    return Guard(name="members", alarm=bool(lost), says=says, value=len(lost))


def guard_judgement(objections: Sequence[str] | None) -> Guard:
    """Whether the run that is served should not have been: nobody judges a run that is merely the latest.

    Args:
        objections: a suspected leak, what was lost on the way, settings of a smoke test; a sentence each. None where
            the run kept none.
    """
    if objections is None:
        return Guard(name="run", alarm=False, says="Unknown: the run does not say how it was made.")
    says = " ".join(objections) if objections else "Full settings, nothing lost, no suspected leak."
    return Guard(name="run", alarm=bool(objections), says=f"The run: {says}", value=len(objections))


def guard_partner(partner: str | None, complaint: str | None) -> Guard:
    """Whether the coin that the models also look at could be looked at."""
    if complaint is None:
        return Guard(
            name="partner", alarm=False, says=f"Bars of {partner} are there." if partner else "None is needed."
        )
    return Guard(name="partner", alarm=True, says=f"Made without bars of {partner}: {complaint}")


def guard_revisions(trained_on: Mapping[str, str], now: Mapping[str, str], partner: str | None = None) -> Guard:
    """Whether bars are no longer what the models were trained on.

    Args:
        trained_on: digest of each month of bars then; empty if it was not kept.
        now: digests of the same days today.
        partner: whose bars they are, if not the coin's own.
    """
    name, whose = ("partner_revisions", f"{partner}'s bars") if partner else ("revisions", "Bars")
    if not trained_on:
        return Guard(name=name, alarm=False, says="Unknown: the run kept no digests of its bars.")
    changed = [month for month in sorted({*trained_on, *now}) if trained_on.get(month) != now.get(month)]
    says = f"{whose} are those that the models were trained on."
    if changed:
        says = f"{whose} of {_named(changed)} are not what the models were trained on: they were revised since."
    return Guard(name=name, alarm=bool(changed), says=says, value=len(changed))


def _named(names: list[str]) -> str:
    further = len(names) - N_NAMED
    return ", ".join(names[:N_NAMED]) + (f" and {further} more" if further > 0 else "")
