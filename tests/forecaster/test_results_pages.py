from pathlib import Path

import pytest

from forecaster.results import read_pages, results_page
from tests.forecaster.test_results import report, row, section


def test_pages_keep_their_headings_and_order(tmp_path: Path):
    (tmp_path / "a.md").write_text("\n## Trust\n\n| x |\n\n### More\n")
    (tmp_path / "b.md").write_text("# Signals ±\n", encoding="utf-8")
    assert read_pages([tmp_path / "b.md", tmp_path / "a.md"]) == ["# Signals ±", "## Trust\n\n| x |\n\n### More"]


def test_what_starts_without_a_heading_is_headed_by_its_file(tmp_path: Path):
    """Or it would read as part of the section before it."""
    (tmp_path / "trust.md").write_text("| x |\n\n## Rest\n")
    assert read_pages([tmp_path / "trust.md"]) == ["## trust\n\n| x |\n\n## Rest"]


@pytest.mark.parametrize(
    ("content", "received"),
    [(None, "No such file"), (b" \n", "an empty file"), (b"\xff\xfe", "no text in UTF-8")],
)
def test_a_page_that_is_none_is_named(content: bytes | None, received: str, tmp_path: Path):
    if content is not None:
        (tmp_path / "page.md").write_bytes(content)
    with pytest.raises(ValueError, match=rf"--with: expected a page in markdown\. Received: .*page\.md, {received}"):
        read_pages([tmp_path / "page.md"])


def test_runs_tell_what_became_of_their_champion():
    reports = [report("BTC", promotion={"verdict": "refused"}), report("ETH")]
    runs = section(results_page(reports), "Runs")
    assert row(runs, "coin")[-2:] == ["champion", "night took"]
    assert row(runs, "BTC")[-2] == "refused"
    assert row(runs, "ETH")[-2] == "n/a"
