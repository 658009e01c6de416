from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from forecaster.promotion.champion import (
    Champion,
    NoChampionError,
    Reign,
    champion_path,
    read_champion,
    served_pointer,
    write_champion,
)


def reign(run: str, recipe: str | None = None) -> Reign:
    return Reign(
        run=run,
        folder=f"BTC/{run}",
        as_of=date(2025, 1, 1),
        manifest_sha256=f"digest of {run}",
        recipe_sha256=recipe or f"recipe of {run}",
        train_last=date(2024, 1, 1),
        val_last=date(2024, 6, 1),
        promoted_at=datetime(2025, 1, 2, tzinfo=UTC),
        why="It was good.",
    )


def champion(run: str, source: str = "folder") -> Champion:
    return Champion(coin="BTC", source=source, **reign(run).model_dump())


def runs(reigns: tuple[Reign, ...]) -> list[str]:
    return [each.run for each in reigns]


def test_a_champion_read_is_the_champion_written(tmp_path: Path):
    written = champion("b").followed_by(reign("c"))
    write_champion(tmp_path, written)
    assert read_champion(tmp_path, "BTC", "folder") == written


def test_without_a_pointer_there_is_no_champion(tmp_path: Path):
    assert read_champion(tmp_path, "BTC", "folder") is None


def test_the_champion_is_served_and_before_there_is_one_the_latest_run(tmp_path: Path):
    assert served_pointer(tmp_path, "BTC", "folder") == tmp_path / "BTC" / "latest-folder.json"
    write_champion(tmp_path, champion("a"))
    assert served_pointer(tmp_path, "BTC", "folder") == champion_path(tmp_path, "BTC", "folder")


def test_simulated_and_real_champions_never_mix(tmp_path: Path):
    write_champion(tmp_path, champion("simulated run", source="simulated"))
    assert read_champion(tmp_path, "BTC", "folder") is None
    assert served_pointer(tmp_path, "BTC", "folder").name == "latest-folder.json"
    write_champion(tmp_path, champion("real run"))
    assert read_champion(tmp_path, "BTC", "simulated").run == "simulated run"


def test_who_follows_remembers_who_came_before():
    third = champion("a").followed_by(reign("b")).followed_by(reign("c"))
    assert (third.run, runs(third.previous)) == ("c", ["b", "a"])


def test_a_renewed_champion_keeps_the_day_and_the_reason_of_its_promotion():
    later = reign("b", "recipe of a").model_copy(
        update={"promoted_at": datetime(2025, 1, 9, tzinfo=UTC), "why": "Renewed."}
    )
    renewed = champion("a").renewed(later)
    assert (renewed.run, renewed.why, renewed.promoted_at.day) == ("b", "It was good.", 2)
    assert renewed.renewed_at == later.promoted_at
    assert renewed.previous == ()


def test_rolling_back_twice_leads_to_the_first_champion_and_no_further():
    third = champion("a").followed_by(reign("b")).followed_by(reign("c"))
    second = third.rolled_back_to_previous()
    first = second.rolled_back_to_previous()
    assert [second.run, first.run] == ["b", "a"]
    assert runs(first.rolled_back) == ["b", "c"]
    with pytest.raises(NoChampionError, match=r"BTC: expected a champion before.*Received: a is the first"):
        first.rolled_back_to_previous()


def test_a_recipe_promoted_again_is_no_longer_rolled_back():
    back = champion("a").followed_by(reign("b")).rolled_back_to_previous()
    assert runs(back.rolled_back) == ["b"]
    assert back.followed_by(reign("b")).rolled_back == ()


def test_a_pointer_that_is_none_says_what_is_wrong_and_what_to_do(tmp_path: Path):
    path = champion_path(tmp_path, "BTC", "folder")
    path.parent.mkdir()
    for damage, wrong in (('{"run": "a"}', "folder"), ("", "everything"), ('{"run": ', "everything")):
        path.write_text(damage)
        with pytest.raises(ValueError, match=rf"Received: .*champion-folder.json, in which {wrong} is.*remove it"):
            read_champion(tmp_path, "BTC", "folder")


def test_who_is_killed_while_writing_leaves_the_champion_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_champion(tmp_path, champion("a"))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("forecaster.store.os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_champion(tmp_path, champion("b"))
    assert read_champion(tmp_path, "BTC", "folder").run == "a"
    assert [path.name for path in (tmp_path / "BTC").iterdir()] == ["champion-folder.json"]
