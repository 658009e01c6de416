"""What is issued from a run of trees, saved on `TODAY`, by bars of that day and of later ones."""

import shutil
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from forecaster.diary.entry import forecast_entry
from forecaster.diary.figures import NAMES
from forecaster.diary.issue import Issued, _revisions, issue_unit, require_numbers, source_of
from forecaster.diary.served import NotServedError, Served, find_served, objections_to
from forecaster.guards import guard_judgement
from forecaster.intervals import quantile_column
from forecaster.market.digest import month_digests
from forecaster.promotion.candidate import CANDIDATE, Candidate, JudgedRecipe
from forecaster.report.forecast import forecast_lines, forecast_section
from forecaster.saving import MANIFEST
from forecaster.serving import load_run
from forecaster.settings import HORIZONS, INTERVAL_LEVELS, DataConfig, IntervalConfig
from forecaster.store import Artifact, Store, sha256_of, write_json
from tests.conftest import TODAY, World
from tests.saved_run import save_night


@pytest.fixture(scope="module")
def artifacts(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which one run is saved, and the latest."""
    root = tmp_path_factory.mktemp("artifacts")
    folder = save_night(world, root / "BTC" / "night")
    pointer = {"run": "night", "folder": "BTC/night", "manifest_sha256": sha256_of(folder / MANIFEST)}
    write_json(root / "BTC" / "latest-folder.json", pointer)
    return root


@pytest.fixture(scope="module")
def served(artifacts: Path) -> Served:
    return find_served(artifacts, "BTC", "folder")


def issue(artifacts: Path, served: Served, bars: Path, as_of: date) -> Issued:
    return issue_unit(artifacts, "BTC", served, DataConfig(data_dir=bars, as_of=as_of), IntervalConfig())


@pytest.fixture(scope="module")
def issued(artifacts: Path, served: Served, world: World) -> Issued:
    return issue(artifacts, served, world.bars, TODAY)


@pytest.fixture(scope="module")
def rows(artifacts: Path, issued: Issued) -> pd.DataFrame:
    return Store(artifacts).frame(issued.frame)


def alarms(issued: Issued) -> set[str]:
    return {guard.name for guard in issued.guards if guard.alarm}


def test_the_point_forecast_is_what_serving_says(rows: pd.DataFrame, served: Served, world: World) -> None:
    bars = {coin: pd.read_parquet(world.bars / f"{coin}.parquet") for coin in ("BTC", "ETH")}
    said = load_run(served.folder).forecast(bars, today=TODAY + timedelta(days=1))
    assert rows["horizon"].tolist() == list(HORIZONS)
    assert rows["log_return"].tolist() == pytest.approx(said["log_return"].tolist())
    assert rows["price"].tolist() == pytest.approx(said["price"].tolist())
    assert (rows["target_day"] - rows["cutoff"]).dt.days.tolist() == list(HORIZONS)


def test_intervals_are_in_price_nested_and_wider_the_further_they_look(rows: pd.DataFrame) -> None:
    quantiles = rows[[quantile_column(q) for q in INTERVAL_LEVELS]].to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert rows["lower_90"].tolist() == pytest.approx((rows["close"] * np.exp(rows["q_0.05"])).tolist())
    assert (rows[["lower_90", "lower_80", "upper_80", "upper_90"]].diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    assert (rows["upper_90"] - rows["lower_90"]).is_monotonic_increasing


def test_every_row_carries_what_the_backtest_promised(rows: pd.DataFrame) -> None:
    promised = rows[[f"promised_{name}" for name in NAMES]]
    assert np.isfinite(promised).all(axis=None)
    assert promised["promised_coverage_90"].between(0.5, 1).all()


def test_the_same_models_and_bars_issue_the_same_bytes(
    artifacts: Path, served: Served, world: World, issued: Issued
) -> None:
    assert issue(artifacts, served, world.bars, TODAY) == issued


def test_on_the_day_of_training_nothing_is_stale(issued: Issued) -> None:
    assert alarms(issued) & {"staleness", "model_age", "partner", "members", "revisions", "partner_revisions"} == set()


def test_old_models_and_bars_are_said_to_be_so(artifacts: Path, served: Served, world: World) -> None:
    later = issue(artifacts, served, world.bars, TODAY + timedelta(days=9))
    assert "model_age" in alarms(later)
    assert Store(artifacts).frame(later.frame)["model_age_days"].tolist() == [9, 9, 9]
    before = issue(artifacts, served, world.bars, TODAY - timedelta(days=9))
    assert "hindsight" in next(g.says for g in before.guards if g.name == "model_age")


@pytest.mark.parametrize(("coin", "guard"), [("BTC", "revisions"), ("ETH", "partner_revisions")])
def test_revised_bars_are_found_the_partner_s_too(
    coin: str, guard: str, artifacts: Path, served: Served, world: World, tmp_path: Path
) -> None:
    shutil.copytree(world.bars, tmp_path / "bars")
    bars = pd.read_parquet(tmp_path / "bars" / f"{coin}.parquet")
    bars.iloc[-40, bars.columns.get_loc("volume")] *= 1.01
    bars.to_parquet(tmp_path / "bars" / f"{coin}.parquet")
    found = issue(artifacts, served, tmp_path / "bars", TODAY)
    assert alarms(found) & {"revisions", "partner_revisions"} == {guard}
    assert next(g.value for g in found.guards if g.name == guard) == 1


def test_in_hindsight_a_month_that_is_not_over_is_no_revision() -> None:
    days = pd.date_range("2025-01-01", "2025-03-31", name="date")
    bars = pd.DataFrame(1.0, days, ["open", "high", "low", "close", "volume"])
    facts = SimpleNamespace(first=days[0].date(), months=month_digests(bars))
    run = SimpleNamespace(facts=facts, as_of=days[-1].date())
    cut = bars.loc[:"2025-03-10"]
    assert not _revisions(run, SimpleNamespace(own=cut, cutoff=cut.index[-1])).alarm
    assert _revisions(run, SimpleNamespace(own=2 * cut, cutoff=cut.index[-1])).alarm
    assert _revisions(run, SimpleNamespace(own=cut, cutoff=days[-1])).alarm  # not in hindsight: days are gone


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"leak": "x came with the bars."}, "The run: Suspected leak. x came with the bars."),
        ({"degraded": ("tcn was lost.",)}, "The run: tcn was lost."),
        ({"smoke": ("2 epochs, at least 30 are needed.",)}, "The run: 2 epochs, at least 30 are needed."),
        ({}, "The run: Full settings, nothing lost, no suspected leak."),
    ],
)
def test_what_a_run_says_against_itself_stands_beside_its_forecasts(
    changed: dict[str, object], told: str, tmp_path: Path
) -> None:
    nothing = Artifact(path="x", sha256="x")
    recipe = JudgedRecipe(
        models={}, training={}, lookback=60, horizons=HORIZONS, n_folds=5, seed=1, columns=(), stack=None
    )
    known = {
        **{"coin": "BTC", "source": "folder", "recipe": recipe, "shipped": "tcn", "as_of": TODAY},
        **{"train_last": TODAY, "val_last": TODAY, "target_scale": {}, "coverage_90": {}, "leak": None},
        **{"degraded": (), "unserved": (), "smoke": (), "forecasts": nothing, "rows": nothing},
    }
    (tmp_path / CANDIDATE).write_text(Candidate.model_validate(known | changed).model_dump_json())
    guard = guard_judgement(objections_to(tmp_path))
    assert (guard.says, guard.alarm) == (told, bool(changed))


def test_a_forecast_warns_of_what_its_run_says_against_itself(artifacts: Path, served: Served, world: World) -> None:
    assert served.objections is None
    warned = served.model_copy(update={"objections": ("Suspected leak.",)})
    found = issue(artifacts, warned, world.bars, TODAY)
    assert "run" in alarms(found)
    assert "Suspected leak." in Store(artifacts).frame(found.frame)["warnings"].iloc[0]


def test_without_the_partner_it_forecasts_and_says_so(
    artifacts: Path, served: Served, world: World, tmp_path: Path
) -> None:
    shutil.copy(world.bars / "BTC.parquet", tmp_path)
    assert "partner" in alarms(issue(artifacts, served, tmp_path, TODAY))


def test_report_and_terminal_tell_all_of_it(issued: Issued, rows: pd.DataFrame) -> None:
    entry = forecast_entry(issued, rows.assign(run="night"), None, "forecasts/BTC.parquet", promoted=False)
    assert list(entry["horizons"]) == ["1", "7", "30"]
    text, lines = forecast_section("BTC", entry), "\n".join(forecast_lines("BTC", entry))
    for told in (text, lines):
        assert "30 days ahead" in told
        assert "(latest run)" in told
        assert "0 days old" in told
    assert "SIMULATED" not in lines
    assert forecast_section("BTC", None) == ""


def test_equal_runs_have_equal_digests_and_an_altered_one_is_refused(
    artifacts: Path, served: Served, tmp_path: Path
) -> None:
    assert (served.models, served.promoted) == (("lightgbm",), False)
    copy = tmp_path / "moved"
    shutil.copytree(artifacts / "BTC", copy / "BTC")
    assert find_served(copy, "BTC", "folder").digest == served.digest
    (copy / "BTC" / "night" / MANIFEST).write_text("{}")
    with pytest.raises(NotServedError, match="gone or altered"):
        find_served(copy, "BTC", "folder")


@pytest.mark.parametrize("damage", ["", "{}", "[1]", '{"run": '])
def test_a_damaged_pointer_is_named_with_the_remedy(damage: str, artifacts: Path, tmp_path: Path) -> None:
    shutil.copytree(artifacts / "BTC", tmp_path / "BTC")
    (tmp_path / "BTC" / "latest-folder.json").write_text(damage)
    with pytest.raises(ValueError, match=r"Expected a pointer.*latest-folder.json.*remove it"):
        find_served(tmp_path, "BTC", "folder")


def test_a_forecast_that_is_no_number_is_not_issued(rows: pd.DataFrame) -> None:
    require_numbers(rows, "night")
    for column in ("log_return", "lower_90"):
        with pytest.raises(ValueError, match=r"Received: none at 7 day\(s\) by run night"):
            require_numbers(rows.assign(**{column: rows[column].where(rows["horizon"] != 7)}), "night")


def test_without_a_run_the_remedy_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotServedError, match=r"BTC: expected a saved run on simulated bars.*Run `retrain` first"):
        find_served(tmp_path, "BTC", "simulated")


def test_simulated_markets_are_told_apart_by_what_they_are_made_from() -> None:
    assert source_of("BTC", DataConfig(data_dir=Path("bars"))) == "folder"
    assert source_of("BTC", DataConfig(seed=1)) != source_of("BTC", DataConfig(seed=2))
