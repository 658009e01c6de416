import json
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from forecaster.fitting import FitResult
from forecaster.judging import Judged, Stacked
from forecaster.saving import Saved, save_run, verify
from forecaster.select import Selected
from forecaster.store import Artifact, ArtifactError, Store, sha256_of


class Night:
    """Two models, one of them served, and an ensemble, all made of text."""

    def __init__(self, root: Path) -> None:
        self.root, self.store = root, Store(root)
        self.ridge, self.lightgbm = self.fitted("ridge", "judged"), self.fitted("lightgbm", "judged")
        self.serving = self.fitted("lightgbm", "serving")
        self.stacked = Stacked(folder=self.folder("ensemble"))
        self.selected = Selected(columns=("rsi_14",), selection=self.store.put_json({"columns": ["rsi_14"]}))
        frame = self.store.put_frame(pd.DataFrame({"rmse": [0.5]}))
        self.scores = Judged(
            forecasts=frame, scores=frame, nested=frame, ensemble=self.store.put_json({"method": "convex"})
        )

    def folder(self, text: str) -> Artifact:
        def write(folder: Path) -> None:
            folder.mkdir()
            (folder / "weights.txt").write_text(text)

        return self.store.put(write)

    def fitted(self, model: str, fold: str) -> FitResult:
        return FitResult.model_construct(model=model, fold=fold, folder=self.folder(f"{model} {fold}"))

    def save(self, run: str = "night-1", scope: str = "simulated", stacked: bool = True) -> Saved:
        return save_run(
            self.root,
            "BTC",
            run,
            scope,
            date(2025, 12, 31),
            [self.ridge, self.lightgbm],
            {"lightgbm": self.serving},
            self.stacked if stacked else None,
            self.selected,
            self.scores if stacked else self.scores.model_copy(update={"ensemble": None}),
        )

    def pointer(self, scope: str = "simulated") -> dict[str, str]:
        return json.loads((self.root / "BTC" / f"latest-{scope}.json").read_text())


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Night(tmp_path)


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_run_leaves_a_folder_per_model_with_the_serving_refit_inside(night: Night):
    folder = night.root / night.save().folder
    assert files_below(folder) == [
        "advanced_ensemble/summary.json",
        "advanced_ensemble/weights.txt",
        "forecasts.parquet",
        "lightgbm/serving/weights.txt",
        "lightgbm/weights.txt",
        "manifest.json",
        "ridge/weights.txt",
        "scores.parquet",
        "selection.json",
    ]
    assert (folder / "lightgbm" / "weights.txt").read_text() == "lightgbm judged"
    assert (folder / "lightgbm" / "serving" / "weights.txt").read_text() == "lightgbm serving"


def test_a_run_without_an_ensemble_has_no_folder_for_it(night: Night):
    assert not (night.root / night.save(stacked=False).folder / "advanced_ensemble").exists()


def test_the_manifest_holds_the_digest_of_every_other_file(night: Night):
    folder = night.root / night.save().folder
    manifest = json.loads((folder / "manifest.json").read_text())
    assert sorted([*manifest["sha256"], "manifest.json"]) == files_below(folder)
    assert manifest["sha256"]["ridge/weights.txt"] == sha256_of(folder / "ridge" / "weights.txt")
    assert (manifest["coin"], manifest["run"], manifest["as_of"]) == ("BTC", "night-1", "2025-12-31")


@pytest.mark.parametrize("harm", ["altered", "lost"])
def test_verifying_names_the_file_that_was(night: Night, harm: str):
    folder = night.root / night.save().folder
    verify(folder)
    damaged = folder / "lightgbm" / "serving" / "weights.txt"
    damaged.write_text("x") if harm == "altered" else damaged.unlink()
    with pytest.raises(ValueError, match=r"Received: lightgbm/serving/weights\.txt"):
        verify(folder)


def test_the_pointer_names_the_newest_run_and_its_manifest(night: Night):
    night.save("night-1")
    saved = night.save("night-2")
    assert night.pointer() == {
        "run": "night-2",
        "folder": "BTC/night-2",
        "as_of": "2025-12-31",
        "manifest_sha256": saved.manifest_sha256,
    }
    assert sha256_of(night.root / "BTC" / "night-2" / "manifest.json") == saved.manifest_sha256


def test_every_data_source_has_a_pointer_of_its_own(night: Night):
    night.save("real", scope="folder")
    night.save("toy", scope="simulated")
    assert (night.pointer("folder")["run"], night.pointer("simulated")["run"]) == ("real", "toy")


@pytest.mark.parametrize("broken", ["ridge", "serving", "stacked"])
def test_a_save_that_fails_moves_no_pointer_and_leaves_no_folder(night: Night, broken: str):
    night.save("night-1")
    (night.store.path(getattr(night, broken).folder) / "weights.txt").write_text("altered")
    with pytest.raises(ArtifactError):
        night.save("night-2")
    assert night.pointer()["run"] == "night-1"
    assert sorted(path.name for path in (night.root / "BTC").iterdir()) == ["latest-simulated.json", "night-1"]
    verify(night.root / "BTC" / "night-1")


def test_a_copy_that_is_not_what_was_stored_moves_no_pointer(night: Night, monkeypatch: pytest.MonkeyPatch):
    night.save("night-1")

    def disagree(folder: Path) -> None:
        raise ValueError(f"{folder} is not what was saved.")

    monkeypatch.setattr("forecaster.saving.verify", disagree)
    with pytest.raises(ValueError, match="not what was saved"):
        night.save("night-2")
    assert night.pointer()["run"] == "night-1"
