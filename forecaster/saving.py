"""What a run leaves behind: a folder per model, the serving refit beside the judged fit, a manifest, a pointer."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from forecaster.fitting import FitResult
from forecaster.judging import Judged, Stacked
from forecaster.select import Selected
from forecaster.settings import ENSEMBLE, Config
from forecaster.store import Artifact, Store, sha256_of, write_json, write_whole

MANIFEST = "manifest.json"


class Saved(Config):
    """A finished run's folder, relative to the artifacts folder, and the digest of its manifest."""

    folder: str
    manifest_sha256: str


def save_run(
    root: Path,
    coin: str,
    run: str,
    scope: str,
    as_of: date,
    judged: Iterable[FitResult],
    serving: Mapping[str, FitResult],
    stacked: Stacked | None,
    selected: Selected,
    scores: Judged,
    further: Mapping[str, Artifact] = MappingProxyType({}),
) -> Saved:
    """Copy models, ensemble, selection and scores into `{coin}/{run}`, verify the copy, then point `latest` at it.

    `further` names files that not every run has, relative to the run's folder.

    Raises:
        ArtifactError: if anything stored was altered; the pointer then still names the run before.
    """
    store, target = Store(root), Path(root) / coin / run
    files = {**dict(_files(judged, serving, stacked, selected, scores)), **further}

    def write(folder: Path) -> None:
        for name, artifact in files.items():
            store.copy(artifact, folder / name)
        digests = {path.relative_to(folder).as_posix(): sha256_of(path) for path in _all_files(folder)}
        manifest = {"coin": coin, "run": run, "scope": scope, "as_of": as_of.isoformat(), "sha256": digests}
        write_json(folder / MANIFEST, manifest)

    write_whole(target, write)
    verify(target)
    saved = Saved(folder=f"{coin}/{run}", manifest_sha256=sha256_of(target / MANIFEST))
    pointer = {"run": run, "folder": saved.folder, "as_of": as_of.isoformat(), "manifest_sha256": saved.manifest_sha256}
    write_json(Path(root) / coin / f"latest-{scope}.json", pointer)
    return saved


def read_pointer(path: Path) -> dict[str, Any]:
    """What a pointer names: `run`, `folder`, `as_of`, `manifest_sha256`.

    Raises:
        ValueError: if it is damaged.
    """
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        if not {"run", "manifest_sha256"} - set(known):
            return dict(known)
        found = "a file without the run's name or digest"
    except (ValueError, TypeError) as error:
        found = f"one that cannot be read ({error})"
    raise ValueError(
        f"Expected a pointer to a saved run. Received: {path}, {found}. Put it back, or remove it: the next run or "
        "promotion writes a new one."
    )


def verify(folder: Path) -> None:
    """Check every file of a saved run against its manifest.

    Raises:
        ValueError: naming the files that are missing or altered.
    """
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    wrong = [
        name
        for name, digest in manifest["sha256"].items()
        if not (folder / name).is_file() or sha256_of(folder / name) != digest
    ]
    if wrong:
        raise ValueError(f"{folder} is not what was saved. Expected intact files. Received: {', '.join(wrong)}.")


def _files(
    judged: Iterable[FitResult],
    serving: Mapping[str, FitResult],
    stacked: Stacked | None,
    selected: Selected,
    scores: Judged,
) -> Iterable[tuple[str, Artifact]]:
    for fitted in judged:
        yield fitted.model, fitted.folder
    for model, fitted in serving.items():
        yield f"{model}/serving", fitted.folder
    if stacked is not None:
        yield ENSEMBLE, stacked.folder
    if scores.ensemble is not None:
        yield f"{ENSEMBLE}/summary.json", scores.ensemble
    yield "selection.json", selected.selection
    yield "forecasts.parquet", scores.forecasts
    yield "scores.parquet", scores.scores


def _all_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
