"""What memory grows with: the base matrix, or the windows that are cut from it.

    python -m benchmarks.memory            every model, 1x 3x 10x as long, 5x as wide, both; about 15 minutes
    python -m benchmarks.memory --quick    DLinear and LightGBM, three sizes, no selection; about 2 minutes

Each fit (`fit_unit`: reading the parts, scaling, training, forecasting every origin, saving) runs in a fresh process
with one thread. Its peak resident memory less what was resident after the imports is drawn as
`a + c * columns + b * base`, where `base` is the float32 matrix of its rows and columns. `a` and `c` do not depend on
how long the series is (graphs; histograms and bins of trees); `b` says how many base matrices a fit holds at once.
Windows, were they stored, would make b at least 60, and 180 with the augmented copies. Every origin and the whole
matrix are there; only the number of training steps (8) or trees (10 an output) is cut: the peak does not depend on it.

`prepare` and `select` run on simulated bars of the same lengths; their base is the float64 frame of engineered columns.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.footprint import SPLIT, make_bars, make_parts
from benchmarks.measure import Figure, conclude
from forecaster.settings import MODELS
from tasks.accelerators import THREAD_LIMITS
from tasks.pool import KINDNESS

DAYS, FEATURES = 4500, 80
SIZES = ((1, 1), (3, 1), (10, 1), (1, 5), (10, 5))  # times as long, times as wide
QUICK = ((1, 1), (10, 1), (1, 5))
ENGINEERED = 195  # columns of `prepare`, roughly
MB = 1e6


def footprint(name: str, root: Path, n_features: int) -> dict[str, float]:
    """What one step took, from a process of its own."""
    env = {**os.environ, **dict.fromkeys(THREAD_LIMITS, "1"), **KINDNESS, "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [sys.executable, "-m", "benchmarks.footprint", name, str(root), str(n_features)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"Expected {name} to fit. Received: {done.stderr[-3000:]}")
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def measure_fits(models: Sequence[str], sizes: Sequence[tuple[int, int]], folder: Path) -> list[dict[str, Any]]:
    """A row per model and size."""
    rows = []
    for longer, wider in sizes:
        root, n_features = folder / f"{longer}-{wider}", wider * FEATURES
        parts = make_parts(root, longer * DAYS, n_features)
        (root / "parts.json").write_text(json.dumps(parts))
        for model in models:
            row = {"step": model, "days": longer * DAYS, "columns": n_features}
            rows.append(row | _in_mb(footprint(model, root, n_features), parts["base_bytes"]))
            click.echo(f"{model} {longer}x {wider}x", err=True)
    return rows


def measure_before(lengths: Sequence[int], folder: Path) -> list[dict[str, Any]]:
    """A row per length for `prepare` and for `select`."""
    rows = []
    for longer in lengths:
        root = folder / f"bars-{longer}"
        make_bars(root, longer * DAYS)
        for name in ("prepare", "select"):
            base = 8 * longer * DAYS * ENGINEERED
            row = {"step": name, "days": longer * DAYS, "columns": ENGINEERED}
            rows.append(row | _in_mb(footprint(name, root, 0), base) | {"its windows MB": ""})
            click.echo(f"{name} {longer}x", err=True)
    return rows


def _in_mb(measured: dict[str, float], base: float) -> dict[str, float]:
    grown = measured["peak"] - measured["imported"]
    return {
        "base MB": base / MB,
        "its windows MB": base * SPLIT.lookback / MB,
        "after imports MB": measured["imported"] / MB,
        "grown by MB": grown / MB,
        "grown / base": grown / base,
        "CPU s": measured["cpu"],
    }


def plane(rows: Sequence[dict[str, Any]]) -> tuple[float, float, float]:
    """`a`, `c` (MB) and `b` of `grown = a + c * columns + b * base`, by least squares; without `c` at one width."""
    columns, base = (np.array([row[name] for row in rows], dtype=float) for name in ("columns", "base MB"))
    has_widths = len(set(columns)) > 1
    x = np.column_stack([np.ones(len(rows)), columns * has_widths, base])
    (a, c, b), *_ = np.linalg.lstsq(x, np.array([row["grown by MB"] for row in rows]), rcond=None)
    return float(a), float(c), float(b)


def figures(rows: Sequence[dict[str, Any]]) -> list[Figure]:
    """What every step costs per base matrix, and in all at its largest size."""
    found = []
    for name in dict.fromkeys(row["step"] for row in rows):
        own = [row for row in rows if row["step"] == name]
        a, c, b = plane(own)
        found.append(Figure(f"{name}: grown = {a:.0f} MB + {c:.2f} MB x columns + b x base, b", b, "", "<= 10", "<= 6"))
        largest = max(own, key=lambda row: row["base MB"])
        size = f"{largest['days']} days x {largest['columns']} columns"
        found.append(Figure(f"{name}: grown / base at {size}", largest["grown / base"], "", "< 60"))
    return found


@click.command()
@click.option("--quick", is_flag=True, help="Two models, three sizes, no selection.")
@click.option("--model", "models", multiple=True, type=click.Choice(MODELS), help="Only these models.")
@click.option("--to", type=click.Path(path_type=Path), help="JSON file for the figures.")
def main(quick: bool, models: tuple[str, ...], to: Path | None) -> None:
    """Measure what memory grows with."""
    chosen = models or (("dlinear", "lightgbm") if quick else MODELS)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure_fits(chosen, QUICK if quick else SIZES, Path(folder))
        if not quick and not models:
            rows += measure_before((1, 3, 10), Path(folder))
    sys.exit(conclude("Memory", rows, figures(rows), to))


if __name__ == "__main__":
    main()
