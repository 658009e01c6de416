import os
from pathlib import Path

import pandas as pd
import pytest

from forecaster.store import Artifact, ArtifactError, Store, sha256_of, write_json, write_text, write_whole


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def two_files(folder: Path) -> None:
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "deep" / "b.txt").write_text("b")


def half_then_fail(path: Path) -> None:
    path.write_text("half")
    raise KeyboardInterrupt


def half_a_folder_then_fail(path: Path) -> None:
    two_files(path)
    raise RuntimeError("disk full")


def test_an_interrupted_first_write_leaves_nothing(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "model.txt", half_then_fail)
    assert os.listdir(tmp_path) == []


def test_an_interrupted_write_keeps_the_old_file(tmp_path: Path):
    write_text(tmp_path / "pointer.json", "old")
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "pointer.json", half_then_fail)
    assert files_below(tmp_path) == ["pointer.json"]
    assert (tmp_path / "pointer.json").read_text() == "old"


def test_an_interrupted_write_keeps_the_old_folder(tmp_path: Path):
    write_whole(tmp_path / "run", two_files)
    with pytest.raises(RuntimeError, match="disk full"):
        write_whole(tmp_path / "run", half_a_folder_then_fail)
    assert files_below(tmp_path) == ["run/a.txt", "run/deep/b.txt"]


def test_nobody_sees_a_file_before_it_is_whole(tmp_path: Path):
    seen = []

    def look_while_writing(path: Path) -> None:
        path.write_text("half")
        seen.append((tmp_path / "out.txt").exists())
        path.write_text("whole")

    write_whole(tmp_path / "out.txt", look_while_writing)
    assert seen == [False]
    assert (tmp_path / "out.txt").read_text() == "whole"


def test_a_whole_write_replaces_the_old_folder(tmp_path: Path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "stale.txt").write_text("stale")
    write_whole(tmp_path / "run", two_files)
    assert files_below(tmp_path) == ["run/a.txt", "run/deep/b.txt"]


def test_json_refuses_nan_and_keeps_the_old_file(tmp_path: Path):
    write_json(tmp_path / "scores.json", {"rmse": 0.5})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "scores.json", {"rmse": float("nan")})
    assert (tmp_path / "scores.json").read_text() == '{\n  "rmse": 0.5\n}\n'
    assert files_below(tmp_path) == ["scores.json"]


def test_a_file_is_named_by_its_content(store: Store):
    artifact = store.put(lambda path: path.write_text("abc"), ".txt")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of "abc", from FIPS 180-2
    assert artifact == Artifact(path=f"objects/ba/{digest}.txt", sha256=digest)
    assert store.path(artifact).read_text() == "abc"


def test_equal_content_is_stored_once(store: Store):
    first, second = store.put_json([1, 2]), store.put_json([1, 2])
    assert first == second
    assert files_below(store.root) == [first.path]


def test_a_folder_is_kept_and_found(store: Store):
    first, second = store.put(two_files), store.put(two_files)
    assert first == second
    assert files_below(store.path(first)) == ["a.txt", "deep/b.txt"]


def test_a_folders_digest_knows_names_and_contents(tmp_path: Path):
    digests = set()
    for name, text in (("a", "1"), ("a", "2"), ("b", "1")):
        folder = tmp_path / f"{name}{text}"
        folder.mkdir()
        (folder / name).write_text(text)
        digests.add(sha256_of(folder))
    assert len(digests) == 3


def test_an_interrupted_put_leaves_nothing(store: Store):
    for broken in (half_then_fail, half_a_folder_then_fail):
        with pytest.raises((KeyboardInterrupt, RuntimeError)):
            store.put(broken)
    assert files_below(store.root) == []


def test_an_altered_file_is_refused(store: Store):
    artifact = store.put_json({"weights": [1]})
    (store.root / artifact.path).write_text('{"weights": [2]}')
    assert not store.holds(artifact)
    with pytest.raises(ArtifactError, match=f"expected sha256 {artifact.sha256}"):
        store.json(artifact)


def test_an_altered_added_or_lost_file_in_a_folder_is_refused(store: Store):
    artifact = store.put(two_files)
    folder = store.path(artifact)
    (folder / "c.txt").write_text("more")
    assert not store.holds(artifact)
    (folder / "c.txt").unlink()
    assert store.holds(artifact)
    (folder / "a.txt").unlink()
    with pytest.raises(ArtifactError, match="altered"):
        store.path(artifact)


def test_a_missing_artifact_is_refused(store: Store):
    with pytest.raises(ArtifactError, match="Received: nothing"):
        store.frame(Artifact(path="objects/00/00", sha256="00"))


@pytest.mark.parametrize("write", [two_files, lambda path: path.write_text("file")])
def test_putting_the_same_again_mends_what_was_damaged(store: Store, write):
    artifact = store.put(write)
    kept = store.path(artifact)
    damaged = kept / "a.txt" if kept.is_dir() else kept
    damaged.write_text("damaged")
    assert store.put(write) == artifact
    assert store.holds(artifact)


def test_a_frame_comes_back_as_it_was(store: Store):
    frame = pd.DataFrame({"x": [1.5, None]}, index=pd.date_range("2024-01-01", periods=2, name="date", unit="us"))
    pd.testing.assert_frame_equal(store.frame(store.put_frame(frame)), frame, check_freq=False)


def test_equal_frames_have_equal_digests(store: Store):
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    assert store.put_frame(frame) == store.put_frame(frame.copy())
    assert store.put_frame(frame) != store.put_frame(frame.iloc[:1])


def test_a_moved_store_still_holds_its_artifacts(store: Store, tmp_path: Path):
    artifact = store.put_json("here")
    (tmp_path / "objects").rename(tmp_path / "elsewhere")
    (tmp_path / "moved").mkdir()
    (tmp_path / "elsewhere").rename(tmp_path / "moved" / "objects")
    assert Store(tmp_path / "moved").json(artifact) == "here"


def test_a_copy_is_whole_and_an_altered_source_copies_nothing(store: Store, tmp_path: Path):
    artifact = store.put(two_files)
    store.copy(artifact, tmp_path / "out" / "model")
    assert files_below(tmp_path / "out") == ["model/a.txt", "model/deep/b.txt"]
    (store.path(artifact) / "a.txt").write_text("altered")
    with pytest.raises(ArtifactError):
        store.copy(artifact, tmp_path / "out" / "second")
    assert files_below(tmp_path / "out") == ["model/a.txt", "model/deep/b.txt"]


def test_only_drafts_that_no_living_run_can_still_write_are_swept_away(tmp_path: Path):
    old = [tmp_path / "objects" / ".draft-1", tmp_path / "BTC" / ".20260101T000000Z.0a1b2c3d"]
    old.append(tmp_path / "BTC" / ".champion-folder.json.0a1b2c3d")
    new = tmp_path / "objects" / ".draft-2"
    kept = tmp_path / "BTC" / ".folder.lock"
    for path in (*old, new, kept):
        path.mkdir(parents=True)
    for path in (*old, kept):
        os.utime(path, (0, 0))
    Store(tmp_path).sweep()
    assert [path.exists() for path in (*old, new, kept)] == [False, False, False, True, True]
