"""What watched nights come to: a table with a row per night, and the figures that are held to a bar.

No script of its own: `benchmarks.night` prints it.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import Figure, conclude
from benchmarks.night_facts import Night
from forecaster.config import RunConfig
from forecaster.settings import NETWORKS, Coin

COLD, NEXT, AGAIN = "cold", "next night", "same again"
EMPTY_PLAIN, EMPTY_OWN = "empty flow", "empty flow, our server"
EMPTY = {EMPTY_PLAIN: (), EMPTY_OWN: ("own",)}  # what `empty_flow.py` is told
COLD_MINUTES = {1: ("<= 30", "<= 15"), 5: ("<= 120", "<= 60")}  # by number of coins, at the default settings
ELSEWHERE = {"crypto", "data_dir", "as_of", "jobs", "artifacts_dir", "output_dir", "tracking_uri"}
LIBRARIES = ("tensorflow", "lightgbm", "matplotlib", "mlflow")
GIGABYTE = 1e9


def tell(
    seen: Mapping[str, Sequence[Night]],
    walls: Mapping[str, Sequence[float]],
    config: RunConfig,
    last: date,
    quick: bool,
    to: Path | None,
) -> int:
    """Print and write everything; the exit status."""
    market = "simulated" if config.data_dir is None else "real"
    title = f"Three nights of {', '.join(config.crypto)} ({market} bars up to {last})"
    rows = [row(name, seen[name], walls) for name in (COLD, NEXT, AGAIN)]
    rows += [{"night": name, "wall s": median(walls[name]), "of the cold": ""} for name in EMPTY]
    return conclude(title, rows, figures(seen, walls, config, quick), to)


def row(name: str, nights: Sequence[Night], walls: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """One night in the table; of several the median wall clock and CPU time, and the largest memory."""
    counts, stage = nights[-1].counts, nights[-1].stage
    computed = ", ".join(f"{n} {kind}s" for kind, n in counts.computed.items())
    return {
        "night": name,
        "wall s": median(walls[name]),
        "of the cold": median(walls[name]) / walls[COLD][0],
        **{f"CPU s {role}": median(n.watched.cpu_seconds(role) for n in nights) for role in ("parent", "server")},
        "CPU s workers": median(n.watched.cpu_seconds("worker") for n in nights),
        "fits computed": computed or "none",
        "reused": counts.reused,
        **{f"peak GB {role}": peak_gb(nights, role) for role in ("worker", "parent")},
        "cores busy while fitting": "" if stage is None else stage.busy,
        "imported by processes": libraries_of(nights[-1]),
    }


def peak_gb(nights: Sequence[Night], role: str) -> float | str:
    """Most memory that one process of a role held; a dash where there was none."""
    peaks = [night.watched.peak_rss(role) for night in nights if len(night.watched.of(role))]
    return max(peaks) / GIGABYTE if peaks else "-"


def libraries_of(night: Night) -> str:
    """`tensorflow 0, ... of 2`: in how many processes of the night."""
    told = ", ".join(f"{library} {night.processes_with(library)}" for library in LIBRARIES)
    return f"{told} of {len(night.imports)}"


def figures(
    seen: Mapping[str, Sequence[Night]], walls: Mapping[str, Sequence[float]], config: RunConfig, quick: bool
) -> list[Figure]:
    """Everything with a bar. What depends on long fits has none at quick settings."""
    return [*of_long_fits(seen, walls, config, quick), *of_any_settings(seen, walls, config)]


def of_long_fits(
    seen: Mapping[str, Sequence[Night]], walls: Mapping[str, Sequence[float]], config: RunConfig, quick: bool
) -> list[Figure]:
    cold = seen[COLD][0]
    bars = cold_bars(config.crypto, config)
    found = [
        Figure("cold night", walls[COLD][0] / 60, "min", *bars),
        Figure("next night / cold night", walls[NEXT][0] / walls[COLD][0], "", *bar(quick, "<= 0.25")),
    ]
    if cold.stage is not None:
        found.append(Figure("cores busy, first fit to last (cold)", cold.stage.busy, "", *bar(quick, ">= 0.85")))
        found.append(Figure("the same by the clocks of the fits", cold.stage.inside))
    memory = [("worker", "<= 1.5"), ("parent", "<= 1")]
    nights = [night for each in seen.values() for night in each]
    peaks = [(role, peak_gb(nights, role), limit) for role, limit in memory]
    return found + [Figure(f"peak memory of a {role}", peak, "GB", limit) for role, peak, limit in peaks if peak != "-"]


def of_any_settings(
    seen: Mapping[str, Sequence[Night]], walls: Mapping[str, Sequence[float]], config: RunConfig
) -> list[Figure]:
    again, networks = seen[AGAIN], [">= 1"] if set(config.models) & set(NETWORKS) else []
    more, more_than_ours = (median(walls[AGAIN]) - median(walls[name]) for name in (EMPTY_PLAIN, EMPTY_OWN))
    return [
        Figure("judged and fold fits of the next night", seen[NEXT][0].counts.judged, "", "== 0"),
        Figure("fits of the same night again", max(n.counts.computed.total() for n in again), "", "== 0"),
        Figure("the same night again - empty flow", more, "s", "<= 10", "<= 5"),
        Figure("the same, where the empty flow has server and heartbeats as a night", more_than_ours, "s"),
        Figure("its processes that import tensorflow", again[-1].processes_with("tensorflow"), "", "== 0"),
        Figure("the cold night's, so that this is seen", seen[COLD][0].processes_with("tensorflow"), "", *networks),
    ]


def bar(quick: bool, must: str) -> tuple[str | None]:
    return (None if quick else must,)


def cold_bars(crypto: Sequence[Coin], config: RunConfig) -> tuple[str | None, str | None]:
    """Bars of the cold night, which hold for one coin and for five at the default settings."""
    default = RunConfig(crypto=config.crypto)
    settings = set(RunConfig.model_fields) - ELSEWHERE
    same = all(getattr(config, name) == getattr(default, name) for name in settings)
    return COLD_MINUTES.get(len(crypto), (None, None)) if same else (None, None)
