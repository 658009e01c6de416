"""What a run must pass before it is served: each condition with its figure, and whether it holds."""

from collections.abc import Iterator

from forecaster.names import days, percent, share
from forecaster.promotion.candidate import Candidate
from forecaster.promotion.champion import Champion
from forecaster.promotion.contest import Contest, Duel
from forecaster.settings import Config, PromotionConfig

NOMINAL = 0.9


class Gate(Config):
    """One condition.

    Attributes:
        name: what is asked.
        told: the figure, beside what it may be.
        passed: whether it holds.
    """

    name: str
    told: str
    passed: bool


def sanity_gates(candidate: Candidate, contest: Contest, config: PromotionConfig) -> Iterator[Gate]:
    """What even the first champion must be."""
    yield Gate(
        name="finite",
        told=f"{contest.n_missing} of {contest.n_test} test forecasts are not finite",
        passed=contest.n_test > 0 and contest.n_missing == 0,
    )
    yield _not_worse_than_zero(contest, config)
    yield _covers(candidate, config)
    yield Gate(name="no leakage alarm", told=candidate.leak or "no score is too good", passed=not candidate.leak)
    lost = " ".join(candidate.degraded)
    yield Gate(name="not degraded", told=lost or "nothing was lost", passed=not candidate.degraded)
    small = " ".join(candidate.smoke)
    yield Gate(name="full settings", told=small or "no smoke test", passed=not candidate.smoke)


def _not_worse_than_zero(contest: Contest, config: PromotionConfig) -> Gate:
    told = [f"{days(h)}: {'no score' if ratio is None else percent(ratio - 1)}" for h, ratio in contest.ratios.items()]
    return Gate(
        name="not worse than zero",
        told=f"RMSE against zero's, {', '.join(told)}; at most {percent(config.worse_than_zero)} each",
        passed=all(ratio is not None and ratio <= 1 + config.worse_than_zero for ratio in contest.ratios.values()),
    )


def _covers(candidate: Candidate, config: PromotionConfig) -> Gate:
    covers = {h: candidate.coverage_90.get(h) for h in candidate.recipe.horizons}
    bounds = {h: config.coverage.get(h, max(config.coverage.values())) for h in covers}
    told = [
        f"{days(h)}: {'not measured' if value is None else share(value)} (within {100 * bounds[h]:g} points)"
        for h, value in covers.items()
    ]
    return Gate(
        name="coverage",
        told=f"90 % intervals hold, {', '.join(told)}",
        passed=all(value is not None and abs(value - NOMINAL) <= bounds[h] for h, value in covers.items()),
    )


def challenge_gates(
    candidate: Candidate, champion: Champion, contest: Contest, config: PromotionConfig
) -> Iterator[Gate]:
    """What a challenger must show beside the champion."""
    yield _not_taken_back(candidate, champion)
    told = f"it knows days up to {candidate.as_of}, the champion up to {champion.as_of}"
    yield Gate(name="not older", told=told, passed=candidate.as_of >= champion.as_of)
    if contest.duel is None:
        told = contest.problem or f"no test day is common with the champion {champion.run}"
        yield Gate(name="comparable", told=told, passed=False)
        return
    yield _comparable(contest.duel, config)
    yield _loss(contest.duel, config)
    yield _not_rejected(contest.duel, config)


def _not_taken_back(candidate: Candidate, champion: Champion) -> Gate:
    taken_back = next((r for r in champion.rolled_back if r.recipe_sha256 == candidate.recipe.digest), None)
    told = (
        f"the recipe of {taken_back.run} was rolled back by hand; `retrain promote --force` takes it again"
        if taken_back
        else "this recipe was never rolled back"
    )
    return Gate(name="not rolled back", told=told, passed=taken_back is None)


def _comparable(duel: Duel, config: PromotionConfig) -> Gate:
    longest = max(duel.n)
    counts = "/".join(str(n) for n in duel.n.values())
    told = f"{counts} origins in common at {'/'.join(map(str, duel.n))} days, {duel.first} to {duel.last}"
    if duel.n_replayed:
        told += f", {duel.n_replayed} of them forecast by the champion's judged models only now"
    if duel.differing_labels > config.differing_labels:
        told += f"; but {share(duel.differing_labels)} of them have other returns than the champion knew: other bars"
    elif duel.n_pooled <= longest:
        told += f"; more than {longest} are needed that are labelled at every horizon, {duel.n_pooled} are"
    passed = duel.differing_labels <= config.differing_labels and duel.n_pooled > longest
    return Gate(name="comparable", told=told, passed=passed)


def _loss(duel: Duel, config: PromotionConfig) -> Gate:
    excess = duel.loss / duel.champion_loss - 1
    told = (
        f"scaled RMSE pooled over horizons {duel.loss:.4f} against the champion's {duel.champion_loss:.4f}: "
        f"{100 * excess:+.2f} %, at most {100 * config.loss_tolerance:+g} %"
    )
    return Gate(name="loss", told=told, passed=excess <= config.loss_tolerance)


def _not_rejected(duel: Duel, config: PromotionConfig) -> Gate:
    p = duel.p_value
    told = "the forecasts have equal losses: nothing to test" if p is None else f"p = {p:.3f}"
    told = f"Diebold-Mariano, is it worse, {max(duel.n) - 1} lags: {told}, at least {config.level:g} is needed"
    if len(duel.p_values) > 1:
        told += f" (at {', '.join(f'{days(h)} {_p(each)}' for h, each in duel.p_values.items())})"
    return Gate(name="not significantly worse", told=told, passed=p is None or p >= config.level)


def _p(value: float | None) -> str:
    return "equal" if value is None else f"{value:.3f}"
