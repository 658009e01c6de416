"""What the scripts of this folder share: the machine, a watched command, fair repetition, and bars to pass or miss.

No script of its own: `from benchmarks.measure import Figure, conclude, watch`.
"""

import importlib.metadata
import json
import math
import operator
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import pandas as pd
import psutil

LIBRARIES = ("numpy", "pandas", "scikit-learn", "tensorflow", "keras", "lightgbm", "prefect", "mlflow", "torch")
COMPARE = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt, "==": operator.eq}
NOT_TOLD = float("nan")
SERVERS = ("prefect.server", "prefect server", "flows/server.py")  # command lines of Prefect servers


@dataclass(frozen=True)
class Figure:
    """One measured number and the bars it is held to, written as `<= 1.05` or `>= 1.8`."""

    name: str
    value: float
    unit: str = ""
    must: str | None = None
    stretch: str | None = None

    def passes(self, bar: str | None = None) -> bool | None:
        """Whether the value keeps a bar, by default `must`; None without one."""
        bar = bar or self.must
        if bar is None:
            return None
        sign, limit = bar.split()
        return bool(COMPARE[sign](self.value, float(limit)))

    def verdict(self) -> str:
        """`must missed`, `met`, `stretch met`; empty without a bar."""
        if self.passes() is False:
            return "**must missed**"
        if self.stretch and self.passes(self.stretch):
            return "stretch met"
        return "met" if self.must else ""


def table(rows: Sequence[Mapping[str, Any]], bars: Sequence[Figure] = ()) -> str:
    """Rows as a markdown table, and below it the figures that are held to a bar."""
    parts = [_markdown(rows)] if rows else []
    if bars:
        parts.append(_markdown([_row_of(figure) for figure in bars]))
    return "\n\n".join(parts)


def write(records: Any, to: Path | None) -> None:
    """Records (rows, figures, any mapping of them) and the machine as JSON; nothing without `to`."""
    if to is not None:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(json.dumps({"machine": machine(), "records": _plain(records)}, indent=1) + "\n", encoding="utf-8")


def conclude(title: str, rows: Sequence[Mapping[str, Any]], bars: Sequence[Figure], to: Path | None = None) -> int:
    """Print the tables, write them, and return the exit status: 1 if a must is missed."""
    told = machine()
    print(f"\n## {title}\n\n{told['model']}, {told['cores']} cores, {told['ram_gb']} GB, Python {told['python']}\n")
    print(table(rows, bars), flush=True)
    write({"title": title, "rows": rows, "figures": bars}, to)
    return int(any(figure.passes() is False for figure in bars))


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cores": os.cpu_count(),
        "model": _processor(),
        "ram_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": os.getloadavg(),  # of the last 1, 5, 15 minutes: a busy machine's figures are worth little
        "versions": {name: version for name in LIBRARIES if (version := _version(name))},
    }


def median_of(call: Callable[[], Any], n: int) -> float:
    """Median wall seconds of `n` calls."""
    return statistics.median(_timed(call) for _ in range(n))


def interleave(contestants: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Measurements per contestant, A B C A B C ..., so that a noisy neighbour hits all of them.

    A contestant that returns a float has measured itself; for others it is the wall seconds of the call.
    """
    results: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, call in contestants.items():
            results[name].append(_timed(call))
    return results


@dataclass(frozen=True)
class Watched:
    """What a command and its process tree did.

    `samples` has a row per process and moment: t (seconds since the start), pid, role, cpu (seconds so far), rss
    (bytes). A process's CPU time after its last sample is not seen.
    """

    returncode: int
    wall: float
    samples: pd.DataFrame
    output: str
    began: float  # by `time.monotonic`, to which other processes of this machine can refer

    def of(self, role: str | None = None) -> pd.DataFrame:
        """Samples of one role: `parent`, `server`, `worker` or `other`."""
        return self.samples if role is None else self.samples[self.samples["role"] == role]

    def peak_rss(self, role: str | None = None) -> float:
        """Most bytes that any single process of a role held."""
        return float(self.of(role)["rss"].max()) if len(self.of(role)) else NOT_TOLD

    def cpu_seconds(self, role: str | None = None, first: float = 0.0, last: float = math.inf) -> float:
        """CPU seconds of all processes of a role together, between two moments of `t`."""
        used = self.of(role)[["t", "pid", "cpu"]]
        inside = used[(used["t"] >= first) & (used["t"] <= last)].groupby("pid")["cpu"]
        before = used[used["t"] < first].groupby("pid")["cpu"].max()
        return float(inside.max().sub(before, fill_value=0).loc[lambda spent: spent > 0].sum()) if len(inside) else 0.0


def watch(argv: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None, every: float = 0.5) -> Watched:
    """Run a command and sample its process tree until it ends.

    Args:
        argv: the command.
        cwd: where it runs.
        env: its whole environment; this process's by default.
        every: seconds between samples.
    """
    with tempfile.TemporaryFile() as output:
        start = time.monotonic()
        root = psutil.Popen(list(argv), cwd=cwd, env=env, stdout=output, stderr=subprocess.STDOUT)
        try:
            samples = _sample_until_it_ends(root, start, every)
        finally:
            _end(root)
        frame = pd.DataFrame(samples, columns=["t", "pid", "role", "cpu", "rss"])
        return Watched(int(root.returncode), time.monotonic() - start, frame, _text(output), start)


def _sample_until_it_ends(root: psutil.Popen, start: float, every: float) -> list[tuple[float, int, str, float, int]]:
    samples, roles = [], {root.pid: "parent"}
    while root.poll() is None:
        for process in _tree(root):
            with suppress(psutil.Error):
                role = roles.get(process.pid) or _role(process.cmdline())
                if role != "other":  # between fork and exec a child still bears its parent's command line
                    roles[process.pid] = role
                used = process.cpu_times()
                moment = time.monotonic() - start
                samples.append((moment, process.pid, role, used.user + used.system, process.memory_info().rss))
        with suppress(subprocess.TimeoutExpired, psutil.TimeoutExpired):
            root.wait(timeout=every)
    return samples


def _tree(root: psutil.Popen) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return [root, *root.children(recursive=True)]
    return []


def _role(command: Sequence[str]) -> str:
    line = " ".join(command)
    if "multiprocessing.spawn" in line:
        return "worker"
    return "server" if any(words in line for words in SERVERS) else "other"


def _end(root: psutil.Popen) -> None:
    """End what is left of the tree, as after an interruption."""
    for process in reversed(_tree(root) if root.poll() is None else []):
        with suppress(psutil.Error):
            process.kill()
    root.wait()


def _text(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read().decode(errors="replace")


def _timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    value = call()
    return value if isinstance(value, float) else time.perf_counter() - start


def _row_of(figure: Figure) -> dict[str, Any]:
    value = f"{_short(figure.value)} {figure.unit}".strip()
    bars = {"must": figure.must or "", "stretch": figure.stretch or ""}
    return {"figure": figure.name, "value": value, **bars, "": figure.verdict()}


def _markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, ["---"] * len(names), *[[_short(row.get(name, "")) for name in names] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _short(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _plain(value: Any) -> Any:
    if isinstance(value, Figure):
        return {**asdict(value), "verdict": value.verdict().strip("*")}
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.item() if hasattr(value, "item") else value


def _processor() -> str:
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return platform.processor() or sys.platform


def _version(name: str) -> str | None:
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(name)
    return None
