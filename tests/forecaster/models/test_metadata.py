import pytest

from forecaster.models.metadata import read_metadata, required_file


def test_a_damaged_file_is_refused_by_name(tmp_path):
    (tmp_path / "metadata.json").write_text("{")
    with pytest.raises(ValueError, match=r"metadata\.json must be JSON"):
        read_metadata(tmp_path, "ridge")


def test_json_of_something_else_is_refused(tmp_path):
    (tmp_path / "metadata.json").write_text("[]")
    with pytest.raises(ValueError, match=r"must describe a ridge\. Received: None"):
        read_metadata(tmp_path, "ridge")


def test_a_missing_part_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.keras"):
        required_file(tmp_path, "model.keras")
