"""What a watched night left behind, counted: fits computed and reused, how busy the cores were, what was imported.

No script of its own: `benchmarks.night` prints it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Watched
from forecaster.report.reuse import fits_of
from forecaster.report.schema import TrainingReport
from tasks.accelerators import n_cores

FIT_RECORDS = ("fit-", "refit-")  # how the records of fits in the cache begin
LONG_BEFORE = ("judged fit", "fold fit")  # kinds that a new bar must not cause


@dataclass(frozen=True)
class Counts:
    """Fits of a night, all coins together: computed by kind, reused, and what the report says of each coin."""

    computed: Counter[str]
    reused: int
    steps: Counter[str]
    statuses: Mapping[str, str]

    @property
    def judged(self) -> int:
        """Fits that a new bar must not cause."""
        return sum(self.computed[kind] for kind in LONG_BEFORE)


@dataclass(frozen=True)
class Stage:
    """From the start of the first fit to the end of the last.

    `busy` is the share of all cores' time that the worker processes used, `inside` the share that fits took by their
    own clocks, waiting for a core included.
    """

    seconds: float
    busy: float
    inside: float


@dataclass(frozen=True)
class Night:
    """One night: its processes, its fits, its fitting stage (None if nothing was fitted), imports by process."""

    watched: Watched
    counts: Counts
    stage: Stage | None
    imports: tuple[frozenset[str], ...]

    def processes_with(self, library: str) -> int:
        """How many processes imported a library."""
        return sum(library in each for each in self.imports)


def newest_reports(output: Path) -> list[TrainingReport]:
    """The newest report of each coin."""
    newest: dict[str, Path] = {}
    for path in sorted(output.glob("*/training_report.json"), key=lambda path: path.stat().st_mtime):
        newest[path.parent.name.partition("_")[0]] = path
    return [TrainingReport.model_validate_json(path.read_text(encoding="utf-8")) for path in newest.values()]


def recount(reports: Iterable[TrainingReport]) -> Counts:
    """Add up what the reports say."""
    reports = list(reports)
    fits = [fit for report in reports for fit in fits_of(report.steps)]
    return Counts(
        computed=Counter(fit.kind for fit in fits if fit.because is not None),
        reused=sum(fit.because is None for fit in fits),
        steps=Counter(step.cache for report in reports for step in report.steps),
        statuses={report.coin: report.status for report in reports},
    )


def fitting_stage(records: Path, started: float, watched: Watched) -> Stage | None:
    """How busy the cores were while fits ran; the records of fits say when each ended and how long it took.

    Args:
        records: folder of the cache.
        started: when the night started, as `time.time`.
        watched: its processes.
    """
    spans = [_span(path, started) for path in records.iterdir() if path.name.startswith(FIT_RECORDS)]
    spans = [(first, last) for first, last in spans if last > 0]
    if not spans:
        return None
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    cores = n_cores() * (last - first)
    used = watched.cpu_seconds("worker", first, last)
    return Stage(last - first, used / cores, sum(b - a for a, b in spans) / cores)


def _span(record: Path, started: float) -> tuple[float, float]:
    """Start and end of a fit, in seconds since the night started."""
    result = json.loads(json.loads(record.read_text(encoding="utf-8"))["result"])
    end = record.stat().st_mtime - started
    return end - float(result["data"]["seconds"]), end


def imports_of(witness: Path) -> tuple[frozenset[str], ...]:
    """Which heavy libraries each Python process imported.

    Raises:
        RuntimeError: if no process was seen, which would make an empty answer worthless.
    """
    files = list(witness.glob("*.txt"))
    if not files:
        raise RuntimeError(f"Expected a file per Python process below {witness}. Received: none. Did the path change?")
    return tuple(
        frozenset(line.removeprefix("imported ") for line in path.read_text().splitlines() if "imported " in line)
        for path in files
    )
