"""`model_card.md`: what a model is for, what it was made of, what it is worth, and how to load it (Mitchell 2019)."""

import math
from collections.abc import Mapping
from typing import Any

from forecaster.names import NOTHING, days, label, percent, share
from forecaster.report.loading import loading_section, partner_seen
from forecaster.report.schema import Baseline, Metrics, Model, TrainingReport
from forecaster.report.tables import table
from forecaster.settings import ENSEMBLE

WHAT = {
    "dlinear": "Trend (a centred moving average) and remainder of the window, one linear map of each per horizon "
    "(Zeng et al. 2023).",
    "tcn": "Blocks of dilated causal convolutions with residual connections, read at the last day (Bai et al. 2018).",
    "enhanced_lstm": "A bidirectional and a residual LSTM, additive attention over the days of the window.",
    "transformer": "A small encoder with causal self-attention and learned positions (Vaswani et al. 2017).",
    "lightgbm": "One ensemble of boosted trees per horizon on five summaries of each feature (Ke et al. 2017).",
}
BESIDE = ("seq_length", "n_features", "n_train_windows")  # parameters that the section on data tells already
SIGNIFICANT = 2.0  # standard errors


def model_card(report: TrainingReport, model: str) -> str:
    """The card of one trained model, or of the ensemble.

    In its lines on loading, `PARENT_RUN_ID` and `TRACKING_URI` stand for what only a logged run knows.

    Raises:
        ValueError: if the report holds no such model.
    """
    if model not in report.contenders:
        raise ValueError(f"Expected one of {', '.join(report.contenders)}. Received: {model}")
    sections = [
        _head(report, model),
        _use(report),
        _architecture(report, model),
        _data(report),
        _scores(report, model),
        _intervals(report, model),
        _limits(report, model),
        loading_section(report, model),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(report: TrainingReport, model: str) -> str:
    simulated = "SIMULATED DATA: " if report.data.simulated else ""
    return (
        f"# {simulated}{label(model)} for {report.coin}\n\nRun `{report.run}`, as of {report.as_of}. "
        f"Status of the run: {report.status}."
    )


def _use(report: TrainingReport) -> str:
    lines = [
        "## Intended use",
        "",
        f"Forecasts of {report.coin}'s log-return over the next {', '.join(report.horizons)} days from daily bars, to "
        "be judged every night beside a forecast of no change. For research and monitoring.",
        "",
        "Not for: investment advice, automatic trading, other coins, other bar lengths, or a day that has not closed.",
    ]
    if report.data.simulated:
        lines += ["", "Trained on simulated bars: it knows nothing about any real market."]
    return "\n".join(lines)


def _architecture(report: TrainingReport, model: str) -> str:
    if model == ENSEMBLE:
        return _combination(report)
    found = report.models[model]
    unit = "leaves" if model == "lightgbm" else "trainable parameters"
    size = "" if found.n_parameters is None else f" {found.n_parameters:,} {unit}."
    settings = [(f"`{name}`", value) for name, value in found.params.items() if name not in BESIDE]
    lines = ["## Architecture", "", f"{WHAT[model]}{size}{_length(found)}"]
    return "\n".join([*lines, *(["", table(("setting", "value"), settings)] if settings else [])])


def _length(found: Model) -> str:
    if found.epochs is None:
        return ""
    if isinstance(found.epochs, list):
        return f" Best on validation after {'/'.join(map(str, found.epochs))} trees."
    return f" Best on validation after {found.epochs} epoch{'s' if found.epochs > 1 else ''}."


def _combination(report: TrainingReport) -> str:
    e = report.ensemble
    assert e is not None
    lines = ["## Architecture", "", f"Combines {', '.join(map(label, report.models))}. Method: **{e.method}**. {e.why}"]
    if e.weights:
        rows = [
            (days(int(h)), *(share(weights.get(m)) for m in report.models), share(e.weight_on_zero.get(h)))
            for h, weights in e.weights.items()
        ]
        header = ("weights at", *map(label, report.models), label("zero"))
        lines += ["", f"Weights as of {report.as_of}: {e.weights_are or 'shares of the forecast'}."]
        lines += ["", table(header, rows)]
    return "\n".join(lines)


def _data(report: TrainingReport) -> str:
    d = report.data
    params: Mapping[str, Any] = next((each.params for each in report.models.values()), {})
    facts = {
        "coin": report.coin,
        "source": d.source,
        "days": f"{d.first} to {d.last}, {d.rows} rows",
        "input sha256": f"`{d.sha256}`",
        "window": f"{params.get('seq_length', NOTHING)} days",
        "features": f"{len(report.features.selected)} of {report.features.engineered}, chosen on the train part alone",
    }
    parts = [
        (name, s.first_origin, s.last_origin, s.last_label, s.n)
        for name in ("train", "val", "test")
        if (s := report.splits.get(name)) is not None
    ]
    header = ("part", "first origin", "last origin", "last label", "origins")
    served = (
        "The scores below are of a model that learned from train alone; what is served was then fitted on all days, "
        "for as many epochs or trees."
    )
    return f"## Training data\n\n{table(('', ''), facts.items())}\n\n{table(header, parts)}\n\n{served}"


def _scores(report: TrainingReport, model: str) -> str:
    header = ("horizon", "forecast", "RMSE", "MAE", "R²", "skill vs zero", "right sign ± standard error", "origins")
    rivals: dict[str, Baseline] = {model: report.contenders[model], **report.baselines}
    rows = [
        (days(int(h)), label(name), *_figures(rival.test[h], int(h)))
        for h in report.horizons
        for name, rival in rivals.items()
        if h in rival.test
    ]
    lines = ["## Scores on test", "", "In plain log-returns; skill: 1 - RMSE / RMSE of forecasting no change.", ""]
    return "\n".join([*lines, table(header, rows)])


def _figures(m: Metrics, horizon: int) -> tuple[Any, ...]:
    plain = [NOTHING if value is None else f"{value:.4f}" for value in (m.rmse, m.mae, m.r2)]
    error = _sign_error(m, horizon)
    right = share(m.directional_accuracy) + ("" if error is None else f" ± {100 * error:.1f}")
    return (*plain, percent(m.skill_vs_zero), right, m.n)


def _sign_error(m: Metrics, horizon: int) -> float | None:
    """Standard error `sqrt(p (1 - p) / n)` of a share of right signs; of `horizon` overlapping outcomes one counts."""
    if m.directional_accuracy is None or not m.n:
        return None
    p = m.directional_accuracy
    return math.sqrt(p * (1 - p) / max(m.n / horizon, 1))


def _intervals(report: TrainingReport, model: str) -> str:
    found: Mapping[str, Mapping[str, Any]] = (report.uncertainty or {}).get(model) or {}
    if not found:
        return "## Intervals\n\nNone were made for this model in this run."
    rows = [
        (days(int(h)), share(each.get("coverage_80")), share(each.get("coverage_90")), _width(each.get("width_90")))
        for h, each in sorted(found.items(), key=lambda item: int(item[0]))
    ]
    header = ("horizon", "80 % interval covers", "90 % interval covers", "width of 90 %, log-return")
    return f"## Intervals\n\n{table(header, rows)}"


def _width(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4f}"


def _limits(report: TrainingReport, model: str) -> str:
    lines = [
        _worth(report, model),
        "Markets change: what held in training need not hold tomorrow, and nothing here notices when it stops.",
        "Outcomes of neighbouring days overlap at horizons beyond one day: test holds far fewer independent outcomes "
        "than origins, and the best of several models is picked with hindsight.",
        "It sees daily prices and volumes only: no news, order books, fees, taxes or slippage.",
    ]
    if partner_seen(report):
        lines.append(f"It looks at {partner_seen(report)} too: a forecast needs the bars of both.")
    return "\n".join(["## Limits", "", *(f"- {line}" for line in [*lines, *report.reasons])])


def _worth(report: TrainingReport, model: str) -> str:
    """One sentence about skill and right signs, both of which may well be chance."""
    test = report.contenders[model].test
    ahead = [days(int(h)) for h in report.horizons if h in test and (test[h].skill_vs_zero or 0) > 0]
    sure = [days(int(h)) for h in report.horizons if h in test and _is_right_beyond_chance(test[h], int(h))]
    skill = (
        f"On test its RMSE is below that of forecasting no change at {', '.join(ahead)}; no test of significance "
        "stands behind that."
        if ahead
        else "On test it does not beat a forecast of no change at any horizon."
    )
    sign = (
        f"Its share of right signs is more than {SIGNIFICANT:.0f} standard errors above one half at {', '.join(sure)}, "
        "which a market that only rises gives to any forecast that always says up."
        if sure
        else f"Its share of right signs is nowhere more than {SIGNIFICANT:.0f} standard errors above one half."
    )
    return f"{skill} {sign}"


def _is_right_beyond_chance(m: Metrics, horizon: int) -> bool:
    error = _sign_error(m, horizon)
    return bool(error and m.directional_accuracy and m.directional_accuracy - 0.5 > SIGNIFICANT * error)
