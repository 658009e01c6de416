"""The audits before training, as the report has them."""

from collections.abc import Mapping
from typing import Any


def leakage_section(entry: Mapping[str, Any] | None) -> str:
    """Where the audits looked and what they found; empty where they did not run."""
    if not entry:
        return ""
    labels, truncation = entry.get("label_audit"), entry.get("truncation_audit")
    lines = []
    if labels:
        lines.append(f"- Labels: {labels['parts']} parts and folds, {'none' if labels['clean'] else 'some'} crosses.")
    if truncation:
        days = ", ".join(truncation["days"])
        lines.append(
            f"- Features: {truncation['n_columns']} columns computed anew on histories that end on {days}: "
            f"{', '.join(truncation['differing']) or 'none'} changed."
        )
    lines += [f"- Columns that came with the bars: {line}" for line in entry.get("given", [])]
    return "## Leakage audits\n\n" + "\n".join(lines) if lines else ""
