"""A saved run with trees, and with a ridge regression in the place of DLinear: no network needs to be loaded."""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.ensemble import AdvancedEnsemble
from forecaster.features import cross_asset, engineer
from forecaster.fitting import load_model
from forecaster.market import BarsError, simulate
from forecaster.models.registry import model_class
from forecaster.models.ridge import RidgeForecaster
from forecaster.serving import ServedRun, bar_columns, export_run, load_run
from forecaster.serving.served_run import PARTNER_WARM_UP, WARM_UP
from forecaster.windows import LOG_CLOSE, make_windows
from tests.conftest import SPLIT, TODAY, World
from tests.saved_run import save_night

MEMBERS = ("dlinear", "lightgbm")
LATER = date(2026, 1, 1)  # all bars are closed: the last is of the day before
Bars = dict[str, pd.DataFrame]


@pytest.fixture(scope="module", autouse=True)
def _a_ridge_plays_dlinear() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "forecaster.fitting.model_class", lambda name: RidgeForecaster if name == "dlinear" else model_class(name)
        )
        yield


@pytest.fixture(scope="module")
def saved(world: World, _a_ridge_plays_dlinear: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_night(world, tmp_path_factory.mktemp("saved") / "night", MEMBERS)


@pytest.fixture(scope="module")
def run(saved: Path) -> ServedRun:
    return load_run(saved)


@pytest.fixture(scope="module")
def bars(world: World) -> Bars:
    return {coin: pd.read_parquet(world.bars / f"{coin}.parquet") for coin in ("BTC", "ETH")}


def until(bars: Bars, day: date) -> Bars:
    return {coin: frame.loc[: pd.Timestamp(day)] for coin, frame in bars.items()}


def long(bars: Bars) -> pd.DataFrame:
    return pd.concat([frame.assign(coin=coin) for coin, frame in bars.items()]).reset_index()


def by_hand(saved: Path, world: World, bars: Bars, origin: str) -> pd.DataFrame:
    """What the parts of a run say at `origin`, on the features that `prepare` stored or would store."""
    now, day = until(bars, date.fromisoformat(origin)), pd.Timestamp(origin)
    rows = engineer(now["BTC"]).join(cross_asset(now["BTC"], now["ETH"], "BTC", "ETH"))
    rows[LOG_CLOSE] = np.log(now["BTC"]["close"])
    stored = pd.read_parquet(saved / "forecasts.parquet")
    walk = stored[stored["cutoff"] >= stored.loc[stored["part"] == "val", "cutoff"].min()]
    walk = walk[["cutoff", "horizon", *MEMBERS]].set_index(["cutoff", "horizon"])
    fresh = [each for each in rows.index if each == day or each > stored["cutoff"].max()]
    for name in MEMBERS:
        model, preprocessor = load_model(saved / name / "serving", name)
        w = make_windows(preprocessor.transform(rows), rows[LOG_CLOSE].to_numpy(), SPLIT.lookback, SPLIT.horizons)
        y_hat = pd.DataFrame(model.predict(w), rows.index[w.origin], SPLIT.horizons)
        for each in fresh:
            for h in SPLIT.horizons:
                walk.loc[(each, h), name] = y_hat.loc[each, h]
    frame = walk.reset_index().assign(ds=lambda f: f["cutoff"] + pd.to_timedelta(f["horizon"], unit="D"))
    frame = frame[frame["cutoff"] <= day]
    log_close = rows[LOG_CLOSE]
    frame["y"] = log_close.reindex(frame["ds"]).to_numpy() - log_close.reindex(frame["cutoff"]).to_numpy()
    frame["log_return"] = AdvancedEnsemble.load(saved / "advanced_ensemble").predict(frame, now["BTC"]["close"])
    return frame[frame["cutoff"] == day]


@pytest.mark.parametrize("origin", [TODAY.isoformat(), "2025-12-28"])
def test_a_forecast_is_what_the_serving_models_and_the_ensemble_say(
    saved: Path, run: ServedRun, world: World, bars: Bars, origin: str
):
    found = run.forecast(long(until(bars, date.fromisoformat(origin))), today=LATER)
    expected = by_hand(saved, world, bars, origin)
    assert found["horizon"].tolist() == [1, 7, 30]
    for name in ("log_return", *MEMBERS):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12)
    assert (found["log_return"].abs() > 1e-6).any()
    close = bars["BTC"].loc[origin, "close"]
    np.testing.assert_allclose(found["price"], close * np.exp(expected["log_return"]), rtol=1e-12)
    assert (found["origin"] == pd.Timestamp(origin)).all()
    assert (found["target_day"] - found["origin"]).dt.days.tolist() == [1, 7, 30]
    assert set(found["shipped"]) == {"advanced_ensemble"}
    assert set(found["notes"]) == {""}


def test_several_origins_are_forecast_as_each_would_have_been_on_its_day(run: ServedRun, bars: Bars):
    found = run.forecast(bars, n_origins=14, today=LATER)
    assert found["origin"].nunique() == 14
    for day in (date(2025, 12, 19), date(2025, 12, 22), date(2025, 12, 31)):
        then = run.forecast(until(bars, day), today=LATER).drop(columns="notes")
        now = found[found["origin"] == pd.Timestamp(day)].drop(columns="notes").reset_index(drop=True)
        pd.testing.assert_frame_equal(now, then)


def test_a_day_that_the_models_have_seen_is_no_forecast_and_is_marked(run: ServedRun, bars: Bars):
    notes = run.forecast(until(bars, date(2025, 12, 21)), n_origins=3, today=LATER).groupby("origin")["notes"].first()
    assert ["no forecast" in note for note in notes] == [True, False, False]


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.sample(frac=1, random_state=0),
        lambda f: pd.concat([f, f.iloc[-3:]]),
        lambda f: f.assign(date=f["date"].dt.tz_localize("UTC")),
        lambda f: f.assign(date=f["date"].dt.strftime("%Y-%m-%d")),
        lambda f: f.assign(coin=f["coin"].str.lower()),
        lambda f: f.rename(columns=str.upper).set_index("DATE"),
        lambda f: pd.concat([f, f[f["coin"] == "ETH"].assign(coin="LTC", close=-1.0)]),
        lambda f: f.assign(close=f["close"].astype(object)),
    ],
    ids=["unsorted", "repeated", "zoned", "text", "lower case", "capitals", "other coin", "objects"],
)
def test_bars_are_read_as_a_file_would_be(run: ServedRun, bars: Bars, change: object):
    given = change(long(bars))
    pd.testing.assert_frame_equal(run.forecast(given, today=LATER), run.forecast(bars, today=LATER))


def test_whole_numbers_are_numbers(run: ServedRun, bars: Bars):
    rounded = {coin: frame.round({"volume": 0}) for coin, frame in bars.items()}
    given = long(rounded).astype({"volume": "int64"})
    pd.testing.assert_frame_equal(run.forecast(given, today=LATER), run.forecast(rounded, today=LATER))


def test_the_bar_of_a_day_that_is_not_closed_is_not_used(run: ServedRun, bars: Bars):
    found = run.forecast(bars, today=date(2025, 12, 31))
    assert set(found["origin"]) == {pd.Timestamp("2025-12-30")}


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda f: f.drop(columns="coin"), "with a column `coin`"),
        (lambda f: f.iloc[:0], r"Received: 0 row\(s\)"),
        (lambda f: f[f["coin"] == "ETH"], "Expected bars of BTC. Received: ETH"),
        (lambda f: f.drop(columns="volume"), "BTC: .* missing: volume"),
        (lambda f: f.drop(columns="gauge_3"), "Expected: gauge_3. Received: bars without"),
        (lambda f: f.assign(date=f["date"].astype(str) + "?"), "Expected a UTC midnight"),
        (lambda f: f.assign(low=0.0), "BTC: .*low = 0.0 must be positive"),
        (lambda f: f.assign(close=[*f["close"][:-1], "much"]), "one kind of value per column"),
        (lambda f: pd.concat([f, f.iloc[:1].assign(close=f["close"].iloc[0] * 1.001)]), "different bars for 2023"),
        (lambda f: f[f["coin"] == "BTC"], "also look at ETH"),
        (lambda f: f[(f["coin"] == "BTC") | (f["date"] < "2025-12-30")], "ETH: .*to 2025-12-31. .* to 2025-12-29"),
        (lambda f: f[(f["coin"] == "BTC") | (f["date"] > "2025-11-01")], "Expected its bars from 2025-07-25"),
    ],
)
def test_bars_that_cannot_be_used_are_refused_with_the_reason(run: ServedRun, bars: Bars, harm: object, message: str):
    with pytest.raises(BarsError, match=message):
        run.forecast(harm(long(bars)), today=LATER)


def test_a_history_that_is_too_short_is_refused_with_the_numbers(run: ServedRun, bars: Bars):
    newest = {coin: frame.iloc[-500:] for coin, frame in bars.items()}
    with pytest.raises(BarsError, match=r"BTC: 2 forecast.*need the last 1011 daily bars.*Received: 500 usable bars"):
        run.forecast(newest, n_origins=2, today=LATER)


def test_less_than_the_minimum_is_enough_if_it_is_all_that_training_had(run: ServedRun, bars: Bars):
    assert len(bars["BTC"]) < run.min_history == WARM_UP + SPLIT.lookback
    assert len(run.forecast(bars, today=LATER)) == 3
    older = dataclasses.replace(run, facts=run.facts.model_copy(update={"first": date(2020, 1, 1)}))
    with pytest.raises(BarsError, match="or all since 2020-01-01"):
        older.forecast(bars, today=LATER)


def test_the_partner_can_be_done_without_if_that_is_asked_for(run: ServedRun, bars: Bars):
    found = run.forecast({"BTC": bars["BTC"]}, without_partner=True, today=LATER)
    assert set(found["notes"]) == {"Made without bars of ETH: its columns count as their medians in training."}
    assert np.isfinite(found["log_return"]).all()


def test_days_without_a_bar_are_noted(run: ServedRun, bars: Bars):
    gap = bars["BTC"].drop(pd.to_datetime(["2025-12-29", "2025-12-30"]))
    assert "2 of the last 10 days had no trade" in run.forecast(bars | {"BTC": gap}, today=LATER)["notes"].iloc[0]


def without(saved: Path, target: Path, prefix: str) -> Path:
    """A copy of a saved run that was made without the files below `prefix`."""
    shutil.copytree(saved, target)
    manifest = json.loads((target / "manifest.json").read_text())
    for name in [name for name in manifest["sha256"] if name.startswith(prefix)]:
        del manifest["sha256"][name]
        (target / name).unlink()
    (target / "manifest.json").write_text(json.dumps(manifest))
    if (target / prefix).is_dir():
        shutil.rmtree(target / prefix)
    return target


def test_a_member_without_a_refit_is_left_out_and_named(saved: Path, run: ServedRun, bars: Bars, tmp_path: Path):
    poorer = load_run(without(saved, tmp_path / "poorer", "dlinear/serving"))
    found, whole = poorer.forecast(bars, today=LATER), run.forecast(bars, today=LATER)
    gate = pd.Series(poorer.ensemble.gate_)
    np.testing.assert_allclose(found["log_return"], gate.to_numpy() * whole["lightgbm"], rtol=1e-12)
    assert set(found["notes"]) == {"dlinear: no serving refit; the ensemble's weights are shared by the others."}
    assert "dlinear" not in found


def test_without_an_ensemble_the_best_model_on_val_is_shipped_and_named(saved: Path, bars: Bars, tmp_path: Path):
    scores = pd.read_parquet(saved / "scores.parquet")
    skill = scores[scores["part"] == "val"].groupby("model")["skill_vs_zero"].mean()
    best = "dlinear" if skill["dlinear"] > skill["lightgbm"] else "lightgbm"
    found = load_run(without(saved, tmp_path / "single", "advanced_ensemble")).forecast(bars, today=LATER)
    assert set(found["shipped"]) == {best}
    assert found["log_return"].tolist() == found[best].tolist()


def test_a_run_that_cannot_be_served_is_refused(saved: Path, tmp_path: Path):
    with pytest.raises(ValueError, match=r"holds serving\.json"):
        load_run(without(saved, tmp_path / "old", "serving.json"))
    bare = without(without(saved, tmp_path / "one", "dlinear/serving"), tmp_path / "none", "lightgbm/serving")
    with pytest.raises(ValueError, match="has a serving refit"):
        load_run(bare)
    (bare / "serving.json").write_text("{}")
    with pytest.raises(ValueError, match="not what was saved"):
        load_run(bare)


def test_an_export_forecasts_the_same_without_the_judged_models(
    saved: Path, run: ServedRun, bars: Bars, tmp_path: Path
):
    export_run(saved, tmp_path / "export")
    exported = load_run(tmp_path / "export").forecast(bars, today=LATER)
    pd.testing.assert_frame_equal(exported, run.forecast(bars, today=LATER))
    assert not (tmp_path / "export" / "lightgbm" / "metadata.json").exists()
    assert (tmp_path / "export" / "lightgbm" / "serving" / "metadata.json").is_file()


def test_the_columns_of_bars_are_the_usual_and_what_the_models_saw_besides(saved: Path):
    usual = ("open", "high", "low", "close", "volume")
    assert bar_columns(saved) == (*usual, *(f"gauge_{i}" for i in range(10)))


def off_by(bars: pd.DataFrame, other: pd.DataFrame, n_days: int, lookback: int) -> pd.Series:
    """Furthest distance per column in the last window, between features of the last days and of all, in ranges."""
    whole = engineer(bars).join(cross_asset(bars, other, "BTC", "ETH"))
    spread = (whole.quantile(0.75) - whole.quantile(0.25)).replace(0, 1)
    late = engineer(bars.iloc[-n_days:]).join(cross_asset(bars.iloc[-n_days:], other.iloc[-n_days:], "BTC", "ETH"))
    assert late.iloc[-lookback:].notna().all().all()
    return ((late - whole).iloc[-lookback:] / spread).abs().max()


def test_the_minimum_history_is_what_features_need_to_forget_older_days():
    market, lookback = simulate(n_days=2500).bars, 60
    enough = off_by(market["BTC"], market["ETH"], WARM_UP + lookback, lookback)
    assert enough.max() < 2e-3
    assert enough.drop(["ema_ratio_200", "ema_cross_50_200"]).max() < 1e-6
    assert off_by(market["BTC"], market["ETH"], 600 + lookback, lookback).max() > 2e-3


def test_the_partners_columns_forget_older_days_sooner():
    market, lookback = simulate(n_days=1000).bars, 60
    whole = cross_asset(market["BTC"], market["ETH"], "BTC", "ETH")
    for n_days, is_enough in ((PARTNER_WARM_UP, True), (40, False)):
        late = cross_asset(market["BTC"], market["ETH"].iloc[-n_days - lookback :], "BTC", "ETH")
        off = ((late - whole).iloc[-lookback:] / whole.std()).abs().max().max()
        assert bool(off < 1e-3) is is_enough
