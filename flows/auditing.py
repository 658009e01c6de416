"""Audits before training: nothing is fitted on features that know the future."""

from collections.abc import Mapping
from typing import Any

from prefect import get_run_logger
from prefect.futures import PrefectFuture

from flows.fits import Survivors, gather
from forecaster.config import RunConfig
from forecaster.leakage import Audit
from forecaster.prepare import Prepared
from forecaster.settings import Coin
from forecaster.suspicion import suspicions
from tasks.audit import audit
from tasks.runtime import runtime


def submit_audit(data: Prepared, bars: dict[Coin, str], config: RunConfig) -> dict[str, PrefectFuture[Audit]]:
    """Start looking for features that know the future, while columns are selected."""
    rows, horizons = data.parts.all, config.split.horizons
    return {"audit": audit.submit(data.coin, bars, config.data, rows, data.given, horizons)}


def gather_audit(futures: Mapping[str, PrefectFuture[Audit]], survivors: Survivors) -> Audit | None:
    """What was found, suspicions told at once; None if it could not be looked for, which the report then says.

    Raises:
        RuntimeError: if a feature of ours knows later days: nothing is trained on it.
    """
    results, failures = gather(futures)
    for why in failures.values():
        if why.startswith(AssertionError.__name__):
            raise RuntimeError(why)
        survivors.reasons.append(f"Features were not audited: {why}")
    audited = results.get("audit")
    for suspicion in audited.suspicions if audited else ():
        runtime().progress.say(runtime().coin, f"SUSPECTED LEAK: {suspicion}")
        get_run_logger().warning("Suspected leak: %s", suspicion)
    return audited


def leakage_entry(data: Prepared, audited: Audit | None, nested: Mapping[str, Any], simulated: bool) -> dict[str, Any]:
    """What `training_report.json` says of leaks: the audits, and in `suspected` a sentence per suspicion."""
    given = list(audited.suspicions) if audited else []
    return {
        "label_audit": {"parts": len(data.audit), "clean": all(row.is_clean for row in data.audit)},
        "truncation_audit": None if audited is None else audited.model_dump(mode="json", exclude={"suspicions"}),
        "given": given,
        "suspected": [*given, *suspicions(nested, simulated)],
    }
