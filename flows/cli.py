"""`retrain`: the nightly flow, here and now, from a shell."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import click
from pydantic import ValidationError

from forecaster.config import RunConfig

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


def main() -> None:
    """Run the command line; exits with 0 if all coins are done, 1 if some failed, 2 on bad usage."""
    retrain.main(prog_name="retrain")


def _metavar(annotation: Any) -> str:
    text = str(annotation)
    for word, metavar in (("tuple", "LIST"), ("date", "DATE"), ("Path", "PATH"), ("int", "N"), ("float", "X")):
        if word in text:
            return metavar
    return "TEXT"


def _help(description: str, default: Any) -> str:
    if default is None or default is False:
        return description
    shown = ",".join(default) if isinstance(default, tuple) else default
    return f"{description} [default: {shown}]"


def flags(function: Callable[..., None]) -> Callable[..., None]:
    """One flag per field of `RunConfig`, with its description and default."""
    for name, field in reversed(RunConfig.model_fields.items()):
        is_switch = field.annotation is bool
        click.option(
            f"--{name.replace('_', '-')}",
            name,
            is_flag=is_switch,
            default=None,
            metavar=None if is_switch else _metavar(field.annotation),
            help=_help(field.description or "", field.default),
        )(function)
    return function


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@flags
def retrain(**given: Any) -> None:
    """Retrain forecasters for one or more coins, judge them beside a zero-return forecast, save and explain them.

    \b
    retrain                                       Bitcoin on the built-in simulated market
    retrain --crypto BTC,ETH --data-dir bars      your own bars: bars/BTC.parquet or bars/BTC.csv, ...
    retrain --crypto BTC --epochs 3 --no-ensemble a quick look

    Finished fits are kept: after an interruption, or on unchanged data, nothing is fitted twice.
    """
    config = _parse(given)
    _prepare_environment()
    sys.exit(_run(config))


def _parse(given: dict[str, Any]) -> RunConfig:
    """Validated settings.

    Raises:
        click.UsageError: in one line, naming the flag.
    """
    values = {name: value for name, value in given.items() if value is not None and value is not False}
    if "crypto" in values:
        values["crypto"] = [coin.strip().upper() for coin in values["crypto"].split(",") if coin.strip()]
    try:
        config = RunConfig(**values)
    except ValidationError as error:
        raise click.UsageError(_one_line(error)) from None
    if config.data_dir is not None and not config.data_dir.is_dir():
        raise click.UsageError(f"--data-dir: expected an existing folder of daily bars. Received: {config.data_dir}")
    return config


def _one_line(error: ValidationError) -> str:
    first = error.errors()[0]
    if not first["loc"]:
        return str(first["msg"]).removeprefix("Value error, ")
    flag = str(first["loc"][0]).replace("_", "-")
    return f"--{flag}: {first['msg']}. Received: {first['input']}"


def _prepare_environment() -> None:
    """Prefect settings that must be there before it is imported; what the user has set wins."""
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    # The terminal shows progress and tables; Prefect's own log still goes to its server.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "WARNING")


def _run(config: RunConfig) -> int:
    """Run the flow; the exit code."""
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # ended politely, it ends its server and workers too
    try:
        _start_server()
        state = _watch(config)
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


def _interrupted() -> int:
    click.echo("Interrupted. Finished fits are kept: the same command goes on from there.", err=True)
    return EXIT_INTERRUPTED


def _start_server() -> None:
    """Reach the Prefect server; where none is configured, Prefect starts one for this run, out of reach of Ctrl-C.

    A child starts with its parent's blocked signals. Were the server to end at Ctrl-C with us, it could not be told
    that the run was cancelled, and Prefect would go on asking for minutes.

    Raises:
        click.ClickException: if the configured server does not answer.
    """
    import httpx
    from prefect import get_client

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with get_client(sync_client=True) as client:
            client.hello()
    except (httpx.TransportError, RuntimeError) as error:
        raise click.ClickException(
            f"Expected a Prefect server at {os.environ.get('PREFECT_API_URL', 'the configured address')}. Received: "
            f"{error}. Start it (make server), or unset PREFECT_API_URL: a run then brings its own."
        ) from None
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


if __name__ == "__main__":
    main()
