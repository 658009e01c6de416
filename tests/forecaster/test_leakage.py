"""A future-only column is planted where it can hide: among our features, and among those that came with the bars."""

import numpy as np
import pandas as pd
import pytest

from forecaster import leakage
from forecaster.leakage import audit_days, audit_unit, changed_columns, suspicious_columns
from forecaster.prepare import feature_rows
from forecaster.settings import HORIZONS, DataConfig
from forecaster.windows import LOG_CLOSE
from tests.conftest import TODAY, World

N = 1200
RNG = np.random.default_rng(3)
DAYS = pd.date_range("2020-01-01", periods=N)
LOG = pd.Series(np.cumsum(RNG.normal(0, 0.03, N)), DAYS)
RETURN = LOG.diff()
NOISE = pd.Series(RNG.normal(0, 0.01, N), DAYS)


def suspected(column: pd.Series) -> bool:
    return bool(suspicious_columns(pd.DataFrame({"gauge": column, LOG_CLOSE: LOG}), ["gauge"], HORIZONS))


@pytest.mark.parametrize(
    "column",
    [
        RETURN.shift(-1) + NOISE,
        np.exp(LOG.shift(-1)),
        (LOG.shift(-7) - LOG) + NOISE,
        -(LOG.shift(-30) - LOG),
        RETURN.shift(-1).cumsum(),
        RETURN.shift(-5),
        RETURN.rolling(5, center=True).mean(),
        RETURN.shift(-1) + 5 * NOISE,
        RETURN.shift(-1).where(np.arange(N) % 9 == 0),
        RETURN.shift(-1).where(np.arange(N) > N - 170),
    ],
    ids=[
        "next return",
        "next close",
        "next week",
        "next month, upside down",
        "a sum of next returns",
        "the return five days on",
        "a centred mean",
        "the next return below noise of nearly twice its size",
        "the next return, every ninth day",
        "the next return, of late",
    ],
)
def test_a_column_that_knows_the_future_is_suspected(column: pd.Series) -> None:
    assert suspected(column)


@pytest.mark.parametrize(
    "column",
    [RETURN, np.exp(LOG), NOISE, NOISE.cumsum(), LOG - LOG.shift(30), pd.Series(1.0, DAYS), RETURN * np.nan],
    ids=["today's return", "today's close", "noise", "a random walk", "momentum", "constant", "empty"],
)
def test_an_honest_column_is_not(column: pd.Series) -> None:
    assert not suspected(column)


def test_the_sentence_names_the_column_and_the_horizon() -> None:
    (sentence,) = suspicious_columns(pd.DataFrame({"gauge": RETURN.shift(-1), LOG_CLOSE: LOG}), ["gauge"], (1,))
    assert sentence.startswith("gauge came with the bars and has a rank correlation of 1.00")
    assert "next 1 day(s)" in sentence


def test_a_value_that_changes_when_history_ends_earlier_is_found() -> None:
    whole = pd.DataFrame({"honest": [1.0, 2.0, np.nan, 4.0], "mean": [2.5] * 4}, DAYS[:4])
    short = pd.DataFrame({"honest": [1.0, 2.0, np.nan], "mean": [2.0] * 3}, DAYS[:3])
    assert changed_columns(whole, [short]) == ("mean",)
    assert changed_columns(whole, [short[["honest"]]]) == ()


def test_days_of_the_audit_are_the_same_for_a_seed_and_never_the_newest() -> None:
    days = audit_days(DAYS, 1)
    assert days == audit_days(DAYS, 1) != audit_days(DAYS, 2)
    assert len(set(days)) == 3
    assert DAYS[N // 2] <= min(days) < max(days) < DAYS[-1]


def test_our_features_pass_and_a_planted_one_that_looks_ahead_ends_the_night(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, rows = DataConfig(data_dir=world.bars, as_of=TODAY), world.today.parts.all
    found = audit_unit(world.store.root, "BTC", config, rows, world.today.given, HORIZONS)
    assert (found.differing, found.suspicions) == ((), ())
    assert found.n_columns > 150

    def planted(bars: pd.DataFrame, crossed: pd.DataFrame) -> pd.DataFrame:
        made = feature_rows(bars, crossed)
        return made.assign(rsi_14=made["rsi_14"].shift(-1))

    monkeypatch.setattr(leakage, "feature_rows", planted)
    with pytest.raises(AssertionError, match=r"nothing was trained. Columns that look ahead: \('rsi_14',\)"):
        audit_unit(world.store.root, "BTC", config, rows, world.today.given, HORIZONS)
