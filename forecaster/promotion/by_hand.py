"""Promotion and its way back by hand: the same judgement, on another day."""

from pathlib import Path

from filelock import FileLock, Timeout

from forecaster.promotion.candidate import (
    CANDIDATE,
    Candidate,
    RunGoneError,
    bars_in_words,
    file_of,
    find_run,
    manifest_of,
)
from forecaster.promotion.champion import Champion, NoChampionError, SavedRun, read_champion, write_champion
from forecaster.promotion.contest import contest_unit
from forecaster.promotion.verdict import Verdict, conclude, is_unchanged
from forecaster.saving import verify
from forecaster.store import Store


class BusyError(ValueError):
    """A night of the same coin is under way."""


def promote_by_hand(
    artifacts_dir: Path, coin: str, source: str, run: str | None = None, forced: bool = False
) -> Verdict:
    """Judge a saved run, by default the latest, as a night would, and serve it if it passes.

    Args:
        artifacts_dir: where runs and pointers lie.
        coin: ticker.
        source: kind of market.
        run: name of the run.
        forced: serve it whatever the judgement is.

    Raises:
        ValueError: if the run is gone, altered, of other bars or saved without what it takes to judge it, or the
            coin's night is under way.
    """
    root = Path(artifacts_dir)
    with _alone(root, coin, source):
        saved = find_run(root, coin, source, run)
        verify(root / saved.folder)
        candidate = _candidate(root, saved)
        champion = read_champion(root, coin, source)
        if is_unchanged(candidate, champion):
            return conclude(root, candidate, saved, None, forced=forced)
        theirs = champion.saved if champion else None
        return conclude(root, candidate, saved, contest_unit(root, candidate, theirs), forced=forced)


def roll_back(artifacts_dir: Path, coin: str, source: str) -> tuple[Champion, Champion]:
    """Serve the champion before the present one again; the champions before and after.

    Raises:
        NoChampionError: if there is none, or none before it.
        ValueError: if the one before it is no longer what was saved, or the coin's night is under way.
    """
    root = Path(artifacts_dir)
    with _alone(root, coin, source):
        champion = read_champion(root, coin, source)
        if champion is None:
            raise NoChampionError(
                f"{coin}: expected a champion. Received: none on {bars_in_words(source)} in {root}. `retrain promote` "
                "makes one."
            )
        before = champion.rolled_back_to_previous()
        manifest_of(root, before.saved)
        verify(root / before.folder)
        write_champion(root, before)
        return champion, before


def _candidate(root: Path, saved: SavedRun) -> Candidate:
    """What a stored run says of itself; its forecasts are those of its own folder."""
    told = Candidate.model_validate(Store(root).json(file_of(root, saved, CANDIDATE)))
    return told.model_copy(update={"forecasts": file_of(root, saved, "forecasts.parquet")})


class _alone:
    """The lock that a coin's night holds; whoever works by hand does not wait for hours."""

    def __init__(self, root: Path, coin: str, source: str) -> None:
        folder = root / coin
        if not folder.is_dir():
            raise RunGoneError(f"{coin}: expected saved runs. Received: no {folder}. Retrain the coin first.")
        self.coin, self.lock = coin, FileLock(folder / f".{source}.lock")

    def __enter__(self) -> None:
        try:
            self.lock.acquire(timeout=0)
        except Timeout:
            raise BusyError(
                f"{self.coin}: expected no other work on it. Received: a night under way, which holds "
                f"{self.lock.lock_file}. Try again when it has ended."
            ) from None

    def __exit__(self, *_: object) -> None:
        self.lock.release()
