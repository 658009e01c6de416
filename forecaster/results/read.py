"""Reports from files and folders."""

from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from forecaster.report import TrainingReport

NAME = "training_report.json"


def read_reports(paths: Iterable[Path], simulated: bool = False) -> list[TrainingReport]:
    """Every report that `paths` name: files, run folders, or folders of run folders.

    A page shows either real or simulated markets, never both: from folders only the wanted kind is taken.

    Raises:
        ValueError: if a path holds no report, a file is none, or none is of the wanted kind.
    """
    wanted = [report for path in paths for report in _read(path, simulated)]
    if wanted:
        return wanted
    kind, other = ("simulated", "real") if simulated else ("real", "simulated")
    remedy = "Leave --simulated out." if simulated else "Retrain with --data-dir, or add --simulated to show those."
    raise ValueError(f"Expected at least one report on {kind} bars. Received: {other} ones only. {remedy}")


def read_pages(files: Iterable[Path]) -> list[str]:
    """Markdown to stand at the end of the page as it is; what starts without a heading is headed by its file's name.

    Raises:
        ValueError: if a file cannot be read, is no text, or has nothing in it.
    """
    return [_page(file) for file in files]


def _page(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _no_page(file, getattr(error, "strerror", None) or "no text in UTF-8") from None
    if not text:
        raise _no_page(file, "an empty file")
    return text if text.startswith("#") else f"## {file.stem}\n\n{text}"


def _no_page(file: Path, received: str) -> ValueError:
    return ValueError(
        f"--with: expected a page in markdown. Received: {file}, {received}. Name a file that holds what a benchmark "
        "printed, or leave the flag out."
    )


def _read(path: Path, simulated: bool) -> list[TrainingReport]:
    if path.is_dir():
        return [report for file in _files(path) if (report := _report(file)).data.simulated is simulated]
    report = _report(path)
    if report.data.simulated is not simulated:
        kind = "simulated" if report.data.simulated else "real"
        remedy = "Leave --simulated out." if simulated else "Add --simulated to show such runs, and those alone."
        raise ValueError(f"{path}: a report on {kind} bars cannot stand on this page. {remedy}")
    return [report]


def _files(folder: Path) -> list[Path]:
    files = sorted([*folder.glob(NAME), *folder.glob(f"*/{NAME}")])
    if not files:
        raise ValueError(f"{folder}: expected a folder with {NAME} files. Received: none in it. Retrain first.")
    return files


def _report(file: Path) -> TrainingReport:
    try:
        return TrainingReport.model_validate_json(file.read_bytes())
    except OSError as error:
        raise ValueError(
            f"{file}: expected a report or a folder of reports. Received: {error.strerror}. Name {NAME} files of "
            "earlier runs, or the folder they are in."
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ValueError(
            f"{file}: expected a training report. Received: at {where}, {first['msg'].lower()}. Name {NAME} files "
            "that `retrain` wrote."
        ) from None
