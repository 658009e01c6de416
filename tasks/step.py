"""One decorator for every cached step: key, retries, run name, and a record of what it did.

A step's key is the parameter values it reads, the digests of the artifacts it is given, the source of the library
modules it runs and the versions of the libraries it computes with: not the run, not the path, not the clock.
"""

import functools
import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from prefect import Task, task
from prefect.cache_policies import CachePolicy
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.tasks import exponential_backoff
from prefect.utilities.annotations import opaque
from pydantic import BaseModel

from forecaster.store import Artifact, write_json
from tasks.pool import WorkerDied
from tasks.runtime import Runtime, runtime
from tasks.source import library_versions, source_digest

P = ParamSpec("P")
R = TypeVar("R")
Names = tuple[str, ...]

TRANSIENT = (WorkerDied, ConnectionError, InterruptedError, BlockingIOError)
CIRCUMSTANCES = {"seconds", "device"}  # fields of results that say how they came about, not what they are
TRANSIENT_NAMES = {"ConnectionError", "ConnectError", "ConnectTimeout", "ReadTimeout"}  # of requests and httpx
TRANSIENT_TEXTS = ("database is locked", "timed out waiting for", "temporarily unavailable")


def is_transient(task: Task[Any, Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether a failure may pass by itself: a dead worker, a locked database, the network; never bad data or a bug."""
    error = state.result(raise_on_failure=False)
    if isinstance(error, TRANSIENT) or TRANSIENT_NAMES & {kind.__name__ for kind in type(error).__mro__}:
        return True
    return any(text in str(error).lower() for text in TRANSIENT_TEXTS)


BACK_OFF: dict[str, Any] = {  # of every task that may be retried
    "retry_delay_seconds": exponential_backoff(2),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": is_transient,
}


def step(
    name: str,
    modules: Names | Callable[[dict[str, Any]], Names],
    libraries: Names | Callable[[dict[str, Any]], Names] = (),
    retries: int = 2,
) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a cached task of a plain function.

    Args:
        name: run name, a format string over the parameters, such as `fit-{coin}-{spec.model}`.
        modules: `forecaster` modules that it runs, or a function that tells them from its parameters.
        libraries: distributions that its numbers depend on, or such a function.
        retries: how often a transient failure is tried again, with back-off and jitter.
    """
    key = StepKey(name=name, modules=modules, libraries=libraries)

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def timed(*args: P.args, **keywords: P.kwargs) -> R:
            with runtime().steps.timed(name.format(**signature.bind(*args, **keywords).arguments)):
                return function(*args, **keywords)

        made = task(
            name=function.__name__,
            task_run_name=name,
            cache_policy=key,
            persist_result=True,
            result_serializer="json",
            retries=retries,
            **BACK_OFF,
        )
        return made(timed)

    return decorate


def whole(value: R) -> R:
    """A large value as an argument that a task is handed unseen.

    Prefect would look at every text inside, twice a task, for results of other tasks. Where a run's graph should show
    what a value came from, name that in `wait_for`.
    """
    return cast(R, opaque(value))


@dataclass
class StepKey(CachePolicy):
    """Content of a step's inputs, code and libraries; on a miss it knows which of them changed since the last night."""

    name: str = ""
    modules: Names | Callable[[dict[str, Any]], Names] = ()
    libraries: Names | Callable[[dict[str, Any]], Names] = field(default=())

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str:
        """The key, after making sure that a record under it can still be used."""
        now, step_name = runtime(), self.name.format(**inputs)
        try:
            return self._key(now, step_name, task_ctx.task.name, inputs)
        except Exception as error:  # Prefect goes on without a cache: the report must say so
            now.steps.begin(step_name, "always", f"its key could not be computed: {type(error).__name__}: {error}")
            raise

    def _key(self, now: Runtime, step_name: str, task_name: str, inputs: dict[str, Any]) -> str:
        parts = self.parts(inputs)
        key = f"{task_name}-{digest_of(parts)}"
        damage = _drop_if_damaged(now, key)
        if (now.records / key).exists():
            now.steps.begin(step_name, "hit", "nothing it depends on changed")
        else:
            now.steps.begin(step_name, "miss", damage or what_changed(now, step_name, parts))
        remember(now, step_name, parts)
        return key

    def parts(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The key in readable parts: one per parameter, one for the code, one per library."""
        modules = self.modules(inputs) if callable(self.modules) else self.modules
        libraries = self.libraries(inputs) if callable(self.libraries) else self.libraries
        return {
            **{f"input {name}": content_of(value) for name, value in inputs.items()},
            f"source of {', '.join(modules)}": source_digest(modules),
            **{f"version of {name}": value for name, value in library_versions(libraries).items()},
        }


def content_of(value: Any) -> Any:
    """A parameter as plain JSON values; an artifact as its digest; a path as nothing: a moved folder still hits."""
    if isinstance(value, Artifact):
        return value.sha256
    if isinstance(value, BaseModel):
        names = [name for name in type(value).model_fields if name not in CIRCUMSTANCES]
        return {name: content_of(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {str(name): content_of(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [content_of(each) for each in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return None if isinstance(value, Path) else str(value)


def digest_of(value: Any) -> str:
    """Short digest of plain values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def _drop_if_damaged(now: Runtime, key: str) -> str | None:
    """Remove a record that is torn, or whose artifacts are gone or altered, so that the step runs again."""
    record = now.records / key
    if not record.exists():
        return None
    try:
        result = json.loads(json.loads(record.read_text(encoding="utf-8"))["result"])
        broken = [a.path for a in _artifacts_in_json(result) if not now.store.holds(a)]
    except (ValueError, KeyError, TypeError):
        broken = [f"cache record {key}"]
    if not broken:
        return None
    record.unlink(missing_ok=True)  # another run may mend it at the same time
    return f"its result is gone or altered: {', '.join(broken)}"


def _artifacts_in_json(value: Any) -> list[Artifact]:
    if isinstance(value, dict):
        if set(value) == {"path", "sha256"}:
            return [Artifact(**value)]
        value = list(value.values())
    return [a for each in value for a in _artifacts_in_json(each)] if isinstance(value, list) else []


def what_changed(now: Runtime, step_name: str, parts: dict[str, Any]) -> str:
    """Which parts of a step's key differ from those of its last run, in words."""
    before = _known_parts(now, step_name)
    if before is None:
        return "never ran before"
    old, new = flatten(before), flatten(parts)
    changed = [name for name, value in new.items() if old.get(name) != value]
    gone = sorted(set(old) - set(new))
    return "changed: " + ", ".join([*changed, *gone]) if changed or gone else "it has not finished before"


def flatten(parts: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one level with dotted names: a miss then names `input spec.training.epochs`."""
    flat: dict[str, Any] = {}
    for name, value in parts.items():
        flat |= flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def remember(now: Runtime, step_name: str, parts: dict[str, Any]) -> None:
    """Keep the readable parts of a step's key, for the next run to compare with."""
    if _known_parts(now, step_name) != parts:  # hundreds of steps do not change, and a write waits for the disk
        write_json(_last_key(now, step_name), parts)


def _known_parts(now: Runtime, step_name: str) -> dict[str, Any] | None:
    try:
        known: dict[str, Any] = json.loads(_last_key(now, step_name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return known


def _last_key(now: Runtime, step_name: str) -> Path:
    return now.artifacts_dir / "cache" / "last" / now.scope / f"{step_name}.json"
