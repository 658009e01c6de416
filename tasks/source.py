"""A digest of the library code that a step runs, so that editing one model refits that model and no other."""

import ast
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import resolve_name
from pathlib import Path
from types import MappingProxyType

import forecaster

PACKAGE = "forecaster"
FOLDER = Path(forecaster.__file__).parent
_known: ContextVar[dict[tuple[str, ...], str] | None] = ContextVar("known", default=None)
_parser = threading.Lock()  # CPython 3.11 raises a SystemError now and then when several threads parse at once
# Its values are in the key; a new default must not refit what it does not change.
IN_THE_KEY_ALREADY = frozenset({"forecaster.config", "forecaster.settings"})


@contextmanager
def read_once() -> Iterator[None]:
    """Inside, code counts as it was when first asked for: hundreds of steps would look at the same files each."""
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


def source_digest(modules: tuple[str, ...]) -> str:
    """One digest over `modules` and all they import from the package, comments and layout left out."""
    known = _known.get()
    if known is None:
        return _digest(modules)
    if modules not in known:
        known[modules] = _digest(modules)
    return known[modules]


def _digest(modules: tuple[str, ...]) -> str:
    digests = source_digests(modules)
    return hashlib.sha256("".join(f"{name} {digest}\n" for name, digest in digests.items()).encode()).hexdigest()


def source_digests(modules: tuple[str, ...]) -> MappingProxyType[str, str]:
    """Digest of each module's syntax tree, for `modules` and their transitive imports inside the package."""
    seen: dict[str, str] = {}
    todo = list(modules)
    while todo:
        name = todo.pop()
        if name in seen or name in IN_THE_KEY_ALREADY:
            continue
        path = _path(name)
        seen[name], imported = _read(name, path, path.stat().st_mtime_ns)
        todo += [*imported, *_parents(name)]
    return MappingProxyType(dict(sorted(seen.items())))


def read_ahead() -> None:
    """Digest the whole package, so that no step waits for another that reads the same modules."""
    for path in FOLDER.rglob("*.py"):
        name = ".".join((PACKAGE, *path.relative_to(FOLDER).with_suffix("").parts)).removesuffix(".__init__")
        _read(name, path, path.stat().st_mtime_ns)


@cache
def library_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Installed versions of the libraries that a step computes with."""
    return {name: _version(name) for name in names}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _path(module: str) -> Path:
    path = _find(module)
    if path is None:
        raise ModuleNotFoundError(f"A step names a module that does not exist. Received: {module}")
    return path


def _find(module: str) -> Path | None:
    """The file of a module of the package, found without importing anything: TensorFlow would take 9 s and 0.8 GB."""
    base = FOLDER.joinpath(*module.split(".")[1:])
    return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()), None)


def _parents(module: str) -> list[str]:
    """Packages whose `__init__` runs when `module` is imported."""
    parts = module.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts))]


def _read(module: str, path: Path, mtime_ns: int) -> tuple[str, tuple[str, ...]]:
    """Digest of one file and what it imports; `mtime_ns` makes an edited file another one."""
    with _parser:
        return _parse(module, path, mtime_ns)


@cache
def _parse(module: str, path: Path, mtime_ns: int) -> tuple[str, tuple[str, ...]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    digest = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return digest, tuple(sorted(_imports(tree, package)))


def _imports(tree: ast.AST, package: str) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = resolve_name("." * node.level + (node.module or ""), package)
            names |= {origin, *(f"{origin}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.split(".")[0] == PACKAGE and _find(name)}
