"""Pictures: one task each, so that one that fails costs no other."""

from forecaster.plots.draw import PlotInputs, draw_unit
from forecaster.store import Artifact
from tasks.runtime import runtime
from tasks.step import step


@step("plot-{inputs.coin}-{name}", modules=("forecaster.plots.draw",), libraries=("matplotlib", "pandas"))
def plot(name: str, inputs: PlotInputs) -> Artifact:
    """Draw one of the specification's plots."""
    now = runtime()
    return now.pool.run(draw_unit, now.artifacts_dir, name, inputs)
