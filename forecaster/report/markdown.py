"""`report.md`: the verdict first, then everything it rests on."""

from collections.abc import Mapping
from typing import Any

from forecaster.names import NOTHING, days, duration, label, percent, share
from forecaster.report.calibration import calibration_section
from forecaster.report.forecast import forecast_section
from forecaster.report.leakage import leakage_section
from forecaster.report.promotion import promotion_section, retraining_section
from forecaster.report.reuse import reuse
from forecaster.report.schema import Baseline, Metrics, TrainingReport
from forecaster.report.tables import table
from forecaster.report.tuning import tuning_section
from forecaster.report.uncertainty import uncertainty_section
from forecaster.report.verdict import suspected_leaks, verdict, weights_table
from forecaster.report.walk_forward import walk_forward_section


def to_markdown(report: TrainingReport) -> str:
    """The report as a page; pictures are linked relative to it."""
    sections = [
        _head(report),
        forecast_section(report.coin, report.forecast),
        _data(report),
        _splits(report),
        leakage_section(report.leakage),
        _scores(report),
        _ensemble(report),
        calibration_section(report),
        uncertainty_section(report),
        walk_forward_section(report),
        promotion_section(report),
        retraining_section(report),
        _gap(report),
        _training(report),
        tuning_section(report),
        _features(report),
        _steps(report),
        _environment(report),
        _plots(report),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _number(value: float | None, digits: int = 4) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}"


def _head(report: TrainingReport) -> str:
    simulated = "SIMULATED DATA: " if report.data.simulated else ""
    lines = [f"# {simulated}{report.coin}, training report as of {report.as_of}", "", verdict(report)]
    leaks = suspected_leaks(report)
    if leaks:
        lines += [
            "",
            f"> **Suspected leak.** {' '.join(leaks)} On real daily bars that is too good to be true: look for it.",
        ]
    lines += ["", f"Status: **{report.status}**", *(f"- {reason}" for reason in report.reasons)]
    if report.steps:
        lines += ["", reuse(report.steps)]
    return "\n".join(lines)


def _data(report: TrainingReport) -> str:
    d = report.data
    facts = {
        "source": f"{d.source}{' (simulated)' if d.simulated else ''}",
        "days": f"{d.first} to {d.last}, {d.rows} rows",
        "input sha256": f"`{d.sha256}`",
    }
    if d.stale_days:
        facts["days missing before as-of"] = str(d.stale_days)
    findings = "\n".join(f"- {finding}" for finding in d.findings) or "The quality checks found nothing."
    return f"## Data\n\n{table(('', ''), facts.items())}\n\n{findings}"


def _splits(report: TrainingReport) -> str:
    rows = [(name, s.first_origin, s.last_origin, s.last_label, s.n) for name, s in report.splits.items()]
    return "## Parts\n\n" + table(("part", "first origin", "last origin", "last label", "origins"), rows)


def _scores(report: TrainingReport) -> str:
    header = ("model", "RMSE", "scaled RMSE", "MAE", "R²", "right sign", "skill vs zero", "origins")
    lines = [
        "## Test scores",
        "",
        "RMSE and MAE in log-return; scaled: over the interquartile range of the train targets.",
    ]
    for h in report.horizons:
        rows = [_score_row(name, rival.test[h]) for name, rival in report.rivals.items() if h in rival.test]
        lines += ["", f"### {days(int(h))} ahead", "", table(header, rows)]
    return "\n".join(lines)


def _score_row(name: str, m: Metrics) -> tuple[Any, ...]:
    plain = (_number(m.rmse), _number(m.scaled_rmse, 3), _number(m.mae), _number(m.r2))
    return (label(name), *plain, share(m.directional_accuracy), percent(m.skill_vs_zero), m.n)


def _ensemble(report: TrainingReport) -> str:
    e = report.ensemble
    if e is None:
        return "## Ensemble\n\nNone in this run."
    lines = ["## Ensemble", "", f"Method: **{e.method}**. {e.why}"]
    if e.fallback:
        lines += ["", f"Fallback: {e.fallback_reason or 'the stack was worse than the best single model on val.'}"]
    if e.regime:
        lines += ["", f"Current regime: {e.regime.replace('_', '-')}."]
    if e.gate:
        gates = ", ".join(f"{share(g)} at {days(int(h))}" for h, g in e.gate.items())
        lines += [
            "",
            f"Gate, the share of that forecast which days unseen by it support: {gates}. The rest is the zero return.",
        ]
    if e.weights:
        meaning = [f"Below: {e.weights_are}.", ""] if e.weights_are else []
        header, *rows = weights_table(report)
        lines += ["", *meaning, table(header, rows)]
    return "\n".join(lines)


def _gap(report: TrainingReport) -> str:
    rows = [(label(name), *_ratios(rival, report.horizons)) for name, rival in report.rivals.items() if rival.gap]
    if not rows:
        return ""
    what = "Val RMSE / train RMSE. Zero's ratio says how much rougher val was; only what exceeds it is overfitting."
    return f"## Train/validation gap\n\n{what}\n\n{table(('model', *(f'{h} d' for h in report.horizons)), rows)}"


def _ratios(rival: Baseline, horizons: list[str]) -> list[str]:
    return [NOTHING if rival.gap.get(h) is None else f"{rival.gap[h]:.2f}x" for h in horizons]


def _training(report: TrainingReport) -> str:
    rows = []
    for name, m in report.models.items():
        epochs = "/".join(map(str, m.epochs)) if isinstance(m.epochs, list) else m.epochs
        size = None if m.n_parameters is None else f"{m.n_parameters:,}"
        rows.append((label(name), size, epochs, None if m.seconds is None else duration(m.seconds)))
    header = ("model", "parameters (leaves)", "epochs (trees) until best", "judged fit took")
    return f"## Training\n\n{table(header, rows)}" if rows else ""


def _features(report: TrainingReport) -> str:
    f = report.features
    rows = [(f"`{name}`", NOTHING if score is None else f"{score:.4g}") for name, score in f.selected.items()]
    head = f"## Features\n\n{f.engineered} engineered, {len(f.selected)} selected."
    folded = "<details><summary>Selected, by what each says about the targets on train</summary>"
    return f"{head}\n\n{folded}\n\n{table(('feature', 'mean rank (low is best)'), rows)}\n\n</details>"


def _steps(report: TrainingReport) -> str:
    if not report.steps:
        return ""
    counts = {kind: sum(step.cache == kind for step in report.steps) for kind in ("hit", "miss", "always")}
    told = (
        f"{len(report.steps)} steps: {counts['hit']} reused, {counts['miss']} computed, {counts['always']} always run."
    )
    rows = [(s.name, s.cache, s.because, _seconds(s.seconds), s.retries) for s in report.steps]
    return f"## Steps\n\n{told}\n\n{table(('step', 'cache', 'because', 'took, waiting included', 'retries'), rows)}"


def _seconds(value: float | None) -> str:
    return NOTHING if value is None else duration(value)


def _environment(report: TrainingReport) -> str:
    e = report.environment
    further: Mapping[str, Any] = e.model_extra or {}
    facts = {
        "command": e.command and f"`{e.command}`",
        "recipe": report.recipe,
        "the night took": e.seconds and duration(e.seconds),
        "cores": e.cores,
        "device": e.device,
        "platform": e.platform,
        "seed": e.seed,
        **further,
        **e.versions,
    }
    return "## Environment\n\n" + table(("", ""), [(k, v) for k, v in facts.items() if v is not None])


def _plots(report: TrainingReport) -> str:
    if not report.plots:
        return ""
    return "## Plots\n\n" + "\n\n".join(f"![{_title(name)}]({name})" for name in report.plots)


def _title(name: str) -> str:
    return name.removesuffix(".png").replace("_", " ")
