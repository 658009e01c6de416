"""One step of the library in a process of its own, and how far that process grew: what `benchmarks.memory` starts.

`python -m benchmarks.footprint NAME ROOT FEATURES` with a model's name, `prepare` or `select`; ROOT holds what
`make_parts` or `make_bars` wrote. Prints one line of JSON.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

from forecaster.fitting import FitSpec, fit_unit
from forecaster.recipes import model_settings, training_settings
from forecaster.settings import HORIZONS, NETWORKS, SplitConfig, UncertaintyConfig
from forecaster.split import Fold, find_boundaries, judged_fold
from forecaster.store import Artifact, Store
from forecaster.windows import LOG_CLOSE

STEPS = 8  # of training: what a step needs does not depend on how many follow
TREES = 10
END = date(2025, 12, 31)
SPLIT = SplitConfig()
TRAINING = training_settings("learning")


def make_parts(root: Path, n_days: int, n_features: int) -> dict[str, Any]:
    """Store train and val of a random series, as `prepare` does; plain values for `FitSpec` and `fit_unit`."""
    days = pd.date_range(end=pd.Timestamp(END), periods=n_days, freq="D", unit="us")
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.standard_normal((n_days, n_features)), days, [f"x{i}" for i in range(n_features)])
    rows[LOG_CLOSE] = rng.normal(0, 0.04, n_days).cumsum()
    boundaries = find_boundaries(days, SPLIT)
    val, test = (int(days.searchsorted(pd.Timestamp(day))) for day in (boundaries.val, boundaries.test))
    store = Store(root)
    return {
        "fold": judged_fold(days, boundaries, SPLIT).model_dump(mode="json"),
        "parts": [store.put_frame(part).model_dump() for part in (rows[:val], rows[val - SPLIT.lookback + 1 : test])],
        "base_bytes": 4 * test * n_features,
    }


def make_bars(root: Path, n_days: int) -> None:
    """Write simulated bars of a coin and its partner as the files that `prepare` reads."""
    from forecaster.market.simulated import simulate

    root.mkdir(parents=True, exist_ok=True)
    bars = simulate(n_days=n_days, end=END).bars
    for coin in ("BTC", "ETH"):
        bars[coin].to_parquet(root / f"{coin}.parquet")


def fit(model: str, root: Path, n_features: int) -> Callable[[], Any]:
    """The judged fit of a model, whole but for the number of its steps or trees."""
    given = json.loads((root / "parts.json").read_text())
    spec = FitSpec(
        coin="BTC",
        model=model,
        fold=Fold.model_validate(given["fold"]),
        lookback=SPLIT.lookback,
        horizons=HORIZONS,
        settings=_settings(model),
        training=TRAINING.model_copy(update={"epochs": 1}) if model in NETWORKS else None,
        seed=42,
    )
    parts, columns = [Artifact(**part) for part in given["parts"]], [f"x{i}" for i in range(n_features)]
    _import(model)
    return lambda: fit_unit(root, spec, parts, columns)


def prepare(root: Path) -> Callable[[], Any]:
    """Bars in, parts out."""
    from forecaster.prepare import prepare_unit
    from forecaster.settings import DataConfig

    return lambda: _keep(root, prepare_unit(root, "BTC", DataConfig(data_dir=root, as_of=END), SPLIT))


def select(root: Path) -> Callable[[], Any]:
    """Mutual information of every engineered column with every horizon on the train part; after `prepare`."""
    from forecaster.prepare import Prepared
    from forecaster.select import select_unit
    from forecaster.settings import SelectConfig

    data = Prepared.model_validate_json((root / "prepared.json").read_text())
    how = (data.parts.train, data.judged.train, HORIZONS, data.cross_asset, SelectConfig())
    return lambda: select_unit(root, *how)


def _keep(root: Path, prepared: Any) -> None:
    (root / "prepared.json").write_text(prepared.model_dump_json())


def _settings(model: str) -> Any:
    settings = model_settings("learning", model)
    if model != "lightgbm":
        return settings
    return settings.model_copy(update={"n_estimators": TREES, "quantiles": UncertaintyConfig().quantiles})


def _import(model: str) -> None:
    """Load what the model needs, and let a network train for `STEPS` steps of each epoch it draws."""
    from forecaster.models.registry import model_class

    model_class(model)
    if model in NETWORKS:
        from forecaster.models import keras_training

        whole = keras_training.draw_epoch

        def drawn(*args: Any) -> Any:
            epoch, n = whole(*args), STEPS * TRAINING.batch_size
            return replace(epoch, **{name: getattr(epoch, name)[:n] for name in ("which", "factor", "noise_end")})

        keras_training.draw_epoch = drawn


def main(name: str, root: Path, n_features: int) -> None:
    """Run one step and print what it took."""
    run = prepare(root) if name == "prepare" else select(root) if name == "select" else fit(name, root, n_features)
    imported, started = psutil.Process().memory_info().rss, time.process_time()
    run()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"imported": imported, "peak": peak, "cpu": time.process_time() - started, "pid": os.getpid()}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
