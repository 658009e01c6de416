"""Challenger and champion on the same days, which neither has learned from."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.metrics import skill_vs_zero
from forecaster.promotion.candidate import CANDIDATE, Candidate, file_of
from forecaster.promotion.champion import SavedRun
from forecaster.replay import SHIPPED, replay
from forecaster.settings import Config
from forecaster.store import ArtifactError, Store

KEYS = ["cutoff", "horizon"]
SAME_LABEL = 1e-6  # log-returns that differ by less are the same


class Losses(Config):
    """Two forecasts of the same days.

    Attributes:
        n: labelled origins per horizon.
        losses: challenger's and champion's scaled RMSE per horizon.
        loss: root mean over horizons of the challenger's squared scaled RMSE.
        champion_loss: the champion's.
        n_pooled: origins that are labelled for every horizon.
        p_value: one-sided, that the challenger's loss pooled over horizons is no larger; None if nothing can be tested.
        p_values: the same for each horizon alone.
    """

    n: dict[int, int]
    losses: dict[int, tuple[float, float]]
    loss: float
    champion_loss: float
    n_pooled: int
    p_value: float | None
    p_values: dict[int, float | None]


class Duel(Losses):
    """Two runs on common test days.

    Attributes:
        run: the champion's.
        first: first common day.
        last: last one.
        n_replayed: newest origins that the champion's judged models forecast only now.
        differing_labels: share of common origins on which the runs know different returns.
    """

    run: str
    first: date
    last: date
    n_replayed: int
    differing_labels: float


class Contest(Config):
    """What a candidate's test forecasts show.

    Attributes:
        n_test: forecasts of the test part.
        n_missing: those that are not finite.
        ratios: RMSE / RMSE of the zero forecast on test per horizon.
        duel: against the champion; None without one, or where no day is common.
        problem: why there can be no duel, in words.
    """

    n_test: int
    n_missing: int
    ratios: dict[int, float | None]
    duel: Duel | None = None
    problem: str | None = None


def contest_unit(root: Path, candidate: Candidate, champion: SavedRun | None) -> Contest:
    """Score a candidate on test, and beside the champion on the days after train and val of both."""
    store = Store(root)
    frame = store.frame(candidate.forecasts)
    test = frame[frame["part"] == "test"].rename(columns={candidate.shipped: "challenger"})
    own = Contest(
        n_test=len(test),
        n_missing=int((~np.isfinite(test["challenger"])).sum()),
        ratios={h: _ratio(test[test["horizon"] == h]) for h in candidate.recipe.horizons},
    )
    if champion is None:
        return own
    try:
        return own.model_copy(update={"duel": _duel(root, test, candidate, champion)})
    except (ValueError, OSError) as error:  # its files are gone, or its models know other bars or columns
        return own.model_copy(update={"problem": f"The champion {champion.run} can no longer be judged. {error}"})


def _ratio(rows: pd.DataFrame) -> float | None:
    known = rows[np.isfinite(rows["y"]) & np.isfinite(rows["challenger"])]
    ratio = 1 - skill_vs_zero(known["y"].to_numpy(float), known["challenger"].to_numpy(float)) if len(known) else np.nan
    return float(ratio) if np.isfinite(ratio) else None


def _duel(root: Path, test: pd.DataFrame, candidate: Candidate, champion: SavedRun) -> Duel | None:
    theirs, replayed_from = champion_forecasts(root, champion, candidate)
    both = test.merge(theirs, on=KEYS, suffixes=("", "_champion")).dropna(subset=["y", "challenger", "champion"])
    if both.empty:
        return None
    return Duel(
        run=champion.run,
        first=both["cutoff"].min().date(),
        last=both["cutoff"].max().date(),
        n_replayed=int(both.loc[both["cutoff"] >= replayed_from, "cutoff"].nunique()),
        differing_labels=_differing(both),
        **compare(both, candidate.recipe.horizons, candidate.target_scale).model_dump(),
    )


def champion_forecasts(root: Path, champion: SavedRun, candidate: Candidate) -> tuple[pd.DataFrame, pd.Timestamp]:
    """The champion's test forecasts, its judged models' for days since they were saved too, and where those begin.

    Raises:
        RunGoneError: if its file of forecasts or what describes it is gone or altered.
    """
    store = Store(root)
    theirs = Candidate.model_validate(store.json(file_of(root, champion, CANDIDATE)))
    saved = store.frame(file_of(root, champion, "forecasts.parquet"))
    test = saved.loc[saved["part"] == "test", [*KEYS, "y", theirs.shipped]]
    test = test.rename(columns={theirs.shipped: "champion"})
    since = test["cutoff"].max() + pd.Timedelta(days=1)
    rows = _rows(store, candidate)
    if rows is None or since >= rows.index[-1]:  # from the last day on nothing is labelled
        return test, since
    newer = replay(Path(root) / champion.folder, rows, since, judged=True)
    newer = newer.rename(columns={SHIPPED: "champion"})[[*KEYS, "y", "champion"]]
    return pd.concat([test, newer], ignore_index=True), since


def _rows(store: Store, candidate: Candidate) -> pd.DataFrame | None:
    try:
        return store.frame(candidate.rows)
    except ArtifactError:  # a run of long ago, judged by hand: its features may have been removed
        return None


def _differing(both: pd.DataFrame) -> float:
    known = both[np.isfinite(both["y_champion"])]
    differs = np.abs(known["y"].to_numpy(float) - known["y_champion"].to_numpy(float)) > SAME_LABEL
    return float(differs.mean()) if len(known) else 0.0


def compare(both: pd.DataFrame, horizons: Sequence[int], scale: Mapping[int, float]) -> Losses:
    """Losses of `challenger` and `champion`, and whether the first one's are larger by more than chance.

    Each horizon's squared errors count over the square of its scale, so that none drowns the others. The test is
    Diebold and Mariano's for the daily mean over horizons; those means overlap as far as the longest horizon does.

    Args:
        both: `cutoff, horizon, y, challenger, champion`, labelled.
        horizons: days ahead.
        scale: interquartile range of the train targets per horizon.
    """
    from forecaster.significance import worse_p_value  # its libraries are slow to import, and rarely needed

    own, other = _squares(both, "challenger", scale), _squares(both, "champion", scale)
    known = [h for h in horizons if h in own]
    pooled, pooled_other = (table[known].dropna().mean(axis=1).to_numpy(float) for table in (own, other))
    pairs = {h: tuple(table[h].dropna().to_numpy(float) for table in (own, other)) for h in known}
    return Losses(
        n={h: len(squares) for h, (squares, _) in pairs.items()},
        losses={h: (_root_mean(squares), _root_mean(others)) for h, (squares, others) in pairs.items()},
        loss=_root_mean([np.mean(squares) for squares, _ in pairs.values()]),
        champion_loss=_root_mean([np.mean(others) for _, others in pairs.values()]),
        n_pooled=len(pooled),
        p_value=worse_p_value(pooled, pooled_other, max(known)),
        p_values={h: worse_p_value(squares, others, h) for h, (squares, others) in pairs.items()},
    )


def _squares(both: pd.DataFrame, column: str, scale: Mapping[int, float]) -> pd.DataFrame:
    """Squared scaled errors: a row per origin, a column per horizon."""
    errors = (both["y"] - both[column]) / both["horizon"].map(dict(scale))
    return both.assign(square=errors**2).pivot(index="cutoff", columns="horizon", values="square")


def _root_mean(values: Any) -> float:
    return float(np.sqrt(np.mean(values)))
