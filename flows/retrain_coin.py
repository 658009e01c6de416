"""One coin's night: prepare, select, fit, stack, evaluate, refit, save - and only then plot, report, log."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from prefect import flow, get_run_logger
from prefect.states import Cancelled, Failed, State

from flows.auditing import gather_audit, submit_audit
from flows.calibration import coverage_90, gather_calibration, submit_calibration, with_ensemble
from flows.champion import candidate_of, gather_replay, promote_safely, shipped_by, submit_replay
from flows.fits import (
    Survivors,
    fit_models,
    forecasts_of,
    gather_intervals,
    predict_test,
    refit_models,
    select_columns,
    spec_of,
    submit_intervals,
)
from flows.forecasting import forecast_coin
from flows.night import Night
from flows.outcome import CoinOutcome
from flows.reporting import report_safely
from flows.tuning import tune_models, tuning_folds
from flows.walk_forward import walk_forward
from forecaster.config import RunConfig
from forecaster.fitting import FitResult, Forecasts
from forecaster.judging import Stacked
from forecaster.market import BarsError
from forecaster.market.digest import bars_digest
from forecaster.prepare import Prepared
from forecaster.promotion.candidate import CANDIDATE
from forecaster.serving import FACTS, ServingFacts
from forecaster.settings import BASELINES, JUDGED, Coin, partner_of
from forecaster.store import Artifact
from tasks.judge import evaluate, stack
from tasks.pool import PoolClosed
from tasks.prepare import prepare
from tasks.runtime import runtime
from tasks.save import save


@flow(name="retrain-coin", flow_run_name="retrain-{coin}", persist_result=False)
def retrain_coin(coin: Coin, config: RunConfig) -> CoinOutcome | State[Any]:
    """Retrain, judge, save and report one coin.

    Args:
        coin: the coin.
        config: the run's settings.
    """
    try:
        with _alone():
            return _retrain(coin, config)
    except PoolClosed:
        return Cancelled(message=f"{coin}: the run was cancelled. Finished fits are kept and will be reused.")
    except BarsError as error:  # says all that is to be said: raised, it would be printed below four tracebacks
        return Failed(message=f"{coin}: {error}", data=error)


def _retrain(coin: Coin, config: RunConfig) -> CoinOutcome:
    progress, started = runtime().progress, time.perf_counter()
    bars = {name: bars_digest(name, config.data) for name in (coin, partner_of(coin))}
    data = prepare(coin, bars, config.data, config.split)
    folds = [data.judged] if config.no_ensemble else [data.judged, *data.folds]
    survivors = Survivors([*config.models, *BASELINES], list(data.degraded))

    auditing = submit_audit(data, bars, config)
    columns = select_columns(data, dict.fromkeys([*folds, *tuning_folds(data, config)]), config)
    audited = gather_audit(auditing, survivors)
    settings = {model: config.model(model) for model in survivors.models}
    studies = tune_models(data, columns, settings, survivors, config)
    settings |= {model: tuned.settings for model, tuned in studies.items()}

    fits = fit_models(data, folds, columns, settings, survivors, config)
    forecasts = predict_test(data, fits, survivors, config)
    if not set(survivors.models) - set(BASELINES):
        raise RuntimeError(f"No model survived. {' '.join(survivors.reasons)}")

    target_scale = dict(zip(config.split.horizons, fits["zero", JUDGED].target_scale, strict=True))
    stacked = None if config.no_ensemble else _stack(data, fits, target_scale, survivors, config)
    judged = evaluate(
        coin,
        {m: forecasts_of(fits, m, JUDGED) for m in survivors.models},
        {m: forecasts[m].forecasts for m in survivors.models},
        stacked,
        data.parts.all,
        data.judged,
        data.boundaries,
        target_scale,
    )
    measuring = submit_intervals(data, fits, survivors, config)  # while the refits run
    calibrating = submit_calibration(coin, bars[coin], judged, shipped_by(judged, stacked, survivors), config)
    replaying = submit_replay(data, config)
    serving = refit_models(data, fits, columns[JUDGED], settings, survivors, config)
    calibrated = gather_calibration(calibrating, survivors)
    intervals = with_ensemble(gather_intervals(measuring, survivors), calibrated, config)
    run = _new_run(coin, config.artifacts_dir)
    covers, selected = coverage_90(calibrated), columns[JUDGED].columns
    candidate = candidate_of(
        data, config, settings, selected, stacked, judged, serving, target_scale, covers, survivors, audited
    )
    saved = save(
        coin,
        run,
        data.data.last,
        [fits[m, JUDGED] for m in survivors.models],
        serving,
        stacked,
        columns[JUDGED],
        judged,
        {
            FACTS: _serving_facts(data, config),
            CANDIDATE: runtime().store.put_json(candidate.model_dump(mode="json")),
            **{f"intervals/{m}.parquet": i.quantiles for m, i in intervals.items()},
        },
    )
    progress.say(coin, f"saved in {config.artifacts_dir / saved.folder}")

    # From here on nothing can be lost.
    verdict = promote_safely(config, candidate, saved, run, survivors.reasons)
    forecast = forecast_coin(coin, config)
    survivors.reasons += forecast.lost
    walked = walk_forward(data, settings, target_scale, config, survivors.reasons) if config.walk_forward else None
    night = Night(
        coin=coin,
        run=run,
        config=config,
        data=data,
        columns=columns,
        settings={m: spec_of(data, m, data.judged, config, settings).settings for m in settings},
        studies=studies,
        fits=fits,
        serving=serving,
        attention=_attention(forecasts),
        judged=judged,
        intervals=intervals,
        calibration=None if calibrated is None else calibrated.calibration,
        walked=walked,
        target_scale=target_scale,
        saved=saved,
        audited=audited,
        verdict=verdict,
        forecast=forecast,
        retraining=gather_replay(replaying, survivors.reasons),
        started=started,
    )
    return report_safely(night, survivors.reasons)


def _stack(
    data: Prepared,
    fits: dict[tuple[str, str], FitResult],
    target_scale: dict[int, float],
    survivors: Survivors,
    config: RunConfig,
) -> Stacked | None:
    members = [m for m in survivors.models if m not in BASELINES]
    oof = {m: tuple(forecasts_of(fits, m, fold.name) for fold in data.folds) for m in members}
    try:
        return stack(
            data.coin,
            {m: forecasts_of(fits, m, JUDGED) for m in members},
            oof,
            (data.parts.train, data.parts.val),
            data.judged,
            target_scale,
            config.stacking,
        )
    except PoolClosed:
        raise
    except Exception as error:  # single models are worth saving without their ensemble
        survivors.reasons.append(f"The ensemble was lost: {type(error).__name__}: {error}")
        return None


def _serving_facts(data: Prepared, config: RunConfig) -> Artifact:
    """What a forecast needs to know of the run besides its models."""
    facts = ServingFacts(
        lookback=config.split.lookback,
        horizons=config.split.horizons,
        first=data.data.first,
        simulated=data.data.simulated,
        months=data.months,
        partner_months=data.partner_months,
    )
    return runtime().store.put_json(facts.model_dump(mode="json"))


def _attention(forecasts: dict[str, Forecasts]) -> Any:
    return next((f.attention for f in forecasts.values() if f.attention is not None), None)


@contextmanager
def _alone() -> Iterator[None]:
    """One run at a time per coin and data source; a second one waits."""
    now = runtime()
    path = now.artifacts_dir / now.coin / f".{now.scope}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        get_run_logger().warning("Another run of %s holds %s: waiting until it ends.", now.coin, path)
        now.progress.say(now.coin, f"waiting: another run of {now.coin} is under way")
        now.steps.at_work.set()  # no other coin waits for this one
        _wait_for(lock)
    try:
        yield
    finally:
        lock.release()


def _wait_for(lock: FileLock) -> None:
    """Wait for a lock, but not longer than the run itself lives.

    Raises:
        PoolClosed: if this run is cancelled meanwhile.
    """
    while True:
        try:
            lock.acquire(timeout=1)
            return
        except Timeout:
            if runtime().pool.is_closed:
                raise PoolClosed("The run was cancelled while it waited for another.") from None


def _new_run(coin: str, artifacts_dir: Path) -> str:
    """A name for this run, its UTC second, whose folder no other run can take: a number follows where one has."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for number in itertools.count(1):
        run = stamp if number == 1 else f"{stamp}-{number}"
        with suppress(FileExistsError):
            (artifacts_dir / coin / run).mkdir(parents=True)
            return run
    raise AssertionError("unreachable")
