"""`retrain`: the nightly flow, here and now, from a shell; and what else one does with its results."""

import atexit
import gc
import os
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import click

from flows.promotion import promote, rollback
from flows.server import OwnServer, is_configured
from flows.starting import kept_for_good, without_heartbeats
from flows.usage import FORECAST_FLAGS, BadUsage, OneLineErrors, flags, parse, some_flags
from forecaster.config import RunConfig

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
PATIENCE = "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"  # with a server of the run's own
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def main() -> None:
    """Run the command line; exits with 0 if all coins are done, 1 if some failed, 2 on bad usage."""
    atexit.register(gc.freeze)  # the system takes back what is left at once, the collector looks at it for seconds
    retrain.main(prog_name="retrain")


@click.group(cls=OneLineErrors, invoke_without_command=True, subcommand_metavar="[COMMAND]", context_settings=SETTINGS)
@flags
@click.pass_context
def retrain(context: click.Context, **given: Any) -> None:
    """Retrain forecasters for one or more coins, judge them beside a zero-return forecast, save and explain them.

    \b
    retrain                                       Bitcoin on the built-in simulated market
    retrain --crypto BTC,ETH --data-dir bars      your own bars: bars/BTC.parquet or bars/BTC.csv, ...
    retrain --crypto BTC --epochs 3 --no-ensemble a quick look

    Finished fits are kept: after an interruption, or on unchanged data, nothing is fitted twice.
    """
    if context.invoked_subcommand is None:
        sys.exit(_night(given))
    if any(given.values()):
        raise BadUsage(
            f"Flags of a night cannot go before `{context.invoked_subcommand}`. Leave them out, or see "
            f"`retrain {context.invoked_subcommand} --help`."
        )


@retrain.command()
@click.argument("reports", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--to", default="RESULTS.md", show_default=True, type=click.Path(path_type=Path), help="Page to write, in markdown."
)
@click.option("--simulated", is_flag=True, help="Show runs on the simulated market, and those alone.")
@click.option(
    "--with",
    "pages",
    multiple=True,
    metavar="FILE.md",
    type=click.Path(path_type=Path),
    help="Page to add at the end as it is, such as what a benchmark printed. May be given several times.",
)
def results(reports: tuple[Path, ...], to: Path, simulated: bool, pages: tuple[Path, ...]) -> None:
    """Write what runs found as one page: the specification's tables for the five coins, beside a zero forecast.

    REPORTS are training_report.json files, or folders that hold them. Default: training_output. Of each coin the
    newest run without tuning counts, of the default recipe if there is one; the newest with tuning, walk-forward or
    intervals feed those tables, and the newest of each recipe are shown side by side.
    """
    from forecaster.results import read_pages, read_reports, results_page

    try:
        added = [f"\n{page}\n" for page in read_pages(pages)]
        found = read_reports(reports or (RunConfig().output_dir,), simulated)
        to.write_text("".join([results_page(found), *added]), encoding="utf-8")
    except ValueError as error:
        raise BadUsage(str(error)) from None
    except OSError as error:
        raise BadUsage(f"--to: expected a file that can be written. Received: {error}.") from None
    click.echo(f"{to}: made from {len(found)} report(s) of {', '.join(sorted({each.coin for each in found}))}.")


@retrain.command()
@some_flags(*FORECAST_FLAGS)
def forecast(**given: Any) -> None:
    """Forecast with what is served: the champion, or without one the latest run. Nothing is trained.

    Prints expected return and price with 80 % and 90 % intervals, and what speaks against trusting them; enters them
    into the diary beside the artifacts, where they are graded when their day has come.
    """
    config = parse(given)
    sys.exit(_run(config, _boot_server(), _forecast))


retrain.add_command(promote)
retrain.add_command(rollback)


def _night(given: dict[str, Any]) -> int:
    """Check all that was typed, then run; the exit code."""
    config = parse(given)
    own = _boot_server()
    _refuse_what_does_not_fit(config)
    return _run(config, own)


def _refuse_what_does_not_fit(config: RunConfig) -> None:
    """Look at the bars before any run is created."""
    from flows.preflight import settings_that_do_not_fit

    if complaints := settings_that_do_not_fit(config):
        raise BadUsage(" ".join(complaints))


def _prepare_environment() -> None:
    """Prefect settings that must be there before it is imported; what the user has set wins."""
    os.environ.setdefault(PATIENCE, "120")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    # Recorded one by one, hundreds of steps keep the server busy, and a locked database drops the ends of some.
    os.environ.setdefault("PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE", "50")
    os.environ.setdefault("PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL", "1")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # The terminal shows progress and tables; Prefect's own log still goes to its server.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "WARNING")


def _boot_server() -> OwnServer | None:
    """Before all that takes time, let a server of the run's own import what it needs; it may turn out not to be needed.

    Without one if the environment names a server. A profile may do so too, but that takes Prefect to know.
    """
    _prepare_environment()
    return None if os.environ.get("PREFECT_API_URL") else OwnServer()


def _run(config: RunConfig, own: OwnServer | None, watch: Callable[[RunConfig], Any] | None = None) -> int:
    """Run the flow that `watch` runs, by default a night; the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended politely, it ends its server and workers too
    try:
        with kept_for_good():
            is_own = _start_server(own)
        with without_heartbeats() if is_own else nullcontext():
            state = (watch or _watch)(config)
    except KeyboardInterrupt:
        return _interrupted()
    if state.is_cancelled():
        return _interrupted()
    return 0 if state.is_completed() else EXIT_FAILED


def _watch(config: RunConfig) -> Any:
    """Run the flow with its progress on the terminal; its final state."""
    from flows.progress import Shielded, Terminal
    from flows.retrain import progress
    from flows.retrain import retrain as flow

    with Terminal() as terminal:
        token = progress.set(terminal)
        try:
            state = flow(**dict(config), return_state=True)
            Shielded(terminal).night()
        finally:
            progress.reset(token)
    return state


def _forecast(config: RunConfig) -> Any:
    """Run the flow that forecasts, with its findings on the terminal; its final state."""
    from flows.forecast import forecast as flow
    from flows.forecast import tell

    token = tell.set(click.echo)
    try:
        return flow(**{name: getattr(config, name) for name in FORECAST_FLAGS}, return_state=True)
    finally:
        tell.reset(token)


def _interrupted() -> int:
    click.echo("Interrupted. Finished fits are kept: the same command goes on from there.", err=True)
    return EXIT_INTERRUPTED


def _start_server(own: OwnServer | None) -> bool:
    """Reach the Prefect server; where none is configured, the run's own. Imports what a night needs meanwhile.

    Returns:
        Whether the server is the run's own.

    Raises:
        click.ClickException: if the server does not answer.
    """
    if own is None or is_configured():
        if own is not None:
            own.stop()
        _greet_configured_server()  # first: one that does not answer is told at once
        _import_night()
        return False
    own.serve()
    _import_night()
    try:
        own.wait(float(os.environ[PATIENCE]))
    except RuntimeError as error:
        raise click.ClickException(
            f"Expected a Prefect server for this run alone. Received: {error}. What it printed, if anything, stands "
            f"above. Run again, with a higher {PATIENCE} on a slow machine, or set PREFECT_API_URL (make server)."
        ) from None
    return True


def _greet_configured_server() -> None:
    import httpx
    from prefect import get_client

    try:
        with get_client(sync_client=True) as client:
            client.hello()
    except (httpx.TransportError, RuntimeError, ValueError) as error:
        raise click.ClickException(
            f"Expected a Prefect server at {os.environ.get('PREFECT_API_URL', 'the configured address')}. Received: "
            f"{error}. Start it (make server), or unset PREFECT_API_URL: a run then brings its own."
        ) from None


def _import_night() -> None:
    with suppress(Exception):  # whoever needs it will say what is wrong
        import flows.retrain  # noqa: F401
        from tasks.source import read_ahead

        read_ahead()


if __name__ == "__main__":
    main()
