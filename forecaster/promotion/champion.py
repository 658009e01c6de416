"""Which run is served: a pointer file per coin and kind of data, replaced atomically, with the champions before it."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from forecaster.settings import Config
from forecaster.store import write_json

MOST_REMEMBERED = 20  # champions before this one, and recipes taken back


class NoChampionError(ValueError):
    """There is none, or none before it; the message says what to do."""


class SavedRun(Config):
    """Where a saved run lies below the artifacts folder, and the digest of its manifest."""

    run: str
    folder: str
    manifest_sha256: str


class Reign(SavedRun):
    """One recipe's time as champion, and the newest run of it.

    Attributes:
        as_of: last day that its serving models saw.
        recipe_sha256: digest of what was judged (`JudgedRecipe.digest`).
        train_last: last origin that its judged models learned from.
        val_last: last origin on which they stopped and its stack was chosen.
        promoted_at: UTC time of the promotion.
        why: one sentence.
        renewed_at: when a later run of the same recipe took the place of the first one.
    """

    as_of: date
    recipe_sha256: str
    train_last: date
    val_last: date
    promoted_at: datetime
    why: str
    renewed_at: datetime | None = None


class Champion(Reign):
    """The champion of a coin on one kind of data.

    Attributes:
        coin: ticker.
        source: kind of market, as in `latest-{source}.json`.
        previous: champions before this one, newest first.
        rolled_back: recipes that were taken back by hand, newest first; they are not promoted again unasked.
    """

    coin: str
    source: str
    previous: tuple[Reign, ...] = ()
    rolled_back: tuple[Reign, ...] = ()

    @property
    def reign(self) -> Reign:
        """What of it goes into the history."""
        return Reign(**{name: getattr(self, name) for name in Reign.model_fields})

    @property
    def saved(self) -> SavedRun:
        """Where its newest run lies."""
        return SavedRun(run=self.run, folder=self.folder, manifest_sha256=self.manifest_sha256)

    def followed_by(self, reign: Reign) -> Self:
        """Another recipe takes the place; one that had been taken back is so no longer."""
        return self._with(
            reign,
            previous=(self.reign, *self.previous)[:MOST_REMEMBERED],
            rolled_back=tuple(each for each in self.rolled_back if each.recipe_sha256 != reign.recipe_sha256),
        )

    def renewed(self, reign: Reign) -> Self:
        """A newer run of the same recipe: when and why it was promoted stay."""
        kept = {"promoted_at": self.promoted_at, "why": self.why, "renewed_at": reign.promoted_at}
        return self._with(reign.model_copy(update=kept))

    def rolled_back_to_previous(self) -> Self:
        """The champion before it serves again.

        Raises:
            NoChampionError: if it is the first one.
        """
        if not self.previous:
            raise NoChampionError(
                f"{self.coin}: expected a champion before the present one. Received: {self.run} is the first. "
                "`retrain promote --run RUN` names another run."
            )
        taken_back = (self.reign, *self.rolled_back)[:MOST_REMEMBERED]
        return self._with(self.previous[0], previous=self.previous[1:], rolled_back=taken_back)

    def _with(self, reign: Reign, **further: tuple[Reign, ...]) -> Self:
        return self.model_copy(update={**{name: getattr(reign, name) for name in Reign.model_fields}, **further})


def champion_path(artifacts_dir: Path, coin: str, source: str) -> Path:
    """Where the pointer lies: real and simulated bars have one each."""
    return Path(artifacts_dir) / coin / f"champion-{source}.json"


def served_pointer(artifacts_dir: Path, coin: str, source: str) -> Path:
    """Pointer file of the run that forecasts are made with: the champion's if there is one, else the latest run's.

    Both have `run`, `folder` (below `artifacts_dir`), `as_of` and `manifest_sha256`. The file need not exist.
    """
    champion = champion_path(artifacts_dir, coin, source)
    return champion if champion.is_file() else Path(artifacts_dir) / coin / f"latest-{source}.json"


def read_champion(artifacts_dir: Path, coin: str, source: str) -> Champion | None:
    """The champion, or None before the first promotion.

    Raises:
        ValueError: if the pointer is not one.
    """
    path = champion_path(artifacts_dir, coin, source)
    if not path.is_file():
        return None
    try:
        return Champion.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        wrong = error.errors()[0]
        where = ".".join(map(str, wrong["loc"])) or "everything"
        raise ValueError(
            f"Expected a champion's pointer. Received: {path}, in which {where} is wrong: {wrong['msg']}. Put it back, "
            "or remove it: the next promotion writes a new one."
        ) from error


def write_champion(artifacts_dir: Path, champion: Champion) -> None:
    """Point at `champion`: one rename, so that whoever is killed before it has changed nothing."""
    write_json(champion_path(artifacts_dir, champion.coin, champion.source), champion.model_dump(mode="json"))


def now() -> datetime:
    """The present UTC second."""
    return datetime.now(UTC).replace(microsecond=0)
