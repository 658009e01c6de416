"""Markdown tables."""

from collections.abc import Iterable
from typing import Any

from forecaster.names import NOTHING


def table(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A markdown table; the first column is left-aligned, the others right."""
    names = list(header)
    rule = [":--"] + ["--:"] * (len(names) - 1)
    return "\n".join("| " + " | ".join(_cell(c) for c in line) + " |" for line in (names, rule, *rows))


def _cell(value: Any) -> str:
    return NOTHING if value is None else " ".join(str(value).split()).replace("|", "\\|")
