"""What a run says of itself, in a file of its folder, so that it can be judged on another day."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from forecaster.promotion.champion import SavedRun
from forecaster.saving import MANIFEST, read_pointer
from forecaster.settings import Config, PromotionConfig
from forecaster.store import Artifact, sha256_of

CANDIDATE = "candidate.json"


class RunGoneError(ValueError):
    """A saved run is missing, altered or too old to be judged; the message says which and what to do."""


class JudgedRecipe(Config):
    """What is promoted: parameters, features and stack as they were judged; not the weights that are served.

    Attributes:
        models: settings by model.
        training: settings of the networks.
        lookback: days in a window.
        horizons: days ahead.
        n_folds: folds behind the stack.
        seed: of everything random.
        columns: selected features, in order.
        stack: digest of the fitted stack; None in a run without.
    """

    models: dict[str, dict[str, Any]]
    training: dict[str, Any]
    lookback: int
    horizons: tuple[int, ...]
    n_folds: int
    seed: int
    columns: tuple[str, ...]
    stack: str | None

    @property
    def digest(self) -> str:
        """One digest over all of it."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


class Candidate(Config):
    """A run that may be promoted.

    Attributes:
        coin: ticker.
        source: kind of market.
        recipe: what is promoted.
        shipped: whose forecast is the run's: the ensemble's, or without one the best model's on val.
        as_of: last day that it knows.
        train_last: last origin that judged models learned from.
        val_last: last origin on which they stopped and the stack was chosen.
        target_scale: interquartile range of the train targets per horizon.
        coverage_90: share of test outcomes inside the shipped 90 % interval per horizon; None where not measured.
        leak: what is too good to be true, in words.
        degraded: what was lost on the way, a sentence each.
        unserved: judged models without a serving refit.
        smoke: settings that belong to a smoke test, a sentence each.
        forecasts: forecast frame of all parts, one column per model.
        rows: features and `log_close` of every day.
    """

    coin: str
    source: str
    recipe: JudgedRecipe
    shipped: str
    as_of: date
    train_last: date
    val_last: date
    target_scale: dict[int, float]
    coverage_90: dict[int, float | None]
    leak: str | None
    degraded: tuple[str, ...]
    unserved: tuple[str, ...]
    smoke: tuple[str, ...]
    forecasts: Artifact
    rows: Artifact


def smoke_settings(epochs: int, n_folds: int, max_features: int, limits: PromotionConfig) -> tuple[str, ...]:
    """Settings with which one looks whether everything runs, not with which one trains what is to be served."""
    given = {
        "epochs": (epochs, limits.min_epochs),
        "folds": (n_folds, limits.min_folds),
        "features": (max_features, limits.min_features),
    }
    return tuple(f"{n} {name}, at least {least} are needed." for name, (n, least) in given.items() if n < least)


def find_run(artifacts_dir: Path, coin: str, source: str, run: str | None = None) -> SavedRun:
    """A run of a coin by its name, by default the latest one.

    Raises:
        RunGoneError: if there is none.
    """
    if run is None:
        pointer = Path(artifacts_dir) / coin / f"latest-{source}.json"
        if not pointer.is_file():
            raise RunGoneError(f"{coin}: expected a saved run. Received: no {pointer}. Retrain the coin first.")
        run = str(read_pointer(pointer)["run"])
    manifest = Path(artifacts_dir) / coin / run / MANIFEST
    if not manifest.is_file():
        raise RunGoneError(
            f"{coin}: expected a saved run. Received: {run}, and {manifest} does not exist. Name one of: "
            f"{', '.join(known_runs(artifacts_dir, coin, source)[-5:]) or 'none, retrain the coin first'}."
        )
    found = SavedRun(run=run, folder=f"{coin}/{run}", manifest_sha256=sha256_of(manifest))
    scope = manifest_of(artifacts_dir, found)["scope"]
    if scope != source:
        raise RunGoneError(
            f"{coin}: expected a run on {bars_in_words(source)}. Received: {run}, made on {bars_in_words(scope)}. "
            f"{'Add' if scope == 'simulated' else 'Leave out'} `--simulated`, or name another run."
        )
    return found


def known_runs(artifacts_dir: Path, coin: str, source: str) -> list[str]:
    """Names of a coin's saved runs on one kind of data, oldest first."""
    manifests = sorted((Path(artifacts_dir) / coin).glob(f"*/{MANIFEST}"))
    return [each.parent.name for each in manifests if json.loads(each.read_text(encoding="utf-8"))["scope"] == source]


def manifest_of(artifacts_dir: Path, saved: SavedRun) -> Mapping[str, Any]:
    """A saved run's manifest.

    Raises:
        RunGoneError: if it is gone or no longer what was saved.
    """
    path = Path(artifacts_dir) / saved.folder / MANIFEST
    if not path.is_file():
        raise RunGoneError(f"Expected the saved run {saved.run}. Received: nothing at {path}.")
    if (found := sha256_of(path)) != saved.manifest_sha256:
        raise RunGoneError(
            f"{path} was altered: expected sha256 {saved.manifest_sha256}. Received: {found}. Put it back, or choose "
            "another run."
        )
    manifest: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return manifest


def file_of(artifacts_dir: Path, saved: SavedRun, name: str) -> Artifact:
    """A file of a saved run as an artifact: reading it checks its digest.

    Raises:
        RunGoneError: if the run has no such file.
    """
    digests = manifest_of(artifacts_dir, saved)["sha256"]
    if name not in digests:
        raise RunGoneError(
            f"The run {saved.run} cannot be judged. Expected {name} in {saved.folder}. Received: a run without, saved "
            "before there were promotions. Retrain the coin."
        )
    return Artifact(path=f"{saved.folder}/{name}", sha256=digests[name])


def bars_in_words(source: str) -> str:
    """`real bars` or `simulated bars`."""
    return "simulated bars" if source == "simulated" else "real bars"
