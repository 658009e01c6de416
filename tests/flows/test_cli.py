import ast
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from flows import cli
from flows.usage import SECTIONS
from forecaster.command import command_of
from forecaster.config import RunConfig

FIELDS = RunConfig.model_fields
HEAVY = ("tensorflow", "keras", "lightgbm", "mlflow", "matplotlib")


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[RunConfig]:
    """What would have been run."""
    configs: list[RunConfig] = []
    monkeypatch.setattr(cli, "_run", lambda config, own: configs.append(config) or 0)
    monkeypatch.setattr(cli, "_boot_server", lambda: None)
    return configs


@pytest.fixture
def call(ran: list[RunConfig]) -> Callable[..., Result]:
    return lambda *args: CliRunner().invoke(cli.retrain, [str(arg) for arg in args], prog_name="retrain")


def flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def test_without_flags_the_defaults_serve(call, ran):
    assert call().exit_code == 0
    assert ran == [RunConfig()]


EXAMPLES = {
    "crypto": ("btc, ETH", ("BTC", "ETH")),
    "epochs": ("3", 3),
    "batch_size": ("16", 16),
    "seq_length": ("30", 30),
    "max_features": ("40", 40),
    "folds": ("3", 3),
    "as_of": ("2025-06-30", date(2025, 6, 30)),
    "signal": ("0.1", 0.1),
    "tune_trials": ("5", 5),
    "tune_timeout": ("60", 60),
    "tune_models": ("TCN, lstm", ("tcn", "lstm")),
    "wf_splits": ("3", 3),
    "wf_min_train": ("500", 500),
    "mc_samples": ("20", 20),
    "output_dir": ("out", Path("out")),
    "artifacts_dir": ("kept", Path("kept")),
    "tracking_uri": ("http://localhost:5000", "http://localhost:5000"),
    "seed": ("7", 7),
    "jobs": ("1", 1),
    "recipe": ("specified", "specified"),
}


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_is_a_flag(name: str, call, ran, tmp_path: Path):
    if FIELDS[name].annotation in (bool, bool | None):
        text, value = (), True
    elif name == "data_dir":
        text, value = (tmp_path,), tmp_path
    else:
        text, value = (EXAMPLES[name][0],), EXAMPLES[name][1]
    result = call(flag(name), *text)
    assert result.exit_code == 0, result.output
    assert ran == [RunConfig(**{name: value})]


def test_promotion_can_be_asked_for_refused_or_left_open(call, ran):
    for args in (("--promote",), ("--no-promote",), ()):
        assert call(*args).exit_code == 0
    assert [config.promote for config in ran] == [True, False, None]


@pytest.mark.parametrize("name", FIELDS)
def test_help_describes_every_flag_and_its_default(name: str, call):
    words = " ".join(call("--help").output.split())
    field = FIELDS[name]
    assert f" {flag(name)} " in words
    default = ",".join(field.default) if isinstance(field.default, tuple) else field.default
    shown = "" if field.default in (None, False) else f" [default: {default}]"
    assert f"{field.description}{shown}" in words


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (("--epochs", "none"), "--epochs: expected a whole number. Received: none. Leave the flag out for"),
        (("--epochs", "0"), "--epochs: expected a number greater than or equal to 1. Received: 0."),
        (("--signal", "much"), "--signal: expected a number. Received: much."),
        (("--tune-models", "lstm,prophet"), "--tune-models: expected 'dlinear', 'tcn'"),
        (("--tune-timeout", "0"), "--tune-timeout"),
        (("--wf-splits", "0"), "--wf-splits"),
        (("--mc-samples", "1"), "--mc-samples"),
        (("--epoch-s", "3"), "--epoch-s"),
        (("--crypto", "BTC,SHIB"), "--crypto"),
        (("--crypto", ""), "--crypto: expected at least one name. Received: nothing."),
        (("--crypto",), "--crypto"),
        (("--crypto", "BTC,BTC"), "crypto=BTC,BTC"),
        (("--as-of", "yesterday"), "--as-of: expected a day as YYYY-MM-DD. Received: yesterday."),
        (("--as-of", "20251231"), "--as-of: expected a day as YYYY-MM-DD. Received: 20251231."),
        (("--as-of", "1735603200"), "--as-of: expected a day as YYYY-MM-DD. Received: 1735603200."),  # not seconds
        (("--as-of", "2000-01-01"), "--as-of: expected a day on which BTC has bars"),
        (("--seq-length", "9000"), "--seq-length"),
        (("--folds", "4000"), "--folds"),
        (("--walk-forward", "--wf-splits", "500"), "--wf-splits"),
        (("--signal", "1"), "--signal"),
        (("--data-dir", "/no/such/folder"), "--data-dir"),
        (("--no-dlinear", "--no-tcn", "--no-lstm", "--no-transformer", "--no-lightgbm"), "every model skipped"),
        (("--no-dlinear=yes",), "--no-dlinear"),
        (("extra",), "extra"),
        (("--epochs", "3", "results"), "`results`"),
        (("results", "--from", "x"), "--from"),
        (("results", "no/such/folder"), "no/such/folder"),
        (("results", "--with", "no/such/page.md"), "--with: expected a page in markdown. Received: no/such/page.md"),
    ],
)
def test_bad_usage_ends_with_two_and_one_line_that_names_the_flag(args, named: str, call, ran):
    result = call(*args)
    assert result.exit_code == 2
    assert ran == []
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert named in line


def test_help_shows_settings_in_sections_and_the_commands(call):
    text = call("--help").output
    titles = ("Data:", "Models:", "Tuning:", "Walk-forward:", "Uncertainty:", "Where, and other:", "Commands:")
    places = [text.index(f"\n{title}\n") for title in titles]
    assert places == sorted(places)
    assert places[2] < text.index("--tune-trials N") < places[3]
    assert "\n  results " in text


def test_every_setting_of_a_section_exists():
    named = [name for names in SECTIONS.values() for name in names]
    assert set(named) <= set(FIELDS)
    assert len(named) == len(set(named))


@pytest.mark.parametrize(
    "args",
    [
        ("--crypto", "ETH"),
        ("--crypto", "BTC", "--epochs", "3", "--no-ensemble", "--no-tcn", "--signal", "0.2", "--as-of", "2025-01-31"),
        ("--crypto", "LTC", "--tune", "--tune-models", "tcn,lstm", "--walk-forward", "--wf-rolling", "--seed", "7"),
    ],
)
def test_a_command_put_together_from_settings_gives_the_same_settings(args, call, ran):
    call(*args)
    (config,) = ran
    command = command_of(config, config.crypto[0], date(2025, 1, 31))
    assert command.split()[0] == "retrain"
    call(*command.split()[1:])
    assert ran[1] == config


def test_a_command_names_no_folder_of_this_machine_and_the_day_that_the_run_saw(tmp_path: Path):
    config = RunConfig(crypto=("BTC", "ETH"), data_dir=tmp_path, artifacts_dir=tmp_path, jobs=3)
    assert command_of(config, "ETH", date(2025, 1, 31)) == "retrain --crypto ETH --data-dir bars --as-of 2025-01-31"


def test_results_writes_the_page_and_says_from_what(call, ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from forecaster import results

    asked = []
    monkeypatch.setattr(results, "read_reports", lambda paths, simulated: asked.append((paths, simulated)) or [])
    monkeypatch.setattr(results, "results_page", lambda reports: "# Results\n")
    result = call("results", "one", "two", "--simulated", "--to", tmp_path / "page.md")
    assert (result.exit_code, ran) == (0, [])
    assert asked == [((Path("one"), Path("two")), True)]
    assert (tmp_path / "page.md").read_text() == "# Results\n"
    assert "page.md: made from 0 report(s)" in result.output


def test_further_pages_stand_at_the_end_of_the_results(call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from forecaster import results

    monkeypatch.setattr(results, "read_reports", lambda paths, simulated: [])
    monkeypatch.setattr(results, "results_page", lambda reports: "# Results\n")
    for name in ("b", "a"):
        (tmp_path / f"{name}.md").write_text(f"## {name}\n")
    page = tmp_path / "page.md"
    result = call("results", "--to", page, "--with", tmp_path / "b.md", "--with", tmp_path / "a.md")
    assert result.exit_code == 0, result.output
    assert page.read_text() == "# Results\n\n## b\n\n## a\n"


def test_a_page_that_cannot_be_written_is_bad_usage(call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from forecaster import results

    monkeypatch.setattr(results, "read_reports", lambda paths, simulated: [])
    monkeypatch.setattr(results, "results_page", lambda reports: "")
    result = call("results", "--to", tmp_path / "no" / "page.md")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: --to: expected a file that can be written.")


class Ended:
    """What the CLI asks of a final state."""

    def __init__(self, how: str) -> None:
        self.how = how

    def is_completed(self) -> bool:
        return self.how == "completed"

    def is_cancelled(self) -> bool:
        return self.how == "cancelled"


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Any], Any]], None]:
    """Put a function in the place of the flow, and no server anywhere."""
    monkeypatch.setattr(cli.signal, "signal", lambda *_: None)
    monkeypatch.setattr(cli, "_boot_server", lambda: None)
    monkeypatch.setattr(cli, "_start_server", lambda own: False)
    return lambda watch: monkeypatch.setattr(cli, "_watch", watch)


@pytest.mark.parametrize(("how", "code"), [("completed", 0), ("failed", 1), ("cancelled", 130)])
def test_the_exit_code_says_how_the_night_ended(how: str, code: int, watched: Any) -> None:
    watched(lambda config: Ended(how))
    assert CliRunner().invoke(cli.retrain, []).exit_code == code


def test_an_interrupt_anywhere_ends_with_130(watched: Any) -> None:
    def interrupted(config: Any) -> Any:
        raise KeyboardInterrupt

    watched(interrupted)
    ended = CliRunner().invoke(cli.retrain, [])
    assert ended.exit_code == 130
    assert "Finished fits are kept" in ended.output


@pytest.fixture
def _signals() -> Iterator[None]:
    """Both ways to end a run as they were, after the test."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("_signals")
def test_a_run_in_a_script_s_background_where_ctrl_c_is_ignored_can_still_be_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ended_meanwhile(own: None) -> bool:
        os.kill(os.getpid(), signal.SIGTERM)
        return False

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    monkeypatch.setattr(cli, "_start_server", ended_meanwhile)
    assert cli._run(RunConfig(), None) == 130


def test_a_server_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx
    import prefect

    class Deaf:
        def __enter__(self) -> None:
            raise httpx.ConnectError("refused")

        def __exit__(self, *exc: object) -> None: ...

    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    monkeypatch.setattr(prefect, "get_client", lambda sync_client: Deaf())
    with pytest.raises(click.ClickException, match=r"127\.0\.0\.1:1/api.*refused.*make server"):
        cli._start_server(cli._boot_server())


def test_a_server_that_boots_is_ended_where_a_profile_names_another(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    class Unwanted:
        def stop(self) -> None:
            ended.append(True)

    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr(cli, "_prepare_environment", lambda: None)
    monkeypatch.setattr(cli, "is_configured", lambda: True)
    monkeypatch.setattr(cli, "OwnServer", Unwanted)
    monkeypatch.setattr(cli, "_greet_configured_server", lambda: None)
    monkeypatch.setattr(cli, "_import_night", lambda: None)
    assert not cli._start_server(cli._boot_server())
    assert ended == [True]


def test_an_own_server_that_ends_early_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stillborn:
        def serve(self) -> None: ...

        def wait(self, seconds: float) -> None:
            raise RuntimeError("it ended with exit code 3")

    monkeypatch.setenv(cli.PATIENCE, "1")
    monkeypatch.setattr(cli, "is_configured", lambda: False)
    monkeypatch.setattr(cli, "_import_night", lambda: None)
    with pytest.raises(click.ClickException, match=r"for this run alone.*exit code 3.*PREFECT_API_URL"):
        cli._start_server(Stillborn())


def test_while_the_server_boots_what_the_night_needs_is_imported() -> None:
    code = """
import sys
from flows import cli
class Booting:
    def __init__(self):
        assert "prefect" not in sys.modules
    def serve(self):
        assert "flows.retrain" not in sys.modules
    def wait(self, seconds):
        assert "flows.retrain" in sys.modules
cli.is_configured, cli.OwnServer = lambda: False, Booting
assert cli._start_server(cli._boot_server())
"""
    assert imported_by(code, ("prefect.server.api.server", *HEAVY)) == []


def test_what_the_user_has_set_wins_over_our_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "DEBUG")
    monkeypatch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "true")
    monkeypatch.setenv("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "5")
    cli._prepare_environment()
    assert os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] == "DEBUG"
    assert os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] == "5"


def imported_by(code: str, suspects: tuple[str, ...]) -> list[str]:
    """Which of `suspects` a fresh interpreter has imported after `code`."""
    check = f"{code}\nimport sys\nprint('IMPORTED', [m for m in {suspects!r} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    return ast.literal_eval(said.stdout.rpartition("IMPORTED")[2].strip())


def test_help_imports_nothing_that_takes_time():
    ask = (
        "import flows.cli\ntry:\n    flows.cli.retrain(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0"
    )
    assert imported_by(ask, ("prefect", "numpy", "pandas", "sklearn", "scipy", *HEAVY)) == []


def test_bad_usage_is_told_before_anything_that_takes_time_is_imported():
    ask = (
        "import flows.cli\ntry:\n    flows.cli.retrain(['--epochs', '0'])\n"
        "except SystemExit as end:\n    assert end.code == 2"
    )
    assert imported_by(ask, ("prefect", "numpy", "pandas", "sklearn", "scipy", *HEAVY)) == []


def test_the_page_of_results_needs_neither_prefect_nor_what_models_are_made_of():
    assert imported_by("import forecaster.results", ("prefect", *HEAVY)) == []


def test_a_night_is_checked_without_prefect():
    assert imported_by("import flows.preflight", ("prefect", *HEAVY)) == []


def test_the_flow_imports_nothing_that_a_cached_night_does_not_use():
    assert imported_by("import flows.retrain", HEAVY) == []
