"""Unchanged, promoted, refused: what becomes of a run, and the pointer that says so."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from forecaster.promotion.candidate import Candidate
from forecaster.promotion.champion import Champion, Reign, SavedRun, now, read_champion, write_champion
from forecaster.promotion.contest import Contest, Duel
from forecaster.promotion.gates import Gate, challenge_gates, sanity_gates
from forecaster.settings import Config, PromotionConfig

Kind = Literal["first", "unchanged", "promoted", "refused", "failed", "off"]


class Verdict(Config):
    """What became of a run.

    Attributes:
        verdict: "first" champion of its coin; "unchanged" recipe, whose serving refit is renewed; "promoted" in the
            champion's place; "refused"; "failed", with the champion as it was; "off" where nobody asked.
        reasons: why, a sentence each.
        run: the run that was judged.
        champion: the run that is served now; None without a champion.
        before: the run that was served before.
        gates: every condition with its figure; none for an unchanged recipe.
        duel: the comparison with the champion, if there was one.
    """

    verdict: Kind
    reasons: tuple[str, ...]
    run: str
    champion: str | None = None
    before: str | None = None
    gates: tuple[Gate, ...] = ()
    duel: Duel | None = None

    @property
    def in_words(self) -> str:
        """One line."""
        return f"{self.verdict}: {' '.join(self.reasons)}"


def is_unchanged(candidate: Candidate, champion: Champion | None) -> bool:
    """Whether a run has the champion's recipe, so that there is nothing to compare."""
    return champion is not None and champion.recipe_sha256 == candidate.recipe.digest


def conclude(
    artifacts_dir: Path,
    candidate: Candidate,
    saved: SavedRun,
    contest: Contest | None,
    config: PromotionConfig | None = None,
    forced: bool = False,
) -> Verdict:
    """Decide what becomes of a saved run, and let the pointer say so, as the very last thing.

    Args:
        artifacts_dir: where the pointer lies.
        candidate: what the run says of itself.
        saved: where it lies.
        contest: what its forecasts showed; None for an unchanged recipe.
        config: limits.
        forced: serve it whatever the gates say.
    """
    champion = read_champion(artifacts_dir, candidate.coin, candidate.source)
    if contest is None or (champion is not None and is_unchanged(candidate, champion)):
        assert champion is not None
        return _renew(artifacts_dir, candidate, saved, champion, forced)
    gates = tuple(_gates(candidate, champion, contest, config or PromotionConfig()))
    verdict = _judge(candidate, saved, champion, contest, gates, forced)
    if verdict.verdict in ("first", "promoted"):
        reign = _reign(candidate, saved, verdict.reasons)
        crowned = champion.followed_by(reign) if champion else _first(candidate, reign)
        write_champion(artifacts_dir, crowned)
    return verdict


def _gates(
    candidate: Candidate, champion: Champion | None, contest: Contest, config: PromotionConfig
) -> Iterable[Gate]:
    yield from sanity_gates(candidate, contest, config)
    if champion is not None:
        yield from challenge_gates(candidate, champion, contest, config)


def _judge(
    candidate: Candidate,
    saved: SavedRun,
    champion: Champion | None,
    contest: Contest,
    gates: tuple[Gate, ...],
    forced: bool,
) -> Verdict:
    failed = [f"{gate.name}: {gate.told.removesuffix('.')}." for gate in gates if not gate.passed]
    before = champion.run if champion else None
    kind: Kind = "promoted" if champion else "first"
    reasons = [f"Forced by hand, although {each}" for each in failed] or [_success(champion, contest)]
    if failed and not forced:
        kind, reasons = "refused", failed
    return Verdict(
        verdict=kind,
        reasons=tuple(reasons),
        run=saved.run,
        champion=before if kind == "refused" else saved.run,
        before=before,
        gates=gates,
        duel=contest.duel,
    )


def _success(champion: Champion | None, contest: Contest) -> str:
    if champion is None or contest.duel is None:
        return "The first run to pass every sanity gate."
    excess = 100 * (contest.duel.loss / contest.duel.champion_loss - 1)
    return f"Its loss differs by {excess:+.2f} % from that of {champion.run} on {contest.duel.n_pooled} common days."


def _renew(artifacts_dir: Path, candidate: Candidate, saved: SavedRun, champion: Champion, forced: bool) -> Verdict:
    """Serve the newest refit of the champion's recipe, unless suspected or incomplete; where `forced`, this one."""
    since = f"The recipe is the champion's, of {champion.promoted_at:%Y-%m-%d}"
    stays = f"the refits of {champion.run} stay in service."
    if forced:
        why, served = f"{since}; forced by hand, the refits of this run are served.", saved.run
    elif candidate.leak:
        remedy = "If it is none: `retrain promote --force`."
        why, served = f"{since}, but a leak is suspected tonight ({candidate.leak}): {stays} {remedy}", champion.run
    elif candidate.unserved:
        why, served = f"{since}. No serving refit of {', '.join(candidate.unserved)}: {stays}", champion.run
    elif candidate.as_of < champion.as_of:
        why, served = f"{since}. This run knows days up to {candidate.as_of} only: {stays}", champion.run
    else:
        why, served = f"{since}; its serving refit is renewed.", saved.run
    if served == saved.run:
        renewed = champion.renewed(_reign(candidate, saved, (why,)))
        write_champion(artifacts_dir, renewed.model_copy(update={"why": why}) if forced else renewed)
    return Verdict(verdict="unchanged", reasons=(why,), run=saved.run, before=champion.run, champion=served)


def _first(candidate: Candidate, reign: Reign) -> Champion:
    return Champion(coin=candidate.coin, source=candidate.source, **reign.model_dump())


def _reign(candidate: Candidate, saved: SavedRun, reasons: tuple[str, ...]) -> Reign:
    return Reign(
        **saved.model_dump(),
        as_of=candidate.as_of,
        recipe_sha256=candidate.recipe.digest,
        train_last=candidate.train_last,
        val_last=candidate.val_last,
        promoted_at=now(),
        why=" ".join(reasons),
    )
