"""The command line that stands for a `RunConfig`."""

from datetime import date
from typing import Any

from forecaster.config import RunConfig

ELSEWHERE = ("data_dir", "as_of", "output_dir", "artifacts_dir", "tracking_uri", "jobs", "crypto", "promote")
NAMES_A_FOLDER = "bars"  # a report is read on other machines: it names no path of this one


def command_of(config: RunConfig, coin: str, as_of: date) -> str:
    """What to type for the same figures of one coin on the same days; the folder of bars is called `bars`.

    Flags that say where things go and how many workers there are change no figure, and are left out.
    """
    places = [] if config.data_dir is None else ["--data-dir", NAMES_A_FOLDER]
    until = [] if config.data_dir is None and config.as_of is None else ["--as-of", str(as_of)]
    changed = [
        word
        for name, field in RunConfig.model_fields.items()
        if name not in ELSEWHERE and (value := getattr(config, name)) != field.default
        for word in _words(name, value)
    ]
    return " ".join(["retrain", "--crypto", coin, *places, *until, *changed])


def _words(name: str, value: Any) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    if value is True:
        return [flag]
    if isinstance(value, tuple):
        return [flag, ",".join(map(str, value))]
    return [flag, str(value)]
