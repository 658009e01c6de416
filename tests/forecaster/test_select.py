from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter

from forecaster.select import Selection, rank_correlation, select, select_unit
from forecaster.settings import SelectConfig
from forecaster.split import Span
from forecaster.store import Store
from forecaster.windows import LOG_CLOSE

N_DAYS = 400
HORIZONS = (1, 3)
DAYS = pd.date_range("2024-01-01", periods=N_DAYS, name="date")
TRAIN = Span(first=DAYS[9].date(), last=DAYS[299].date())
PARTNER = ("eth_return_1d", "eth_rsi_14")


@pytest.fixture
def rows() -> pd.DataFrame:
    """Tomorrow's return is today's `leak` plus a little noise; all other columns know nothing."""
    rng = np.random.default_rng(0)
    leak = rng.standard_normal(N_DAYS)
    frame = pd.DataFrame({f"noise_{i}": rng.standard_normal(N_DAYS) for i in range(4)}, index=DAYS)
    frame.insert(2, "leak", leak)
    frame[list(PARTNER)] = rng.standard_normal((N_DAYS, 2))
    log_return = np.concatenate([[0.0], leak[:-1]]) + 0.1 * rng.standard_normal(N_DAYS)
    return frame.assign(**{LOG_CLOSE: np.cumsum(log_return)})


def chosen(rows: pd.DataFrame, **config) -> Selection:
    return select(rows, TRAIN, HORIZONS, PARTNER, SelectConfig(**config))


def test_the_informative_column_ranks_first(rows: pd.DataFrame):
    selection = chosen(rows, max_features=2)
    assert selection.columns[0] == "leak"
    best, second = selection.scores[:2]
    assert best.mean_rank == 1.0
    information = [score.merits["mutual_information"][1] for score in (best, second)]
    assert information[0] > 1.0 > information[1]  # nats; noise shares next to nothing
    correlation = [score.merits["rank_correlation"][1] for score in (best, second)]
    assert correlation[0] > 10.0 > correlation[1]  # times what chance gives


def test_the_best_are_kept_and_the_partners_columns_join_them(rows: pd.DataFrame):
    selection = chosen(rows, max_features=2)
    assert selection.columns == (selection.scores[0].column, selection.scores[1].column, *PARTNER)


def test_the_partners_columns_do_not_compete(rows: pd.DataFrame):
    rows[PARTNER[0]] = rows["leak"]
    assert {score.column for score in chosen(rows).scores} == {"leak", "noise_0", "noise_1", "noise_2", "noise_3"}


def test_fewer_columns_than_asked_for_are_all_kept(rows: pd.DataFrame):
    assert len(chosen(rows, max_features=80).columns) == 5 + 2


def test_scores_come_in_the_order_of_their_mean_rank(rows: pd.DataFrame):
    ranks = [score.mean_rank for score in chosen(rows, merits=("mutual_information",)).scores]
    assert ranks == sorted(ranks)
    assert sum(ranks) == 1 + 2 + 3 + 4 + 5


def test_log_close_is_no_feature(rows: pd.DataFrame):
    selection = chosen(rows)
    assert LOG_CLOSE not in selection.columns
    assert LOG_CLOSE not in {score.column for score in selection.scores}


def test_nothing_after_the_folds_last_train_origin_and_its_labels_counts(rows: pd.DataFrame):
    last = DAYS.get_loc(pd.Timestamp(TRAIN.last))
    altered = rows.copy()
    features = altered.columns.drop(LOG_CLOSE)
    altered.iloc[last + 1 :, altered.columns.get_indexer(features)] = np.nan
    altered.iloc[last + 1 :, altered.columns.get_loc("noise_0")] = 1e9
    altered.iloc[last + max(HORIZONS) + 1 :, altered.columns.get_loc(LOG_CLOSE)] = -7.0
    assert chosen(altered) == chosen(rows)
    assert chosen(rows.iloc[: last + max(HORIZONS) + 1]) == chosen(rows)


def test_the_last_train_label_does_count(rows: pd.DataFrame):
    last = DAYS.get_loc(pd.Timestamp(TRAIN.last))
    altered = rows.copy()
    altered.iloc[last + max(HORIZONS), altered.columns.get_loc(LOG_CLOSE)] = 50.0
    assert chosen(altered).scores != chosen(rows).scores


def test_columns_that_are_mostly_missing_or_constant_on_train_are_dropped_with_the_reason(rows: pd.DataFrame):
    rows.iloc[:151, rows.columns.get_loc("noise_0")] = np.nan  # 151 of 300 train days
    rows.iloc[:150, rows.columns.get_loc("noise_1")] = np.nan  # half of them may be
    rows.iloc[:300, rows.columns.get_loc("noise_2")] = 3.0  # varies later, which train cannot know
    selection = chosen(rows)
    assert selection.dropped == {
        "noise_0": "50% of its train days are missing",
        "noise_2": "constant on train",
    }
    assert set(selection.columns) == {"leak", "noise_1", "noise_3", *PARTNER}


def test_a_partners_column_is_dropped_only_when_it_is_empty(rows: pd.DataFrame):
    rows.iloc[:299, rows.columns.get_loc(PARTNER[0])] = np.nan  # one train day left
    rows.iloc[:300, rows.columns.get_loc(PARTNER[1])] = np.nan
    selection = chosen(rows)
    assert selection.columns[-1] == PARTNER[0]
    assert selection.dropped == {PARTNER[1]: "100% of its train days are missing"}


def test_a_stored_selection_is_the_selection(rows: pd.DataFrame, tmp_path: Path):
    store = Store(tmp_path)
    part = store.put_frame(rows)
    selected = select_unit(tmp_path, part, TRAIN, HORIZONS, PARTNER, SelectConfig(max_features=2))
    stored = Selection.model_validate(store.json(selected.selection))
    assert stored == chosen(rows, max_features=2)
    assert selected.columns == stored.columns


def test_a_train_span_without_a_single_usable_column_says_so(rows: pd.DataFrame):
    rows[["leak", "noise_0", "noise_1", "noise_2", "noise_3"]] = 1.0
    with pytest.raises(ValueError, match="usable"):
        chosen(rows)


def test_warm_up_days_before_the_first_origin_are_no_origins(rows: pd.DataFrame):
    altered = rows.copy()
    altered.iloc[0, altered.columns.get_loc(LOG_CLOSE)] = 99.0  # a label of no origin: the first is day 9
    assert TRAIN.first == date(2024, 1, 10)
    assert chosen(altered) == chosen(rows)


def test_slow_columns_do_not_crowd_out_a_faint_but_true_one():
    """Slow series share much information with overlapping returns by chance, however they are shifted."""
    rng = np.random.default_rng(3)
    n, days = 1500, pd.date_range("2020-01-01", periods=1500, name="date")
    factor = lfilter([0.24], [1, -0.97], rng.standard_normal(n))
    frame = pd.DataFrame({f"slow_{i}": np.cumsum(rng.standard_normal(n)) for i in range(20)}, index=days)
    frame["true"] = factor + 2 * rng.standard_normal(n)
    log_return = 0.3 * np.concatenate([[0.0], factor[:-1]]) + rng.standard_normal(n)
    frame = frame.assign(**{LOG_CLOSE: np.cumsum(log_return)})
    train = Span(first=days[9].date(), last=days[-31].date())
    names = {
        merit: [s.column for s in select(frame, train, (1, 7, 30), (), SelectConfig(merits=(merit,))).scores]
        for merit in ("rank_correlation", "mutual_information")
    }
    assert names["rank_correlation"].index("true") == 0
    assert names["mutual_information"].index("true") >= 10


def test_merits_take_turns(rows: pd.DataFrame):
    alone = {
        merit: [score.column for score in chosen(rows, merits=(merit,)).scores]
        for merit in ("rank_correlation", "mutual_information")
    }
    turns = [column for pair in zip(*alone.values(), strict=True) for column in pair]
    assert [score.column for score in chosen(rows).scores] == list(dict.fromkeys(turns))


def test_columns_that_came_with_the_bars_have_the_first_choice_of_half_the_places(rows: pd.DataFrame):
    given = ("noise_1", "noise_2", "noise_3")
    selection = select(rows, TRAIN, HORIZONS, PARTNER, SelectConfig(max_features=4), given)
    assert set(selection.columns[:2]) < set(given)
    assert selection.columns[2] == "leak"
    assert len(selection.columns) == 4 + len(PARTNER)
    unfavoured = select(rows, TRAIN, HORIZONS, PARTNER, SelectConfig(max_features=1, favours_given=False), given)
    assert unfavoured.columns == ("leak", *PARTNER)


def test_a_column_that_is_constant_on_the_origins_has_no_rank_correlation():
    x = pd.DataFrame({"constant": np.ones(100), "other": np.arange(100.0)})
    y = np.arange(100.0)[:, None]
    merits = rank_correlation(x, y, SelectConfig())
    assert merits[0, 0] == 0
    assert merits[1, 0] > 1
