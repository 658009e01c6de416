"""A digest of the library code that a step runs, so that editing one model refits that model and no other."""

import ast
import hashlib
import importlib.util
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType

PACKAGE = "forecaster"
IN_THE_KEY_ALREADY = frozenset({"forecaster.config"})  # its values are; a new default must not refit what it does not change


def source_digest(modules: tuple[str, ...]) -> str:
    """One digest over `modules` and all they import from the package, comments and layout left out."""
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
        seen[name], imported = _read(path, path.stat().st_mtime_ns)
        todo += [*imported, *_parents(name)]
    return MappingProxyType(dict(sorted(seen.items())))


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
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"A step names a module that does not exist. Received: {module}")
    return Path(spec.origin)


def _parents(module: str) -> list[str]:
    """Packages whose `__init__` runs when `module` is imported."""
    parts = module.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts))]


@cache
def _read(path: Path, mtime_ns: int) -> tuple[str, tuple[str, ...]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    digest = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    return digest, tuple(sorted(_imports(tree)))


def _imports(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.split(".")[0] == PACKAGE and _is_module(name)}


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # `forecaster.config.Coin`: a name inside a module
        return False
