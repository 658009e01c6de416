"""How far the work is, on a terminal: one bar per coin, a line per running fit; plain lines where there is none."""

import sys
import threading
import time
from contextlib import suppress
from typing import Any, Self

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

from flows.outcome import CoinOutcome, Rows
from tasks.runtime import Progress

FILE_WIDTH = 110  # columns: what rich assumes of a file, 80, cuts the tables
QUIET_SECONDS = 10.0  # without a terminal, each fit prints a line at most this often


class Silent:
    """Shows nothing: a worker's progress is Prefect's log."""

    def expect(self, coin: str, n_units: int) -> None:
        """See `tasks.runtime.Progress`."""

    def epoch(self, coin: str, model: str, fold: str, epoch: int, total: int | None, logs: dict[str, float]) -> None:
        """See `tasks.runtime.Progress`."""

    def done(self, coin: str, model: str, fold: str, how: str) -> None:
        """See `tasks.runtime.Progress`."""

    def say(self, coin: str, text: str) -> None:
        """See `tasks.runtime.Progress`."""

    def finished(self, outcome: CoinOutcome) -> None:
        """See `tasks.runtime.Progress`."""


class Shielded:
    """Passes on to another progress until that fails for the first time: a broken pipe must not cost a fit."""

    def __init__(self, shown: Progress) -> None:
        self._shown: Progress | None = shown

    def _tell(self, what: str, *args: Any) -> None:
        try:
            if self._shown is not None:
                getattr(self._shown, what)(*args)
        except (Exception, SystemExit):  # rich exits the process when nobody reads its output any more
            self._shown = None

    def expect(self, coin: str, n_units: int) -> None:
        """See `tasks.runtime.Progress`."""
        self._tell("expect", coin, n_units)

    def epoch(self, coin: str, model: str, fold: str, epoch: int, total: int | None, logs: dict[str, float]) -> None:
        """See `tasks.runtime.Progress`."""
        self._tell("epoch", coin, model, fold, epoch, total, logs)

    def done(self, coin: str, model: str, fold: str, how: str) -> None:
        """See `tasks.runtime.Progress`."""
        self._tell("done", coin, model, fold, how)

    def say(self, coin: str, text: str) -> None:
        """See `tasks.runtime.Progress`."""
        self._tell("say", coin, text)

    def finished(self, outcome: CoinOutcome) -> None:
        """See `tasks.runtime.Progress`."""
        self._tell("finished", outcome)

    def night(self) -> None:
        """Print how all coins ended, if the progress can."""
        self._tell("night")


class Terminal:
    """Shows coin, model, fold, epoch and loss, and what is left. Safe to call from many threads."""

    def __init__(self) -> None:
        self.console = Console(file=sys.stderr)
        if not self.console.is_terminal:
            self.console.width = FILE_WIDTH
        self._lock = threading.Lock()
        self._bars = Bars(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._coins: dict[str, Any] = {}
        self._fits: dict[tuple[str, str, str], Any] = {}
        self._spoken: dict[tuple[str, str, str], float] = {}
        self._left: dict[str, int] = {}
        self._outcomes: list[CoinOutcome] = []

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *exc: object) -> None:
        with suppress(Exception, SystemExit):  # nobody reads any more
            self._bars.stop()

    def expect(self, coin: str, n_units: int) -> None:
        """See `tasks.runtime.Progress`."""
        with self._lock:
            self._left[coin] = self._left.get(coin, 0) + n_units
            if coin not in self._coins:
                self._coins[coin] = self._bars.add_task(coin, total=0, note="")
            bar = self._bars.tasks[self._bars.task_ids.index(self._coins[coin])]
            self._bars.update(self._coins[coin], total=(bar.total or 0) + n_units)

    def epoch(self, coin: str, model: str, fold: str, epoch: int, total: int | None, logs: dict[str, float]) -> None:
        """See `tasks.runtime.Progress`."""
        losses = "  ".join(f"{name} {logs[name]:.4g}" for name in ("loss", "val_loss") if name in logs)
        note = f"epoch {epoch}/{total}  {losses}" if total else f"round {epoch}  {losses}"
        with self._lock:
            key = (coin, model, fold)
            if key not in self._fits:
                self._fits[key] = self._bars.add_task(f"  {coin} {model} {fold}", total=total, note=note)
            self._bars.update(self._fits[key], completed=epoch, note=note)
            if not self.console.is_terminal and time.monotonic() - self._spoken.get(key, 0) >= QUIET_SECONDS:
                self._spoken[key] = time.monotonic()
                self.console.print(f"{coin}  {model} {fold}  {note}", highlight=False)

    def done(self, coin: str, model: str, fold: str, how: str) -> None:
        """See `tasks.runtime.Progress`."""
        with self._lock:
            if (bar := self._fits.pop((coin, model, fold), None)) is not None:
                self._bars.remove_task(bar)
            self._bars.advance(self._coins[coin])
            self._left[coin] -= 1
            if not self.console.is_terminal:
                self.console.print(f"{coin}  {model} {fold}  {how}  ({self._left[coin]} units left)", highlight=False)

    def say(self, coin: str, text: str) -> None:
        """See `tasks.runtime.Progress`."""
        self._print(f"{coin}  {text}")

    def finished(self, outcome: CoinOutcome) -> None:
        """Print the coin's tables and notes, above the bars of coins that still run."""
        with self._lock:
            self._outcomes.append(outcome)
            for key in [key for key in self._fits if key[0] == outcome.coin]:
                self._bars.remove_task(self._fits.pop(key))
        self.console.rule(f"{outcome.coin}: {outcome.status}")
        for line in outcome.reasons:
            self._print(line)
        self._table("Test scores", outcome.summary)
        if outcome.verdict:
            self._print(outcome.verdict)
        self._table("Ensemble weights", outcome.weights)
        for line in outcome.notes:
            self._print(line)

    def night(self) -> None:
        """Print one table for several coins: how each ended, and why."""
        if len(self._outcomes) > 1:
            rows = sorted((outcome.row() for outcome in self._outcomes), key=lambda row: str(row["coin"]))
            table = Table(*rows[0], box=SIMPLE, title="The night", title_justify="left")
            for row in rows:
                table.add_row(*(str(cell) for cell in row.values()))
            self.console.print(table, markup=False)

    def _table(self, title: str, rows: Rows) -> None:
        if rows:
            table = Table(box=SIMPLE, title=title, title_justify="left")
            for number, name in enumerate(rows[0]):
                table.add_column(name, justify="right" if number else "left", no_wrap=True)
            for row in rows[1:]:
                table.add_row(*row)
            self.console.print(table)

    def _print(self, line: str) -> None:
        self.console.print(line, highlight=False, soft_wrap=True, markup=False)
