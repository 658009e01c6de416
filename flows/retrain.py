"""The parent flow: every coin as a subflow of its own, all on one pool of workers."""

import contextvars
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact
from prefect.context import FlowRunContext
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed, State
from prefect.task_runners import ThreadPoolTaskRunner

from flows.outcome import CoinOutcome
from flows.parameters import takes_run_config
from flows.progress import Shielded, Silent
from flows.retrain_coin import retrain_coin
from flows.starting import StartingLine
from forecaster.config import RunConfig
from forecaster.settings import Coin
from forecaster.store import Store
from tasks.accelerators import default_jobs, visible_gpus
from tasks.pool import Pool
from tasks.runtime import Progress, Runtime, use_runtime
from tasks.source import read_once
from tasks.steps import StepLog
from tasks.tracking import import_ahead

progress: ContextVar[Progress] = ContextVar("progress", default=Silent())  # noqa: B039


def _run_name() -> str:
    return f"retrain-{'-'.join(flow_run.parameters['crypto'])}"


@flow(name="retrain", flow_run_name=_run_name, persist_result=False)
@takes_run_config
def retrain(config: RunConfig) -> State[Any]:
    """Retrain, judge and save models for every coin, and say in the morning what they are worth.

    Each coin is a subflow. A coin that fails leaves the others running; this run then ends Failed and says why.
    """
    refuse_unattended_simulation(config)
    config = _decided(dated(config))
    Store(config.artifacts_dir).sweep()
    gpus = visible_gpus()
    log = config.artifacts_dir / "workers.log"
    with Pool(config.jobs or default_jobs(gpus), log, gpus) as pool, _logging_pool(config, log) as logging_pool:
        try:
            with read_once():
                outcomes = _all_coins(config, pool, logging_pool)
        except KeyboardInterrupt:
            return Cancelled(message="Interrupted. Finished fits are kept and will be reused.")
    return _conclude(outcomes)


@contextmanager
def _logging_pool(config: RunConfig, log: Path) -> Iterator[Pool]:
    """One process for MLflow. It imports that now: a cached night logs before long."""
    with Pool(1, log) as pool:
        threading.Thread(target=_warm_up, args=(pool, config.tracking_uri), daemon=True).start()
        yield pool


def _warm_up(pool: Pool, tracking_uri: str) -> None:
    with suppress(Exception):  # whoever logs will say what is wrong
        pool.run(import_ahead, tracking_uri)


def _all_coins(config: RunConfig, pool: Pool, logging_pool: Pool) -> list[CoinOutcome]:
    """Run the coins' subflows side by side, each in a copy of this run's context."""
    threads, line = ThreadPoolExecutor(len(config.crypto), thread_name_prefix="coin"), StartingLine(len(config.crypto))
    try:
        start = partial(_one_coin, config=config, pool=pool, logging_pool=logging_pool, line=line)
        futures = [threads.submit(contextvars.copy_context().run, start, coin) for coin in config.crypto]
        return [future.result() for future in futures]
    except BaseException:  # cancelled: workers first, or the threads would wait for them
        pool.close()
        logging_pool.close()
        raise
    finally:
        threads.shutdown(wait=True)


def _one_coin(coin: Coin, config: RunConfig, pool: Pool, logging_pool: Pool, line: StartingLine) -> CoinOutcome:
    heard = Shielded(progress.get())
    now = Runtime(coin, config.artifacts_dir, config.source, pool, heard, StepLog(), logging_pool)
    threads: Any = ThreadPoolTaskRunner(max_workers=pool.jobs + 1)
    try:
        with use_runtime(now), line.approach(now.steps.at_work) as cross:
            subflow = retrain_coin.with_options(task_runner=threads, result_storage=now.records, on_running=[cross])
            state: State[Any] = subflow(coin, config, return_state=True)
        outcome: CoinOutcome = state.result() if state.is_completed() else _failed(coin, state)
    except Exception as error:  # the subflow itself could not be run: its coin fails alone
        outcome = CoinOutcome(coin=coin, status="FAILED", reasons=(f"{type(error).__name__}: {error}",))
    now.progress.finished(outcome)
    return outcome


def _failed(coin: Coin, state: State[Any]) -> CoinOutcome:
    error = state.result(raise_on_failure=False)
    reason = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else str(state.message)
    return CoinOutcome(coin=coin, status="CANCELLED" if state.is_cancelled() else "FAILED", reasons=(reason,))


def _conclude(outcomes: Sequence[CoinOutcome]) -> State[Any]:
    """One table for the whole night, and a state that tells the truth about it."""
    rows = [outcome.row() for outcome in outcomes]
    try:
        create_table_artifact(rows, key="retrain-night", description="The night, by coin")
    except Exception as error:  # every coin is saved: a server that does not answer must not fail the night
        get_run_logger().warning("The table of the night was not stored: %s", error)
    table = "\n".join(f"{o.coin}: {o.status} {' '.join(o.reasons)}".strip() for o in outcomes)
    get_run_logger().info("The night, by coin:\n%s", table)
    if any(outcome.status == "CANCELLED" for outcome in outcomes):
        return Cancelled(message=table)
    if any(outcome.failed for outcome in outcomes):
        return Failed(message=table)
    return Completed(message=table)


def dated(config: RunConfig) -> RunConfig:
    """Fix the last closed UTC day at the start, so that all coins of a night that passes midnight agree on it.

    The simulated market ends on a day of its own.
    """
    last_closed = datetime.now(UTC).date() - timedelta(days=1)
    if config.data_dir is None:
        return config
    return config.model_copy(update={"as_of": min(config.as_of or last_closed, last_closed)})


def _decided(config: RunConfig) -> RunConfig:
    """Settle at the start whether runs may be promoted: a coin's subflow does not know who started its parent."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    deployed = run is not None and run.deployment_id is not None
    return config.model_copy(update={"promote": config.promotes(deployed)})


def refuse_unattended_simulation(config: RunConfig) -> None:
    """Refuse to run on schedule without real bars.

    Raises:
        ValueError: with the remedy.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    if config.data_dir is None and run is not None and run.auto_scheduled:
        raise ValueError(
            "A scheduled run needs real bars: without `data_dir` it would retrain on the simulated market every night. "
            "Set the parameter `data_dir` of the deployment to a folder with {COIN}.parquet or {COIN}.csv files."
        )
