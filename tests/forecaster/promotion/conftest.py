"""Saved runs made by hand: forecasts of a few days, and what a run says of itself."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecaster.promotion.candidate import CANDIDATE, Candidate, JudgedRecipe
from forecaster.promotion.champion import SavedRun
from forecaster.promotion.contest import Contest, Duel
from forecaster.saving import MANIFEST
from forecaster.store import Store, sha256_of, write_json

RECIPE = JudgedRecipe(
    models={"tcn": {"filters": 32}},
    training={"epochs": 100},
    lookback=60,
    horizons=(1,),
    n_folds=5,
    seed=42,
    columns=("rsi_14",),
    stack="a stack",
)


def forecasts(y: Sequence[float], y_hat: Sequence[float], first: str = "2025-01-01") -> pd.DataFrame:
    """One-day forecasts of a test part."""
    cutoff = pd.date_range(first, periods=len(y))
    return pd.DataFrame(
        {"cutoff": cutoff, "horizon": 1, "y": y, "part": "test", "zero": 0.0, "advanced_ensemble": y_hat}
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def candidate(root: Path) -> Callable[..., Candidate]:
    """A run without a fault; what is given differs."""

    def make(frame: pd.DataFrame | None = None, **changes: Any) -> Candidate:
        store = Store(root)
        frame = forecasts([1.0, -1.0], [0.5, -0.5]) if frame is None else frame
        told: dict[str, Any] = {
            "coin": "BTC",
            "source": "folder",
            "recipe": RECIPE,
            "shipped": "advanced_ensemble",
            "as_of": date(2025, 1, 6),
            "train_last": date(2024, 10, 1),
            "val_last": date(2024, 12, 1),
            "target_scale": {1: 1.0},
            "coverage_90": {1: 0.9},
            "leak": None,
            "degraded": (),
            "unserved": (),
            "smoke": (),
            "forecasts": store.put_frame(frame),
            "rows": store.put_frame(pd.DataFrame({"log_close": 0.0}, index=frame["cutoff"])),
        }
        return Candidate(**{**told, **changes})

    return make


@pytest.fixture
def save(root: Path) -> Callable[..., SavedRun]:
    """The folder that a candidate's run would have, and the pointer to the latest."""

    def make(run: str, candidate: Candidate) -> SavedRun:
        folder, store = root / candidate.coin / run, Store(root)
        store.copy(candidate.forecasts, folder / "forecasts.parquet")
        write_json(folder / CANDIDATE, candidate.model_dump(mode="json"))
        digests = {name: sha256_of(folder / name) for name in (CANDIDATE, "forecasts.parquet")}
        told = {"coin": candidate.coin, "run": run, "scope": candidate.source, "as_of": str(candidate.as_of)}
        write_json(folder / MANIFEST, {**told, "sha256": digests})
        saved = SavedRun(run=run, folder=f"{candidate.coin}/{run}", manifest_sha256=sha256_of(folder / MANIFEST))
        write_json(root / candidate.coin / f"latest-{candidate.source}.json", saved.model_dump())
        return saved

    return make


def a_contest(**changes: Any) -> Contest:
    """What a run without a fault shows."""
    return Contest(**{"n_test": 6, "n_missing": 0, "ratios": {1: 1.0}, **changes})


def a_duel(**changes: Any) -> Duel:
    """A challenger as good as the champion."""
    told: dict[str, Any] = {
        "run": "champion",
        "first": date(2025, 1, 1),
        "last": date(2025, 1, 6),
        "n": {1: 6},
        "n_replayed": 0,
        "losses": {1: (1.0, 1.0)},
        "loss": 1.0,
        "champion_loss": 1.0,
        "n_pooled": 6,
        "p_value": 0.5,
        "p_values": {1: 0.5},
        "differing_labels": 0.0,
    }
    return Duel(**{**told, **changes})
