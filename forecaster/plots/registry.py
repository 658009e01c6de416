"""The ten plots of the specification by file name, and those of steps that not every run takes."""

from collections.abc import Callable

from matplotlib.figure import Figure

from forecaster.plots.accuracy import model_comparison, predictions_vs_actual, residual_analysis
from forecaster.plots.frames import RunFrames
from forecaster.plots.insight import attention_heatmap, ensemble_weights, feature_importance
from forecaster.plots.summary import training_summary
from forecaster.plots.training import learning_rates, loss_curves, metrics_progression
from forecaster.plots.tuning import tuning
from forecaster.plots.uncertainty import uncertainty
from forecaster.plots.walk_forward import walk_forward

PLOTS: dict[str, Callable[[RunFrames], Figure]] = {
    "loss_curves.png": loss_curves,
    "metrics_progression.png": metrics_progression,
    "learning_rates.png": learning_rates,
    "attention_heatmap.png": attention_heatmap,
    "feature_importance.png": feature_importance,
    "model_comparison.png": model_comparison,
    "predictions_vs_actual.png": predictions_vs_actual,
    "residual_analysis.png": residual_analysis,
    "ensemble_weights.png": ensemble_weights,
    "training_summary.png": training_summary,
}
FURTHER_PLOTS: dict[str, Callable[[RunFrames], Figure]] = {
    "tuning.png": tuning,
    "uncertainty.png": uncertainty,
    "walk_forward.png": walk_forward,
}
