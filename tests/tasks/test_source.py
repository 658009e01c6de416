import ast
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import tasks.source
from forecaster.config import MODELS
from forecaster.models.registry import MODEL_CLASSES, model_module
from tasks.source import FOLDER, IN_THE_KEY_ALREADY, library_versions, read_once, source_digest, source_digests

FIT = "forecaster.fitting"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package in which `top` imports `middle`, which imports `bottom`; `other` stands alone."""
    files = {
        "__init__": "",
        "config": "DEFAULT = 1",
        "top": "from forecaster import middle\nfrom forecaster.config import DEFAULT",
        "middle": "def late():\n    from forecaster.sub.bottom import answer\n    return answer",
        "relative": "from .sub import bottom\nfrom . import other",
        "other": "import os\nimport numpy",
        "sub/__init__": "",
        "sub/bottom": "answer = 42",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.py").parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(tasks.source, "FOLDER", tmp_path)
    return tmp_path


def edit(path: Path, text: str) -> None:
    """Write, and make sure that the clock shows it."""
    later = path.stat().st_mtime_ns + 1_000_000_000
    path.write_text(text)
    os.utime(path, ns=(later, later))


def test_the_closure_follows_imports_also_late_ones_and_the_packages_on_the_way(tree: Path):
    assert list(source_digests(("forecaster.top",))) == [
        "forecaster",
        "forecaster.middle",
        "forecaster.sub",
        "forecaster.sub.bottom",
        "forecaster.top",
    ]


def test_relative_imports_are_followed_too(tree: Path):
    assert {"forecaster.other", "forecaster.sub.bottom"} <= set(source_digests(("forecaster.relative",)))


@pytest.mark.parametrize("module", ["top", "middle", "sub/bottom", "sub/__init__", "__init__"])
def test_an_edit_changes_the_digest_of_whatever_imports_the_module(tree: Path, module: str):
    before, other = source_digest(("forecaster.top",)), source_digests(("forecaster.other",))
    path = tree / f"{module}.py"
    edit(path, path.read_text() + "\nnew = 1")
    assert source_digest(("forecaster.top",)) != before
    assert source_digests(("forecaster.other",))["forecaster.other"] == other["forecaster.other"]


def test_an_edit_elsewhere_changes_nothing(tree: Path):
    before = source_digest(("forecaster.top",))
    edit(tree / "other.py", "new = 1")
    assert source_digest(("forecaster.top",)) == before


def test_comments_and_layout_do_not_count(tree: Path):
    before = source_digest(("forecaster.top",))
    edit(tree / "sub" / "bottom.py", "# the answer\n\nanswer = (\n    42\n)\n")
    assert source_digest(("forecaster.top",)) == before


def test_a_new_default_does_not_count(tree: Path):
    before = source_digest(("forecaster.top",))
    edit(tree / "config.py", "DEFAULT = 2")
    assert source_digest(("forecaster.top",)) == before


def test_inside_one_night_the_code_counts_as_it_was_when_first_asked_for(tree: Path):
    with read_once():
        before = source_digest(("forecaster.top",))
        edit(tree / "top.py", "new = 1")
        assert source_digest(("forecaster.top",)) == before
    assert source_digest(("forecaster.top",)) != before


def test_a_module_that_does_not_exist_is_refused(tree: Path):
    with pytest.raises(ModuleNotFoundError, match=r"Received: forecaster\.tpo"):
        source_digest(("forecaster.tpo",))


@pytest.mark.parametrize("model", MODEL_CLASSES)
def test_a_fit_depends_on_its_own_model_and_no_other(model: str):
    closure = set(source_digests((FIT, model_module(model))))
    others = {model_module(name) for name in MODEL_CLASSES} - {model_module(model)}
    assert {FIT, model_module(model), "forecaster.preprocess", "forecaster.windows"} <= closure
    assert not closure & others


@pytest.mark.parametrize("model", MODELS)
def test_neither_settings_nor_pictures_nor_ensembles_decide_a_fit(model: str):
    closure = source_digests((FIT, model_module(model)))
    unrelated = ("config", "plots", "report", "judging", "ensemble", "evaluation", "metrics", "market", "features")
    assert not [name for name in closure if name.split(".")[1:2] and name.split(".")[1] in unrelated]


def test_no_step_but_a_picture_depends_on_pictures():
    for module in ("prepare", "select", "fitting", "judging"):
        assert not [name for name in source_digests((f"forecaster.{module}",)) if "plots" in name or "report" in name]


def test_judging_depends_on_no_single_model():
    assert not [name for name in source_digests(("forecaster.judging",)) if name.startswith("forecaster.models.")]


def test_every_module_of_the_package_is_known_by_the_name_it_is_imported_by():
    for path in FOLDER.rglob("*.py"):
        parts = path.relative_to(FOLDER.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        assert ast.parse(path.read_text(encoding="utf-8")) is not None
        if name not in IN_THE_KEY_ALREADY:
            assert name in source_digests((name,))


def test_a_digest_costs_no_heavy_import():
    code = (
        "import sys; from tasks.source import source_digest; from forecaster.models.registry import MODEL_CLASSES, "
        "model_module; source_digest(('forecaster.fitting', 'forecaster.judging', 'forecaster.plots.draw', "
        "*map(model_module, MODEL_CLASSES))); print([m for m in "
        "('tensorflow', 'keras', 'lightgbm', 'matplotlib', 'sklearn') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_versions_are_those_installed_and_none_is_said_of_what_is_not():
    import numpy

    assert library_versions(("numpy", "no-such-library")) == {"numpy": numpy.__version__, "no-such-library": "none"}


def test_many_threads_may_ask_at_once():
    tasks.source._parse.cache_clear()
    with ThreadPoolExecutor(16) as threads:
        digests = list(threads.map(lambda _: source_digest(("forecaster.plots.draw",)), range(64)))
    assert len(set(digests)) == 1


def test_reading_ahead_leaves_nothing_to_read(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks.source.read_ahead()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a module was parsed again")

    monkeypatch.setattr(tasks.source.ast, "parse", refuse)
    assert set(source_digests(("forecaster.top",))) == {
        *("forecaster", "forecaster.top", "forecaster.middle", "forecaster.sub", "forecaster.sub.bottom"),
    }
