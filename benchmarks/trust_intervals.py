"""Intervals of all coins beside their rivals', scored: the figures on intervals of `benchmarks.trust`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from benchmarks.measure import Figure
from benchmarks.trust_rivals import anchor_quantiles, rolling, static_quantiles
from forecaster.intervals import interval_frame, quantile_columns
from forecaster.intervals.scores import interval_score, pinball, shares_below
from forecaster.settings import INTERVAL_LEVELS, IntervalConfig, SplitConfig
from forecaster.significance import diebold_mariano
from forecaster.split import find_boundaries, judged_fold
from forecaster.windows import Floats

POOLED = {1: 1.5, 7: 2.5, 30: 5.0}  # points by which pooled coverage may miss
OF_A_COIN = {1: 2.5, 7: 4.0, 30: 8.0}
ROLLING = {1: (2, 3.5), 7: (1, 2.1), 30: (3, 6.2)}  # per cent better: must and stretch
STATIC = 8.0
MISCALIBRATED = {1: 1.0, 7: 2.0, 30: 5.0}  # points


@dataclass(frozen=True)
class Case:
    """One coin and horizon on the scored part: `y (n,)`, and quantiles `(n, n_levels)` by whoever made them."""

    coin: str
    horizon: int
    days: pd.DatetimeIndex
    y: Floats
    quantiles: Mapping[str, Floats]

    def score_90(self, who: str) -> float:
        """Mean interval score of the 90 % interval."""
        q = self.quantiles[who]
        return float(interval_score(self.y, q[:, 0], q[:, -1]).mean())

    def covered(self, percent: int) -> Floats:
        """Whether our interval held each outcome: `(n,)`."""
        place = {90: 0, 80: 1}[percent]
        q = self.quantiles["ours"]
        return (q[:, place] <= self.y) & (self.y <= q[:, -1 - place])

    def losses(self, who: str) -> "pd.Series[float]":
        """Mean quantile score of each day, in units of the anchor's mean."""
        loss = {name: pinball(self.y, self.quantiles[name], INTERVAL_LEVELS) for name in {who, "anchor"}}
        return pd.Series(loss[who] / loss["anchor"].mean(), self.days)


def cases_of(
    coin: str, bars: pd.DataFrame, centre: pd.DataFrame | None, part: str, horizons: tuple[int, ...]
) -> list[Case]:
    """Our quantiles and every rival's on the labelled origins of `part`, "val" or "test"."""
    days, split = pd.DatetimeIndex(bars.index), SplitConfig(horizons=horizons)
    boundaries = find_boundaries(days, split)
    fold = judged_fold(days, boundaries, split)
    assert fold.held_out is not None
    inside = days >= pd.Timestamp(boundaries.test) if part == "test" else fold.held_out.mask(days)
    config = IntervalConfig()
    frame, cases = interval_frame(bars, centre, horizons, config), []
    for h in horizons:
        own = frame[frame["horizon"] == h].set_index("cutoff").reindex(days)
        made = {
            "ours": own[quantile_columns(config)].to_numpy(float),
            "anchor": anchor_quantiles(bars, h),
            "rolling": rolling(bars, h),
            "static": static_quantiles(bars, h, pd.Timestamp(fold.train.last)),
        }
        y = own["y"].to_numpy(float)
        kept = inside & np.isfinite(y) & np.all([np.isfinite(q[:, 0]) for q in made.values()], axis=0)
        cases.append(Case(coin, h, days[kept], y[kept], {name: q[kept] for name, q in made.items()}))
    return cases


def row_of(case: Case) -> dict[str, object]:
    """One coin and horizon as a line of the table."""
    own = case.score_90("ours")
    better = {who: f"{100 * (1 - own / case.score_90(who)):+.1f} %" for who in ("rolling", "static", "anchor")}
    gain = 100 * (1 - case.losses("ours").mean())
    return {
        "coin": case.coin,
        "h": case.horizon,
        "90 % covers": f"{100 * case.covered(90).mean():.1f} %",
        "80 % covers": f"{100 * case.covered(80).mean():.1f} %",
        **{f"score against {who}": value for who, value in better.items()},
        "pinball against anchor": f"{gain:+.2f} %",
        "origins": len(case.y),
    }


def figures(cases: list[Case]) -> Iterable[Figure]:
    """What intervals are held to, horizon by horizon."""
    by_horizon = {h: [case for case in cases if case.horizon == h] for h in sorted({c.horizon for c in cases})}
    for h, each in by_horizon.items():
        yield from _coverage(h, each)
        yield from _scores(h, each)
    yield from _against_anchor(by_horizon)


def _coverage(h: int, cases: list[Case]) -> Iterable[Figure]:
    for percent in (90, 80):
        pooled = 100 * np.concatenate([case.covered(percent) for case in cases]).mean()
        bar = f"<= {POOLED[h]}" if h in POOLED else None
        yield Figure(
            f"h={h}: pooled {percent} % coverage, {pooled:.1f} %, off by", abs(pooled - percent), "points", bar
        )
    worst = max((abs(100 * case.covered(90).mean() - 90), case.coin) for case in cases)
    bar = f"<= {OF_A_COIN[h]}" if h in OF_A_COIN else None
    yield Figure(f"h={h}: 90 % coverage of the worst coin, {worst[1]}, off by", worst[0], "points", bar)
    y, q = (np.concatenate(each) for each in zip(*((case.y, case.quantiles["ours"]) for case in cases), strict=True))
    off = 100 * np.abs(shares_below(y, q) - INTERVAL_LEVELS).mean()
    bar = f"<= {MISCALIBRATED[h]}" if h in MISCALIBRATED else None
    yield Figure(f"h={h}: miscalibration over 19 quantiles", off, "points", bar)


def _scores(h: int, cases: list[Case]) -> Iterable[Figure]:
    must, stretch = ROLLING.get(h, (None, None))
    bars = {"rolling": (must, stretch), "static": (STATIC, None), "anchor": (None, None)}
    for who, (least, more) in bars.items():
        better = 100 * (1 - np.mean([case.score_90("ours") / case.score_90(who) for case in cases]))
        marks = (None if bar is None else f">= {bar}" for bar in (least, more))
        yield Figure(f"h={h}: 90 % interval score better than {who}", better, "%", *marks)


def _against_anchor(by_horizon: Mapping[int, list[Case]]) -> Iterable[Figure]:
    """Mean pinball over all coins day by day, ours against the anchor's: gain, and Diebold-Mariano's p after Holm."""
    gains, ps = {}, {}
    for h, cases in by_horizon.items():
        ours, anchor = (pd.concat([c.losses(who) for c in cases], axis=1).dropna().mean(axis=1) for who in NAMES)
        gains[h] = 100 * float(np.mean([1 - case.losses("ours").mean() for case in cases]))
        loss = (ours.to_numpy(float), anchor.to_numpy(float))  # the test squares errors: their roots are given
        _, ps[h] = diebold_mariano(np.zeros(len(loss[0])), np.sqrt(loss[0]), h, np.sqrt(loss[1]))
    holm = dict(zip(ps, multipletests(list(ps.values()), method="holm")[1], strict=True))
    for h, gain in gains.items():
        yield Figure(f"h={h}: mean pinball better than the anchor", gain, "%", None, ">= 1" if h == 1 else None)
        yield Figure(f"h={h}: p of that over the panel", ps[h], "", None, "< 0.05" if h == 1 else None)
        yield Figure(f"h={h}: p after Holm over the horizons", float(holm[h]), "")


NAMES = ("ours", "anchor")
