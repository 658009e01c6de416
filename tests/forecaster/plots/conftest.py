"""A made-up run, as frames: plausible enough to look at, small enough to build for every test."""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster.plots.frames import RunFrames
from forecaster.settings import BASELINES, ENSEMBLE, HORIZONS, MODELS, NETWORKS

PARTS = {"train": 2700, "val": 630, "test": 640}
BOOST_ROUNDS = {1: 58, 7: 51, 30: 62}
RATES = {"dlinear": 1e-3, "tcn": 1e-3, "enhanced_lstm": 5e-4, "transformer": 1e-3}
N_PARAMETERS = {"dlinear": 28_806, "tcn": 33_123, "enhanced_lstm": 101_507, "transformer": 121_923, "lightgbm": 412}


def outcomes(rng: np.random.Generator, n: int) -> dict[int, np.ndarray]:
    days = rng.standard_t(4, n + 30) * 0.022 * np.exp(0.4 * np.sin(np.arange(n + 30) / 60))
    total = np.concatenate([[0.0], days.cumsum()])
    return {h: total[h : h + n] - total[:n] for h in HORIZONS}


def forecast_frame(
    rng: np.random.Generator, models: tuple[str, ...], n: dict[str, int], explode: str | None
) -> pd.DataFrame:
    day, frames = pd.Timestamp("2014-03-01"), []
    for part, size in n.items():
        cutoff = pd.date_range(day, periods=size)
        day = cutoff[-1] + pd.Timedelta(days=31)
        for h, y in outcomes(rng, size).items():
            frame = pd.DataFrame(
                {"unique_id": "BTC", "cutoff": cutoff, "ds": cutoff + pd.Timedelta(days=h), "horizon": h}
            )
            frame = frame.assign(part=part, y=y, zero=0.0, mean=0.0015 * h)
            for place, model in enumerate(("ridge", *models)):
                spread = y.std() * (2.8 if model == explode else 0.04 + 0.06 * place * np.sqrt(h) / 3)
                frame[model] = 0.01 * y + spread * rng.standard_normal(size)
            frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def score_frame(forecasts: pd.DataFrame, models: tuple[str, ...], scale: dict[int, float]) -> pd.DataFrame:
    rows = []
    for (part, h), f in forecasts.groupby(["part", "horizon"]):
        for model in models:
            e, zero = f["y"] - f[model], np.sqrt((f["y"] ** 2).mean())
            rmse = np.sqrt((e**2).mean())
            calls = f[f[model] != 0]
            rows.append({
                "model": model, "part": part, "horizon": h, "n": len(f), "rmse": rmse, "scaled_rmse": rmse / scale[h],
                "mae": e.abs().mean(), "r2": 1 - (e**2).sum() / ((f["y"] - f["y"].mean()) ** 2).sum(),
                "directional_accuracy": (np.sign(calls["y"]) == np.sign(calls[model])).mean() if len(calls) else np.nan,
                "skill_vs_zero": 1 - rmse / zero,
            })  # fmt: skip
    return pd.DataFrame(rows)


def network_history(rng: np.random.Generator, model: str, fold: str, epochs: int, level: float) -> list[dict[str, Any]]:
    rows = []
    for epoch in range(1, epochs + 1):
        train = 0.42 * level * (0.72 + 0.3 * np.exp(-epoch / 8)) * (1 + 0.01 * rng.standard_normal())
        val = 0.36 * level * (1 + 0.012 * epoch**0.7) * (1 + 0.02 * rng.standard_normal())
        rate = RATES[model] * 0.5 ** (epoch // 7 if model == "tcn" else 0)
        if model == "transformer":
            rate = RATES[model] * min(epoch / 2, (2 / epoch) ** 0.5)
        row: dict[str, Any] = {"model": model, "fold": fold, "epoch": epoch, "learning_rate": rate, "seconds": 3.0}
        for h in HORIZONS:
            row |= {f"h{h}_loss": train * (1 + h / 90), f"val_h{h}_loss": val * (1 + h / 60)}
        row |= {f"{p}loss": sum(row[f"{p}h{h}_loss"] / np.sqrt(h) for h in HORIZONS) for p in ("", "val_")}
        rows.append(row if fold != "serving" else {k: v for k, v in row.items() if not k.startswith("val_")})
    return rows


def boosting_history(scale: float = 1.0) -> list[dict[str, Any]]:
    rows = []
    for i in range(1, max(BOOST_ROUNDS.values()) + 1):
        row: dict[str, Any] = {"model": "lightgbm", "fold": "judged", "epoch": i}
        for h, last in BOOST_ROUNDS.items():
            if i <= last:
                row |= {
                    f"h{h}_loss": scale * (1.05 - 0.3 * i / 60),
                    f"val_h{h}_loss": scale * (0.9 + 0.004 * abs(i - h)),
                }
        rows.append(row)
    return rows


def history_frame(rng: np.random.Generator, models: tuple[str, ...], epochs: int, explode: str | None) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for place, model in enumerate(m for m in models if m in NETWORKS):
        ran = min(epochs, (14, 23, 18, 100)[place])
        rows += network_history(rng, model, "judged", ran, 7.0 if model == explode else 1 + 0.03 * place)
        rows += network_history(rng, model, "serving", max(1, ran - 10), 1.0)
    return pd.DataFrame(rows + (boosting_history() if "lightgbm" in models else []))


def fit_frame(models: tuple[str, ...], epochs: int, folds: tuple[str, ...]) -> pd.DataFrame:
    rows = []
    for place, model in enumerate(models):
        ran = min(epochs, (14, 23, 18, 100)[place]) if model in NETWORKS else max(BOOST_ROUNDS.values())
        length: Any = max(1, ran - 10) if model in NETWORKS else (8, 1, 12)
        for share, fold in enumerate(folds, 1):
            seconds = (12.0, 95.0, 300.0, 610.0, 1.4)[place] * share / len(folds) * ran / 20
            row = {"model": model, "fold": fold, "seconds": seconds, "length": length, "n_epochs": ran}
            rows.append(row | {"n_parameters": N_PARAMETERS[model], "cached": fold != "serving" and place < 2})
    return pd.DataFrame(rows)


def attention_frame(rng: np.random.Generator, cutoffs: pd.Series) -> pd.DataFrame:
    lags = np.arange(-59, 1)
    logits = 0.03 * lags + 0.6 * np.sin(lags / 6 + np.arange(len(cutoffs))[:, None] / 80)
    weights = np.exp(logits + 0.15 * rng.standard_normal((len(cutoffs), 60)))
    return pd.DataFrame(weights / weights.sum(1, keepdims=True), index=pd.DatetimeIndex(cutoffs), columns=lags)


def importance_frame(rng: np.random.Generator) -> pd.DataFrame:
    names = [f"feature_{i}" for i in range(84)] + ["bollinger_width_20", "eth_return_30d"]
    index = pd.MultiIndex.from_product([names, ["last", "mean", "std", "trend", "momentum"], HORIZONS])
    gain = rng.exponential(size=len(index)) ** 4 * (rng.random(len(index)) < 0.3)
    return pd.Series(gain, index.set_names(["feature", "summary", "horizon"]), name="gain").reset_index()


def weight_path(rng: np.random.Generator, models: tuple[str, ...], cutoffs: pd.Series) -> pd.DataFrame:
    frames = []
    regimes = np.repeat(["trending", "ranging", "volatile", "mean_reverting"], 40)
    for h in HORIZONS:
        raw = np.exp(0.25 * rng.standard_normal((len(cutoffs), len(models))).cumsum(0) / 5)
        frame = pd.DataFrame(raw / raw.sum(1, keepdims=True) / 2, columns=list(models)).assign(zero=0.5)
        frames.append(frame.assign(cutoff=cutoffs.to_numpy(), horizon=h, regime=np.resize(regimes, len(cutoffs))))
    return pd.concat(frames, ignore_index=True)


def build(models: tuple[str, ...] = MODELS, *, epochs: int = 100, ensemble: bool = True, simulated: bool = False,
          explode: str | None = None, parts: dict[str, int] | None = None, folds: int = 5) -> RunFrames:  # fmt: skip
    rng = np.random.default_rng(7)
    forecasted = (*models, ENSEMBLE) if ensemble else models
    forecasts = forecast_frame(rng, forecasted, parts or PARTS, explode)
    train = forecasts[forecasts["part"] == "train"]
    scale = {h: float(np.subtract(*np.quantile(train.loc[train["horizon"] == h, "y"], [0.75, 0.25]))) for h in HORIZONS}
    cutoffs = forecasts.loc[(forecasts["part"] == "test") & (forecasts["horizon"] == 1), "cutoff"]
    both = forecasts.loc[(forecasts["part"] != "train") & (forecasts["horizon"] == 1), "cutoff"]
    fold_names = (
        ("judged", *(f"fold-{i}" for i in range(1, folds + 1)), "serving") if ensemble else ("judged", "serving")
    )
    weights = {h: dict.fromkeys(models, 0.5 / len(models)) | {"zero": 0.5} for h in HORIZONS}
    why = "mean validation RMSE over that of zero: stack 1.104, convex 0.998, regime 1.013"
    return RunFrames(
        coin="BTC", as_of=date(2025, 12, 31), simulated=simulated, target_scale=scale,
        history=history_frame(rng, models, epochs, explode), forecasts=forecasts,
        scores=score_frame(forecasts, (*forecasted, *BASELINES), scale), fits=fit_frame(models, epochs, fold_names),
        attention=attention_frame(rng, cutoffs) if "enhanced_lstm" in models else None,
        importance=importance_frame(rng) if "lightgbm" in models else None,
        weights=weight_path(rng, models, both) if ensemble else None,
        ensemble={"method": "convex", "why": why, "fallback": False, "weights": weights,
                  "weight_on_zero": dict.fromkeys(HORIZONS, 0.5)} if ensemble else None,
    )  # fmt: skip


@pytest.fixture(scope="session")
def build_frames() -> Callable[..., RunFrames]:
    return build
