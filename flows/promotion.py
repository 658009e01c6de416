"""`retrain promote` and `retrain rollback`: what is served, decided by hand."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flows.usage import BadUsage, parse
from forecaster.config import RunConfig

if TYPE_CHECKING:
    from forecaster.promotion.verdict import Verdict

EXIT_REFUSED = 1


def _shared(function: Callable[..., None]) -> Callable[..., None]:
    """Options of both commands."""
    options = (
        click.option("--crypto", required=True, metavar="LIST", help="Coins; in a shell with commas between."),
        click.option("--simulated", is_flag=True, help="Runs on the simulated market, in place of those on real bars."),
        click.option(
            "--artifacts-dir",
            default=str(RunConfig().artifacts_dir),
            show_default=True,
            metavar="PATH",
            help="Where models and pointers live.",
        ),
        click.option(
            "--tracking-uri",
            default=RunConfig().tracking_uri,
            show_default=True,
            metavar="TEXT",
            help="MLflow, whose registry alias `champion` follows.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.command()
@_shared
@click.option("--run", metavar="RUN", help="Name of the run, its folder below artifacts/COIN. Default: the latest.")
@click.option("--force", is_flag=True, help="Serve it whatever the judgement is.")
def promote(crypto: str, simulated: bool, artifacts_dir: str, tracking_uri: str, run: str | None, force: bool) -> None:
    """Judge a saved run beside the champion, and serve it from now on if it passes.

    \b
    retrain promote --crypto BTC                        the latest run on real bars
    retrain promote --crypto BTC --run 20260101T001500Z --force

    Exits with 1 if it is not served afterwards; what was served before then still is.
    """
    from forecaster.promotion.by_hand import promote_by_hand

    coins = _coins(crypto)
    if run is not None and len(coins) > 1:
        raise BadUsage(f"--run: expected one coin beside it. Received: --crypto {crypto}. A run belongs to one coin.")
    refused = False
    for coin in coins:
        verdict = _or_complain(lambda: promote_by_hand(Path(artifacts_dir), coin, _source(simulated), run, force))  # noqa: B023
        click.echo(describe(coin, verdict, simulated))
        if verdict.champion == verdict.run:
            _mirror(coin, _source(simulated), verdict.run, tracking_uri)
        else:
            refused = True
    sys.exit(EXIT_REFUSED if refused else 0)


@click.command()
@_shared
def rollback(crypto: str, simulated: bool, artifacts_dir: str, tracking_uri: str) -> None:
    """Serve the champion before the present one again.

    The recipe that is taken back is not promoted again, until `retrain promote --force` names a run of it.
    """
    from forecaster.promotion.by_hand import roll_back

    for coin in _coins(crypto):
        was, now = _or_complain(lambda: roll_back(Path(artifacts_dir), coin, _source(simulated)))  # noqa: B023
        click.echo(
            f"{coin}: {now.run} is served again, of {now.as_of}, champion since {now.promoted_at:%Y-%m-%d %H:%M} UTC. "
            f"Taken back: {was.run}. Before it: {now.previous[0].run if now.previous else 'none'}."
        )
        _mirror(coin, _source(simulated), now.run, tracking_uri)


def describe(coin: str, verdict: "Verdict", simulated: bool = False) -> str:
    """What became of a run, with every gate."""
    lines = [f"{coin} {verdict.run}: {verdict.verdict}. {' '.join(verdict.reasons)}"]
    width = max((len(gate.name) for gate in verdict.gates), default=0)
    lines += [f"  {'ok' if gate.passed else 'NO':>2}  {gate.name:<{width}}  {gate.told}" for gate in verdict.gates]
    lines.append(f"Served: {verdict.champion or 'the latest run, whatever it is, since there is no champion'}.")
    if verdict.champion != verdict.run:
        command = f"retrain promote --crypto {coin} --run {verdict.run}{' --simulated' if simulated else ''} --force"
        lines.append(f"`--force` serves it all the same: {command}")
    return "\n".join(lines)


def _source(simulated: bool) -> str:
    return "simulated" if simulated else "folder"


def _coins(crypto: str) -> tuple[str, ...]:
    return parse({"crypto": crypto}).crypto


def _or_complain(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except (ValueError, OSError) as error:
        raise BadUsage(" ".join(str(error).split())) from None


def _mirror(coin: str, source: str, run: str, tracking_uri: str) -> None:
    """Let the registry follow; the pointer stands, whatever becomes of that."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    try:
        from tasks.registry import mirror_champion

        told = mirror_champion(coin, source, run, tracking_uri)
    except Exception as error:
        told = f"not moved: {type(error).__name__}: {' '.join(str(error).split())}"
    click.echo(f"MLflow's alias `champion` of {coin}: {told}")
