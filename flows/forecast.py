"""The flow `forecast`: what is served says what comes next, for every coin."""

import contextvars
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.runtime import flow_run
from prefect.states import Completed, Failed, State

from flows.forecasting import PICTURE, CoinForecast, forecast_coin
from flows.parameters import takes_some_of_run_config
from flows.progress import Silent
from flows.retrain import dated, refuse_unattended_simulation
from flows.starting import StartingLine
from flows.usage import FORECAST_FLAGS
from forecaster.config import RunConfig
from forecaster.report.forecast import forecast_lines, forecast_section
from forecaster.settings import Coin
from forecaster.store import Artifact
from tasks.accelerators import visible_gpus
from tasks.pool import Pool
from tasks.runtime import Runtime, runtime, use_runtime
from tasks.source import read_once
from tasks.steps import StepLog


def _to_nobody(line: str) -> None:
    pass


tell: ContextVar[Callable[[str], None]] = ContextVar("tell", default=_to_nobody)


def _run_name() -> str:
    return f"forecast-{'-'.join(flow_run.parameters['crypto'])}"


@flow(name="forecast", flow_run_name=_run_name, persist_result=False)
@takes_some_of_run_config(*FORECAST_FLAGS)
def forecast(config: RunConfig) -> State[Any]:
    """Forecast every coin with its champion, or without one with its latest run, and enter it into the diary.

    Each coin is a subflow. Nothing is trained. A coin that fails leaves the others running. A forecast whose
    diary could not be kept is told, and fails the run all the same: nobody could grade it.
    """
    refuse_unattended_simulation(config)
    config, gpus = dated(config), visible_gpus()
    jobs = config.jobs or min(len(config.crypto), os.cpu_count() or 1)
    with Pool(jobs, config.artifacts_dir / "workers.log", gpus) as pool, read_once():
        found = _all_coins(config, pool)
    lines = [line for each in found for line in (f"{each.coin}: {lost}" for lost in each.lost)]
    if not all(each.kept for each in found):
        return Failed(message="\n".join(lines))
    return Completed(message="\n".join(lines) or "All forecasts were issued.")


def _all_coins(config: RunConfig, pool: Pool) -> list[CoinForecast]:
    """The coins' subflows side by side, each in a copy of this run's context."""
    line = StartingLine(len(config.crypto))
    with ThreadPoolExecutor(len(config.crypto), thread_name_prefix="coin") as threads:
        start = partial(_one_coin, config=config, pool=pool, line=line)
        futures = [threads.submit(contextvars.copy_context().run, start, coin) for coin in config.crypto]
        try:
            found = [future.result() for future in futures]
        except BaseException:  # cancelled: workers first, or the threads would wait for them
            pool.close()
            raise
    for each in found:
        _tell(each)
    return found


def _one_coin(coin: Coin, config: RunConfig, pool: Pool, line: StartingLine) -> CoinForecast:
    now = Runtime(coin, config.artifacts_dir, config.source, pool, Silent(), StepLog())
    with use_runtime(now), line.approach(now.steps.at_work) as cross:
        subflow = forecast_one.with_options(result_storage=now.records, on_running=[cross])
        state: State[Any] = subflow(coin, config, return_state=True)
    if state.is_completed():
        found: CoinForecast = state.result()
        return found
    return CoinForecast(coin, lost=[f"No forecast was issued: {state.message}"])


def _tell(found: CoinForecast) -> None:
    for line in forecast_lines(found.coin, found.entry) if found.entry else []:
        tell.get()(line)
    for line in found.lost:
        tell.get()(f"{found.coin}: {line}")
    tell.get()("")


@flow(name="forecast-coin", flow_run_name="forecast-{coin}", persist_result=False)
def forecast_one(coin: Coin, config: RunConfig) -> CoinForecast:
    """Forecast one coin, draw the fan chart into the output folder, and show both on the run's page.

    Args:
        coin: the coin.
        config: the run's settings.
    """
    found = forecast_coin(coin, config)
    log = get_run_logger()
    for line in found.lost:
        log.warning("%s: %s", coin, line)
    if found.entry is None:
        return found
    log.info("%s", "\n".join(forecast_lines(coin, found.entry)))
    for artifact in found.plots.values():
        _put(artifact, _picture(config.output_dir, found), found, log)
    _show(found, log)
    return found


def _put(artifact: Artifact, picture: Path, found: CoinForecast, log: Any) -> None:
    assert found.entry is not None
    try:
        runtime().store.copy(artifact, picture)
    except (OSError, ValueError) as error:  # it is issued and entered all the same
        found.lost.append(f"{picture} was not written: {type(error).__name__}: {error}")
        log.warning("%s: %s", found.coin, found.lost[-1])
    else:
        found.entry["picture"] = str(picture)


def _picture(folder: Path, found: CoinForecast) -> Path:
    assert found.entry is not None
    simulated = "_simulated" if found.entry["simulated"] else ""
    return folder / f"{found.coin}_{found.entry['cutoff']}{simulated}_{PICTURE}"


def _show(found: CoinForecast, log: Any) -> None:
    try:
        create_markdown_artifact(
            forecast_section(found.coin, found.entry),
            key=f"forecast-{found.coin.lower()}",
            description="What was issued",
        )
    except Exception as error:  # it is issued and entered: a server that does not answer must not fail that
        log.warning("The forecast was not stored as an artifact: %s", error)
