"""The fan chart as a unit of work."""

from pathlib import Path

from forecaster.store import Artifact, Store

DPI = 150


def fan_unit(root: Path, frame: Artifact, closes: Artifact) -> Artifact:
    """Draw the forecasts in `frame` beside the `closes` before them, and keep the picture."""
    from forecaster.plots.fan import Fan, fan_chart  # whoever only asks for a picture must not pay for matplotlib

    store = Store(root)
    figure = fan_chart(Fan(store.frame(frame), store.frame(closes)["close"]))
    # Without the library's version in the file, equal pictures are equal bytes.
    return store.put(lambda path: figure.savefig(path, dpi=DPI, metadata={"Software": None}), ".png")
