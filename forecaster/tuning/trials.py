"""One trial on one fold as a unit of work, and the time that all trials of a study may share."""

import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from forecaster.fitting import FitSpec, fit_in_memory
from forecaster.metrics import skill_vs_zero
from forecaster.models.base import OnEpoch, ignore_epoch
from forecaster.settings import Config
from forecaster.store import Artifact, Store
from forecaster.windows import Floats

End = Literal["scored", "failed", "lost", "out of time"]


class TrialScore(Config):
    """How one trial did on one fold.

    Attributes:
        end: `scored`; `failed`, because of its parameters; `lost`, because of what happened to its worker; or stopped
            because the study is `out of time`.
        value: RMSE / RMSE of the zero forecast on what the fold holds out, mean over horizons, if it was scored.
        seconds: that it computed.
        why: it failed or was lost.
    """

    end: End
    value: float | None = None
    seconds: float = 0.0
    why: str = ""


@dataclass(frozen=True)
class TrialUnit:
    """One fit that a study asks for: trial `number` on the fold of `spec`."""

    number: int
    spec: FitSpec

    @property
    def name(self) -> str:
        """`trial-3/fold-4`."""
        return f"trial-{self.number}/{self.spec.fold.name}"


class OutOfTime(Exception):
    """The time that a study may take is used up."""


def trial_unit(
    root: Path,
    spec: FitSpec,
    parts: Sequence[Artifact],
    columns: Sequence[str],
    seconds: float | None = None,
    on_epoch: OnEpoch = ignore_epoch,
) -> TrialScore:
    """Fit on the fold's train, stop early on its `stop`, score what it holds out; nothing is stored.

    Args:
        root: folder of the store.
        spec: the fit, with the trial's settings.
        parts: rows, oldest part first.
        columns: of the rows, to learn from.
        seconds: after which a network's fit ends with its current epoch, out of time; None for no limit.
        on_epoch: is told every epoch.

    Raises:
        OSError: if the rows cannot be read. Whatever else goes wrong is the trial's own failure, and returned.
    """
    started = time.perf_counter()

    def listen(epoch: int, logs: dict[str, float]) -> None:
        on_epoch(epoch, logs)
        # Trees are told of when they are all grown: there is nothing left to save by giving up.
        if seconds is not None and spec.training is not None and time.perf_counter() - started > seconds:
            raise OutOfTime

    score = _score(Store(root), spec, parts, columns, listen)
    return score.model_copy(update={"seconds": time.perf_counter() - started})


def _score(
    store: Store, spec: FitSpec, parts: Sequence[Artifact], columns: Sequence[str], on_epoch: OnEpoch
) -> TrialScore:
    try:
        model, held_out = fit_in_memory(store, spec, parts, columns, on_epoch)
        value = ratio_to_zero(held_out.y, np.asarray(model.predict(held_out), dtype=np.float64))
    except OutOfTime:
        return TrialScore(end="out of time")
    except OSError:  # rows that are missing or altered: no other trial could do better
        raise
    except Exception as error:
        return TrialScore(end="failed", why=f"{type(error).__name__}: {error}")
    if not math.isfinite(value):
        return TrialScore(end="failed", why=f"Its RMSE over that of zero must be finite. Received: {value}")
    return TrialScore(end="scored", value=value)


def ratio_to_zero(y: Floats, y_hat: Floats) -> float:
    """RMSE / RMSE of the zero forecast, mean over horizons; both `(n, n_horizons)`, in plain log-returns."""
    return float(np.mean([1 - skill_vs_zero(*pair) for pair in zip(y.T, y_hat.T, strict=True)]))


class Budget:
    """Seconds of computing that concurrent units share: together they are never granted more than there are."""

    def __init__(self, seconds: float) -> None:
        self._left, self._n_running, self._lock = seconds, 0, threading.Lock()

    @contextmanager
    def share(self, n_workers: int) -> Iterator["Share"]:
        """Seconds for one unit of `n_workers` at most that run at once: what is left, divided among those not running.

        Zero if nothing is left. What the unit does not use goes back.
        """
        with self._lock:
            share = Share(max(self._left, 0.0) / (n_workers - self._n_running))
            self._left -= share.granted
            self._n_running += 1
        try:
            yield share
        finally:
            with self._lock:
                self._left += share.granted - share.used
                self._n_running -= 1


@dataclass
class Share:
    """What one unit may use, and what it has used."""

    granted: float
    used: float = 0.0
