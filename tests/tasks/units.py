"""Units of work that workers can import by name."""

import os
import time
from collections.abc import Callable
from pathlib import Path


def add(a: int, b: int) -> int:
    return a + b


def pid() -> int:
    return os.getpid()


def wait(started: Path, seconds: float = 60.0) -> str:
    """Say in a file which process runs, then sleep."""
    beside = started.with_suffix(".part")
    beside.write_text(str(os.getpid()))
    beside.rename(started)
    time.sleep(seconds)
    return "slept"


def environment(names: tuple[str, ...]) -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in names}


def fail(error: BaseException) -> None:
    raise error


def count(n: int, on_epoch: Callable[[int, dict[str, float]], None]) -> int:
    for epoch in range(1, n + 1):
        on_epoch(epoch, {"loss": 1.0 / epoch})
    return n


def count_then_fail(n: int, on_epoch: Callable[[int, dict[str, float]], None]) -> None:
    count(n, on_epoch)
    raise ValueError("after its events")


def note(path: Path, name: str) -> None:
    """Append to a file: the order in which units ran."""
    with path.open("a") as file:
        file.write(f"{name}\n")
