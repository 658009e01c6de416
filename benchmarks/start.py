"""What starting costs: how long `retrain --help` takes, and what it, an import of the flow and a deployment load.

    python -m benchmarks.start    about a minute

Every Python process that is started writes down which modules it had loaded when it ended (a `sitecustomize` on the
path does that), so that nothing depends on who imported what. `prefect deploy` reads deployments/prefect.yaml against a
server of its own on the loopback interface, with a database of its own.
"""

import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from benchmarks.measure import Figure, conclude

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
HEAVY = ("tensorflow", "keras", "lightgbm", "mlflow", "matplotlib", "optuna", "plotly")
MIDDLING = ("prefect", "pandas", "sklearn", "numpy", "scipy")
FORBIDDEN = {
    "retrain --help": ("prefect", "pandas", "sklearn", *HEAVY),
    "import flows.retrain": HEAVY,
    "prefect deploy --all": ("tensorflow", "lightgbm", "mlflow", "matplotlib"),
}
COMMANDS: dict[str, list[str]] = {
    "retrain --help": [str(BIN / "retrain"), "--help"],
    "import flows.retrain": [sys.executable, "-c", "import flows.retrain"],
    "prefect deploy --all": [
        *(str(BIN / "prefect"), "--no-prompt", "deploy", "--all"),
        *("--prefect-file", "deployments/prefect.yaml"),
    ],
}
HOOK = """
import atexit, json, os, sys
def tell():
    with open(os.path.join(os.environ["MODULES_TO"], f"{os.getpid()}.json"), "w") as file:
        json.dump(sorted({name.partition(".")[0] for name in sys.modules}), file)
atexit.register(tell)
"""
SECONDS_TO_START = 180.0  # of a Prefect server on a cold disk


@dataclass(frozen=True)
class Measured:
    """Wall seconds of every run of a command, its median CPU seconds, and the modules that it loaded."""

    walls: tuple[float, ...]
    cpu: float
    modules: set[str]


def environment(folder: Path) -> dict[str, str]:
    """This one, with a Prefect of its own and the hook that lists modules."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    (folder / "hook").mkdir()
    (folder / "hook" / "sitecustomize.py").write_text(HOOK)
    path = os.pathsep.join([str(folder / "hook"), str(ROOT)])
    return {**kept, "PREFECT_HOME": str(folder / "prefect"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"} | {
        "PYTHONPATH": path,
        "MODULES_TO": str(folder),
    }


def run(command: Sequence[str], env: Mapping[str, str]) -> tuple[float, float, set[str]]:
    """Wall seconds of a command, CPU seconds, and the top-level modules of its own process."""
    started, before = time.perf_counter(), _cpu_of_children()
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output, _ = process.communicate()
    wall, cpu = time.perf_counter() - started, _cpu_of_children() - before
    if process.returncode:
        raise click.ClickException(f"Expected `{' '.join(command)}` to end well. Received: {output[-2000:]}")
    return wall, cpu, set(json.loads((Path(env["MODULES_TO"]) / f"{process.pid}.json").read_text()))


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)  # those that have ended: not the server
    return used.ru_utime + used.ru_stime


@contextmanager
def server(env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """A Prefect server for the length of the block; the environment that finds it."""
    port = _free_port()
    command = [str(BIN / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/api/health")
        yield {**env, "PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
    finally:
        process.terminate()
        process.wait()


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(address):
            return
        time.sleep(0.2)
    raise click.ClickException(
        f"Expected a Prefect server within {SECONDS_TO_START:g} s. Received: nothing at {address}"
    )


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measure(rounds: int, folder: Path) -> dict[str, Measured]:
    """Every command, after one run of it that warms the disk."""
    env = environment(folder)
    measured = {}
    with server(env) as found:
        run([str(BIN / "prefect"), "work-pool", "create", "retrain", "--type", "process"], found)
        for name, command in COMMANDS.items():
            n = rounds if "help" in name else 1
            results = [run(command, found) for _ in range(n + 1)]
            walls, cpu, modules = zip(*results[1:], strict=True)
            measured[name] = Measured(walls, statistics.median(cpu), modules[-1])
    return measured


def figures(measured: Mapping[str, Measured]) -> list[Figure]:
    """The bars."""
    fast = statistics.median(measured["retrain --help"].walls)
    loaded = {name: [m for m in FORBIDDEN[name] if m in each.modules] for name, each in measured.items()}
    return [
        Figure("`retrain --help`, warm disk, median", fast, "s", "< 1", "< 0.5"),
        *(
            Figure(f"`{name}` loads what it must not: {', '.join(found) or 'nothing'}", float(len(found)), "", "<= 0")
            for name, found in loaded.items()
        ),
    ]


def rows_of(measured: Mapping[str, Measured]) -> list[dict[str, Any]]:
    """A row per command."""
    return [
        {
            "command": f"`{name}`",
            "wall s": statistics.median(each.walls),
            "slowest s": max(each.walls),
            "CPU s": each.cpu,
            "runs": len(each.walls),
            "modules": len(each.modules),
            "of which": ", ".join(m for m in (*MIDDLING, *HEAVY) if m in each.modules) or "none that counts",
        }
        for name, each in measured.items()
    ]


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=9, show_default=True, help="Runs of `retrain --help`.")
@click.option("--to", type=click.Path(path_type=Path), help="JSON file for the figures.")
def main(rounds: int, to: Path | None) -> None:
    """Measure what starting costs."""
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(rounds, Path(folder))
    sys.exit(conclude("Start", rows_of(measured), figures(measured), to))


if __name__ == "__main__":
    main()
