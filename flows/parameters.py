"""`RunConfig` as the parameters of a flow: one definition behind Prefect's form, YAML files and the command line."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from forecaster.config import RunConfig

R = TypeVar("R")


def takes_run_config(function: Callable[[RunConfig], R]) -> Callable[..., R]:
    """Give a function of a `RunConfig` the config's fields as flat keyword parameters, described for Prefect's form.

    Flat, because `prefect deployment run retrain/btc --param epochs=3` can set those and no nested ones.
    """

    @functools.wraps(function)
    def flat(**parameters: Any) -> R:
        return function(RunConfig(**parameters))

    flat.__signature__ = _signature()  # type: ignore[attr-defined]
    flat.__doc__ = f"{inspect.getdoc(function)}\n\nArgs:\n{_descriptions()}"
    flat.__annotations__ = {name: p.annotation for name, p in _signature().parameters.items()}
    del flat.__wrapped__  # Prefect would look at its parameters instead
    return flat


def _signature() -> inspect.Signature:
    return inspect.Signature(
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation,
            )
            for name, field in RunConfig.model_fields.items()
        ]
    )


def _descriptions() -> str:
    return "\n".join(f"    {name}: {field.description}" for name, field in RunConfig.model_fields.items())
