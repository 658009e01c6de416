"""Which saved run is served for a coin."""

import hashlib
import json
from pathlib import Path

from forecaster.promotion import served_pointer
from forecaster.promotion.candidate import CANDIDATE, Candidate
from forecaster.saving import MANIFEST, read_pointer
from forecaster.serving.saved import is_served
from forecaster.settings import MODELS, Config
from forecaster.store import sha256_of


class NotServedError(ValueError):
    """Nothing can be served for a coin; the message says what to do."""


class Served(Config):
    """A saved run that is served.

    Attributes:
        folder: where it lies.
        digest: of all of its files that a forecast reads: equal models, combined alike, have equal digests.
        models: those with a serving refit.
        promoted: whether it is the champion, not only the latest.
        objections: what it says against itself, as promotion would hear it; None in runs of older versions.
    """

    folder: Path
    digest: str
    models: tuple[str, ...]
    promoted: bool
    objections: tuple[str, ...] | None = None

    @property
    def run(self) -> str:
        """Its name. No field: the same models under another name say the same."""
        return self.folder.name


def find_served(artifacts_dir: Path, coin: str, source: str) -> Served:
    """The champion of a coin and kind of market, or without one its latest run.

    Raises:
        NotServedError: if there is no run, or it is not what its pointer names.
        ValueError: if the pointer is damaged.
    """
    pointer = served_pointer(artifacts_dir, coin, source)
    if not pointer.is_file():
        raise NotServedError(
            f"{coin}: expected a saved run on {source} bars. Received: none in {artifacts_dir}. Run `retrain` first."
        )
    known = read_pointer(pointer)
    folder = Path(artifacts_dir) / str(known.get("folder") or f"{coin}/{known['run']}")
    manifest = folder / MANIFEST
    if not manifest.is_file() or sha256_of(manifest) != known["manifest_sha256"]:
        raise NotServedError(
            f"{coin}: expected the run that {pointer} names. Received: {folder}, which is gone or altered. Put it "
            f"back, retrain the coin, or serve another run: `retrain promote --crypto {coin} --run RUN --force`."
        )
    files = json.loads(manifest.read_text(encoding="utf-8"))["sha256"]
    read = {name: digest for name, digest in files.items() if is_served(name)}
    return Served(
        folder=folder,
        digest=hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()[:16],
        models=tuple(m for m in MODELS if any(name.startswith(f"{m}/serving/") for name in read)),
        promoted=pointer.name.startswith("champion"),
        objections=objections_to(folder),
    )


def objections_to(folder: Path) -> tuple[str, ...] | None:
    """What a saved run says against itself: a suspected leak, what was lost on the way, settings of a smoke test."""
    if not (folder / CANDIDATE).is_file():
        return None
    told = Candidate.model_validate_json((folder / CANDIDATE).read_text(encoding="utf-8"))
    return (*(("Suspected leak.", told.leak) if told.leak else ()), *told.degraded, *told.smoke)
