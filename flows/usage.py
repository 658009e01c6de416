"""What was typed, as a `RunConfig`; what is wrong with it, in one line. Imports nothing that takes time."""

from collections.abc import Callable
from typing import Any

import click
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from forecaster.config import RunConfig

LISTS: dict[str, Callable[[str], str]] = {"crypto": str.upper, "tune_models": str.lower}
SECTIONS = {  # of the help; what is in none of them comes last
    "Data": ("crypto", "data_dir", "as_of", "signal", "seq_length", "max_features"),
    "Models": (
        *(
            "recipe",
            "epochs",
            "batch_size",
            "folds",
            "no_dlinear",
            "no_tcn",
            "no_lstm",
            "no_transformer",
            "no_lightgbm",
        ),
        "no_ensemble",
    ),
    "Tuning": ("tune", "tune_trials", "tune_timeout", "tune_models"),
    "Walk-forward": ("walk_forward", "wf_splits", "wf_min_train", "wf_rolling"),
    "Uncertainty": ("no_uncertainty", "mc_samples"),
    "Promotion": ("promote",),
}
FORECAST_FLAGS = ("crypto", "data_dir", "as_of", "signal", "output_dir", "artifacts_dir", "seed", "jobs")
THREE_VALUED = frozenset(name for name, f in RunConfig.model_fields.items() if f.annotation == bool | None)
NEARER_WORDS = {  # pydantic's are about Python's types, and these are typed in a shell
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "too_short": "at least one name",
    "bool_parsing": "no value",
}
DATE = "a day as YYYY-MM-DD"


class BadUsage(click.ClickException):
    """One line on stderr, exit code 2."""

    exit_code = 2


class OneLineErrors(click.Group):
    """A command that complains in one line, and whose help shows its options in sections."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse; click's three lines of complaint become one."""
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            raise _in_one_line(error) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run, subcommands too; click's three lines of complaint become one."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _in_one_line(error) from None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Options in sections, then the subcommands."""
        records = {p.name: p.get_help_record(ctx) for p in self.get_params(ctx)}
        rest = [name for name in records if not any(name in names for names in SECTIONS.values())]
        for title, names in {**SECTIONS, "Where, and other": rest}.items():
            with formatter.section(title):
                formatter.write_dl([record for name in names if (record := records[name]) is not None])
        self.format_commands(ctx, formatter)


def _in_one_line(error: click.UsageError) -> BadUsage:
    return BadUsage(f"{' '.join(error.format_message().split())} `retrain --help` shows what there is.")


def flag_of(name: str) -> str:
    """`--tune-trials` of `tune_trials`."""
    return f"--{name.replace('_', '-')}"


def flags(function: Callable[..., None]) -> Callable[..., None]:
    """One flag per field of `RunConfig`, with its description and default."""
    return some_flags(*RunConfig.model_fields)(function)


def some_flags(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The flags of these fields of `RunConfig` alone."""
    return lambda function: _with_flags(function, names)


def _with_flags(function: Callable[..., None], names: tuple[str, ...]) -> Callable[..., None]:
    for name in reversed(names):
        field = RunConfig.model_fields[name]
        is_switch = field.annotation is bool or name in THREE_VALUED
        click.option(
            _declared(name),
            name,
            is_flag=is_switch,
            default=None,
            metavar=None if is_switch else _metavar(field.annotation),
            help=_help(field.description or "", field.default),
        )(function)
    return function


def _declared(name: str) -> str:
    """`--tune`, or `--promote/--no-promote` where saying neither is a third answer."""
    return f"{flag_of(name)}/{flag_of(f'no_{name}')}" if name in THREE_VALUED else flag_of(name)


def _metavar(annotation: Any) -> str:
    text = str(annotation)
    for word, metavar in (("tuple", "LIST"), ("date", "DATE"), ("Path", "PATH"), ("int", "N"), ("float", "X")):
        if word in text:
            return metavar
    return "TEXT"


def _help(description: str, default: Any) -> str:
    if default is None or default is False:
        return description
    return f"{description} [default: {_typed(default)}]"


def _typed(value: Any) -> str:
    """A value as one would type it."""
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def parse(given: dict[str, Any]) -> RunConfig:
    """Validated settings.

    Raises:
        BadUsage: naming the flag, what was expected, what was received, what to do.
    """
    values = {
        name: value
        for name, value in given.items()
        if value is not None and (value is not False or name in THREE_VALUED)
    }
    for name, change in LISTS.items():
        if name in values:
            values[name] = [change(each.strip()) for each in values[name].split(",") if each.strip()]
    _require_day(values.get("as_of"))
    try:
        config = RunConfig(**values)
    except ValidationError as error:
        raise BadUsage(_complaint(error.errors()[0])) from None
    if config.data_dir is not None and not config.data_dir.is_dir():
        raise BadUsage(
            f"--data-dir: expected an existing folder of daily bars. Received: {config.data_dir}. "
            "Name the folder that holds {COIN}.parquet or {COIN}.csv files."
        )
    return config


def _require_day(text: str | None) -> None:
    """Refuse plain numbers: pydantic would take `20251231` for seconds since 1970."""
    if text is not None and text.strip().lstrip("+-").isdigit():
        raise BadUsage(f"--as-of: expected {DATE}. Received: {text}. Write it with hyphens, or leave the flag out.")


def _complaint(error: ErrorDetails) -> str:
    if not error["loc"]:
        return " ".join(error["msg"].removeprefix("Value error, ").split())
    name = str(error["loc"][0])
    expected = DATE if error["type"].startswith("date") else NEARER_WORDS.get(error["type"])
    if expected is None:
        expected = error["msg"].removeprefix("Input should be ")
        expected = f"a number {expected}" if expected.startswith(("greater", "less")) else expected
    received = _typed(error["input"]) or "nothing"
    return f"{flag_of(name)}: expected {expected}. Received: {received}. {_remedy(name)}"


def _remedy(name: str) -> str:
    field = RunConfig.model_fields.get(name)
    if field is None or field.default is None:
        return "`retrain --help` describes it."
    return f"Leave the flag out for the default, {_typed(field.default)}, or see `retrain --help`."
