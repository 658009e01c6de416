"""Content-named artifacts: written whole, fsynced, digest-checked on every load, no pickle."""

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.settings import Config

DRAFT_SECONDS = 86400.0


class ArtifactError(OSError):
    """A stored artifact is missing or no longer what was written."""


class Artifact(Config):
    """What travels between steps instead of a frame or a model: where it lies below the store, and its digest."""

    path: str
    sha256: str


def sha256_of(path: Path) -> str:
    """Digest of a file, or of a folder as the sorted list of its files and their digests."""
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file())
        listing = "".join(f"{sha256_of(p)}  {p.relative_to(path).as_posix()}\n" for p in files)
        return hashlib.sha256(listing.encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(target: Path, write: Callable[[Path], None]) -> None:
    """Write a file or folder beside `target`, fsync it, then rename: no reader ever sees half of it.

    An existing file is replaced atomically. An existing folder is replaced too, but with a moment in which it is
    missing, so give every folder a name of its own.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        write(beside)
        _sync(beside)
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(beside, target)
        _sync_one(target.parent)
    except BaseException:
        _remove(beside)
        raise


def write_text(target: Path, text: str) -> None:
    """Write a small text file whole."""
    write_whole(target, lambda path: _write_utf8(path, text))


def write_json(target: Path, value: Any) -> None:
    """Write plain values as indented JSON, whole; NaN is refused, since JSON has none."""
    write_text(target, json.dumps(value, indent=2, allow_nan=False) + "\n")


class Store:
    """Artifacts below one folder, each named by its content, so that equal results are stored once."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def put(self, write: Callable[[Path], None], suffix: str = "") -> Artifact:
        """Let `write` make a file or folder at the path it is given, and keep it under its digest."""
        draft = self.root / "objects" / f".draft-{uuid.uuid4().hex}{suffix}"
        draft.parent.mkdir(parents=True, exist_ok=True)
        try:
            write(draft)
            _sync(draft)
            digest = sha256_of(draft)
            artifact = Artifact(path=f"objects/{digest[:2]}/{digest}{suffix}", sha256=digest)
            self._keep(draft, artifact)
        finally:
            _remove(draft)
        return artifact

    def put_frame(self, frame: pd.DataFrame) -> Artifact:
        """Keep a frame as parquet."""
        return self.put(lambda path: frame.to_parquet(path), ".parquet")

    def put_json(self, value: Any) -> Artifact:
        """Keep plain values as JSON."""
        return self.put(lambda path: _write_utf8(path, json.dumps(value, indent=2, allow_nan=False)), ".json")

    def path(self, artifact: Artifact) -> Path:
        """Where an artifact lies, after checking that it is what was written.

        Raises:
            ArtifactError: if it is missing or altered.
        """
        path = self.root / artifact.path
        if not path.exists():
            raise ArtifactError(f"Expected an artifact. Received: nothing at {path}. Run again: its step reruns.")
        if (found := sha256_of(path)) != artifact.sha256:
            raise ArtifactError(
                f"{path} was altered: expected sha256 {artifact.sha256}. Received: {found}. Run again: its step reruns."
            )
        return path

    def holds(self, artifact: Artifact) -> bool:
        """Whether an artifact is there and intact."""
        with suppress(ArtifactError):
            return self.path(artifact).exists()
        return False

    def frame(self, artifact: Artifact) -> pd.DataFrame:
        """Read a frame."""
        return pd.read_parquet(self.path(artifact))

    def json(self, artifact: Artifact) -> Any:
        """Read plain values."""
        return json.loads(self.path(artifact).read_text(encoding="utf-8"))

    def copy(self, artifact: Artifact, target: Path) -> None:
        """Copy an artifact out of the store. A file or folder at `target` stays what it was until the copy is whole."""
        source = self.path(artifact)
        write_whole(target, lambda path: _copy(source, path))

    def sweep(self) -> None:
        """Remove what a killed run left half-made more than a day ago, when no living run can still write it."""
        patterns = ("objects/.draft-*", "*/.2*Z*.*", "*/.*.json.????????")  # of content, of run folders and of pointers
        for draft in [path for pattern in patterns for path in self.root.glob(pattern)]:
            with suppress(OSError):
                if time.time() - draft.stat().st_mtime > DRAFT_SECONDS:
                    _remove(draft)

    def _keep(self, draft: Path, artifact: Artifact) -> None:
        target = self.root / artifact.path
        if self.holds(artifact):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.replace(draft, target)
        except OSError:  # a folder is in the way
            if self.holds(artifact):  # another process kept the same one first
                return
            _remove(target)
            os.replace(draft, target)
        _sync_one(target.parent)


def _write_utf8(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    for each in [path, *path.rglob("*")] if path.is_dir() else [path]:
        _sync_one(each)


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
