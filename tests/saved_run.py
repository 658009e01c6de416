"""A night small enough to be fitted for a test, saved as a real one is."""

import shutil
from pathlib import Path

from forecaster.fitting import FitResult, FitSpec, fit_unit, predict_unit, refit_unit
from forecaster.judging import judge_unit, stack_unit
from forecaster.saving import save_run
from forecaster.select import Selected
from forecaster.serving import ServingFacts
from forecaster.settings import RidgeConfig, StackingConfig
from forecaster.split import Fold
from tests.conftest import SPLIT, World


def save_night(world: World, target: Path, members: tuple[str, ...] = ("lightgbm",)) -> Path:
    """Fit, judge, stack, refit and save `members` on Bitcoin's bars of today; return `target`, which then holds them.

    There are no out-of-fold forecasts, so that regime weights, which learn day by day, are the only candidate.
    """
    data, root, parts = world.today, world.store.root, world.today.parts
    fits: dict[str, FitResult] = {
        m: fit_unit(root, _spec(world, m, data.judged), (parts.train, parts.val), world.columns) for m in members
    }
    test = {m: predict_unit(root, fits[m], SPLIT.lookback, SPLIT.horizons, parts.test).forecasts for m in members}
    serving = {
        m: refit_unit(root, _spec(world, m, data.serving), (parts.all,), world.columns, fits[m].length) for m in members
    }
    judged = {m: fits[m].forecasts for m in members}
    scale = dict(zip(SPLIT.horizons, fits["lightgbm"].target_scale, strict=True))
    stacked = stack_unit(root, "BTC", judged, {}, (parts.train, parts.val), data.judged, scale, StackingConfig())
    scores = judge_unit(root, "BTC", judged, test, stacked, parts.all, data.judged, data.boundaries, scale)
    facts = ServingFacts(
        lookback=SPLIT.lookback,
        horizons=SPLIT.horizons,
        first=data.data.first,
        simulated=False,
        months=data.months,
        partner_months=data.partner_months,
    )
    further = {"serving.json": world.store.put_json(facts.model_dump(mode="json"))}
    selected = Selected(columns=world.columns, selection=world.store.put_json({}))
    folder = save_run(
        root, "BTC", target.name, "test", data.data.last, fits.values(), serving, stacked, selected, scores, further
    ).folder
    shutil.move(root / folder, target)
    return target


def _spec(world: World, model: str, fold: Fold) -> FitSpec:
    changed = {"settings": RidgeConfig(alpha=100)} if model == "dlinear" else {}
    return world.spec(model, fold).model_copy(update=changed)
