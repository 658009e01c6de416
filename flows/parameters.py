"""`RunConfig` as the parameters of a flow: one definition behind Prefect's form, YAML files and the command line."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

from forecaster.config import RunConfig

R = TypeVar("R")


def takes_run_config(function: Callable[[RunConfig], R]) -> Callable[..., R]:
    """Give a function of a `RunConfig` the config's fields as flat keyword parameters, described for Prefect's form.

    Flat, because `prefect deployment run retrain/btc --param epochs=3` can set those and no nested ones.
    """
    return takes_some_of_run_config(*RunConfig.model_fields)(function)


def takes_some_of_run_config(*names: str) -> Callable[[Callable[[RunConfig], R]], Callable[..., R]]:
    """The same with these fields alone; the others keep their defaults."""
    return lambda function: _flattened(function, names)


def _flattened(function: Callable[[RunConfig], R], names: tuple[str, ...]) -> Callable[..., R]:

    @functools.wraps(function)
    def flat(**parameters: Any) -> R:
        return function(RunConfig(**parameters))

    signature = _signature(names)
    flat.__signature__ = signature  # type: ignore[attr-defined]
    flat.__doc__ = f"{inspect.getdoc(function)}\n\nArgs:\n{_descriptions(names)}"
    flat.__annotations__ = {name: p.annotation for name, p in signature.parameters.items()}
    del flat.__wrapped__  # Prefect would look at its parameters instead
    return flat


def _signature(names: Iterable[str]) -> inspect.Signature:
    return inspect.Signature(
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation,
            )
            for name, field in RunConfig.model_fields.items()
            if name in names
        ]
    )


def _descriptions(names: Iterable[str]) -> str:
    return "\n".join(f"    {name}: {RunConfig.model_fields[name].description}" for name in names)
