"""Interactive training curves."""

from forecaster.plots.draw import PlotInputs
from forecaster.plots.interactive import curves_unit
from forecaster.store import Artifact
from tasks.runtime import runtime
from tasks.step import step


@step("plot-{inputs.coin}-curves.html", modules=("forecaster.plots.interactive",), libraries=("pandas", "plotly"))
def curves(inputs: PlotInputs) -> Artifact:
    """Draw the training curves as one HTML page."""
    now = runtime()
    return now.pool.run(curves_unit, now.artifacts_dir, inputs)
