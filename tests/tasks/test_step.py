import json
import os
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from prefect.states import Failed
from prefect.utilities.collections import visit_collection

from forecaster.fitting import FitResult, FitSpec
from forecaster.settings import LightGBMConfig, RidgeConfig, TrainingConfig
from forecaster.split import Fold, Span
from forecaster.store import Artifact, ArtifactError
from tasks.pool import Pool, PoolClosed, UnitTimedOut, WorkerDied
from tasks.runtime import Runtime, runtime, use_runtime
from tasks.step import StepKey, _drop_if_damaged, content_of, digest_of, flatten, is_transient, whole
from tasks.steps import StepLog

ARTIFACT = Artifact(path="objects/ab/abc.parquet", sha256="abc")
SPEC = FitSpec(
    coin="BTC",
    model="ridge",
    fold=Fold(name="judged", train=Span(first=date(2024, 1, 1), last=date(2024, 2, 1))),
    lookback=60,
    horizons=(1, 7, 30),
    settings=RidgeConfig(),
    training=None,
    seed=42,
)
INPUTS = {"spec": SPEC, "parts": (ARTIFACT,), "columns": ("rsi_14", "atr_14")}
KEY = StepKey(name="fit-{spec.coin}-{spec.model}", modules=("forecaster.models.ridge",), libraries=("numpy",))


class NamedTask:
    name = "fit"


class Context:
    task = NamedTask()


@pytest.fixture
def now(tmp_path: Path) -> Runtime:
    return Runtime("BTC", tmp_path, "simulated", pool=Pool(1), progress=None, steps=StepLog())  # type: ignore[arg-type]


def key_of(now: Runtime, inputs: dict[str, Any], key: StepKey = KEY) -> str:
    """The key of a fresh night, whose step log is empty."""
    with use_runtime(replace(now, steps=StepLog())):
        return key.compute_key(Context(), inputs, {})  # type: ignore[arg-type]


def reason_of(now: Runtime, inputs: dict[str, Any], key: StepKey = KEY) -> tuple[str, str]:
    night = replace(now, steps=StepLog())
    with use_runtime(night):
        key.compute_key(Context(), inputs, {})  # type: ignore[arg-type]
    (record,) = night.steps.as_dicts()
    return record["cache"], record["because"]


def changed(**update: Any) -> dict[str, Any]:
    return {**INPUTS, "spec": SPEC.model_copy(update=update)}


def finish(now: Runtime, key: str, result: Any) -> Path:
    """Leave the record that Prefect leaves of a finished task."""
    now.records.mkdir(exist_ok=True)
    record = now.records / key
    record.write_text(json.dumps({"metadata": {}, "result": json.dumps(result)}))
    return record


def test_there_is_no_runtime_outside_of_a_run():
    with pytest.raises(LookupError):
        runtime()


def test_a_key_has_a_part_per_parameter_for_the_source_and_per_library():
    assert list(KEY.parts(INPUTS)) == [
        "input spec",
        "input parts",
        "input columns",
        "source of forecaster.models.ridge",
        "version of numpy",
    ]


def test_modules_and_libraries_may_depend_on_the_parameters():
    key = StepKey(name="x", modules=lambda i: (f"forecaster.models.{i['spec'].model}",), libraries=lambda i: ("scipy",))
    assert list(key.parts(INPUTS))[3:] == ["source of forecaster.models.ridge", "version of scipy"]


def test_the_same_content_has_the_same_key_wherever_it_lies(now: Runtime, tmp_path: Path):
    elsewhere = replace(now, artifacts_dir=tmp_path / "moved", coin="ETH", scope="folder")
    moved = {**INPUTS, "parts": (Artifact(path="objects/other/place", sha256="abc"),)}
    assert key_of(elsewhere, moved) == key_of(now, INPUTS)


@pytest.mark.parametrize(
    "inputs",
    [
        changed(seed=43),
        changed(settings=RidgeConfig(alpha=1)),
        changed(training=TrainingConfig()),
        changed(fold=SPEC.fold.model_copy(update={"name": "fold-1"})),
        {**INPUTS, "parts": (Artifact(path=ARTIFACT.path, sha256="abd"),)},
        {**INPUTS, "columns": ("atr_14", "rsi_14")},
    ],
)
def test_other_content_has_another_key(now: Runtime, inputs: dict[str, Any]):
    assert key_of(now, inputs) != key_of(now, INPUTS)


def test_edited_source_and_another_library_have_another_key(now: Runtime, monkeypatch: pytest.MonkeyPatch):
    before = key_of(now, INPUTS)
    assert key_of(now, INPUTS, replace(KEY, libraries=("numpy", "scipy"))) != before
    monkeypatch.setattr("tasks.step.source_digest", lambda modules: "edited")
    assert key_of(now, INPUTS) != before


def test_the_key_begins_with_the_tasks_name(now: Runtime):
    assert key_of(now, INPUTS).startswith("fit-")


def test_the_first_night_says_so(now: Runtime):
    assert reason_of(now, INPUTS) == ("miss", "never ran before")


@pytest.mark.parametrize(
    ("inputs", "what"),
    [
        (changed(seed=43), "input spec.seed"),
        (changed(settings=RidgeConfig(alpha=1)), "input spec.settings.alpha"),
        ({**INPUTS, "parts": (Artifact(path="p", sha256="new"),)}, "input parts"),
        (changed(seed=1, lookback=30), "input spec.lookback, input spec.seed"),
        (changed(training=TrainingConfig(epochs=3)), "input spec.training.epochs"),
    ],
)
def test_a_miss_names_the_value_that_changed(now: Runtime, inputs: dict[str, Any], what: str):
    key_of(now, INPUTS)
    cache, because = reason_of(now, inputs)
    assert cache == "miss"
    assert because.startswith("changed: ")
    assert what in because


def test_a_miss_names_an_edited_source_and_a_new_version(now: Runtime, monkeypatch: pytest.MonkeyPatch):
    key_of(now, INPUTS)
    monkeypatch.setattr("tasks.step.source_digest", lambda modules: "edited")
    monkeypatch.setattr("tasks.step.library_versions", lambda names: {"numpy": "9.9"})
    assert reason_of(now, INPUTS)[1] == "changed: source of forecaster.models.ridge, version of numpy"


def test_a_value_that_is_gone_is_named(now: Runtime):
    key_of(now, changed(settings=LightGBMConfig()))
    assert "input spec.settings.num_leaves" in reason_of(now, INPUTS)[1]


def test_a_step_that_never_finished_says_so(now: Runtime):
    key_of(now, INPUTS)
    assert reason_of(now, INPUTS) == ("miss", "it has not finished before")


def test_a_finished_step_is_a_hit(now: Runtime):
    artifact = now.store.put_json([1])
    finish(now, key_of(now, INPUTS), {"folder": artifact.model_dump()})
    assert reason_of(now, INPUTS) == ("hit", "nothing it depends on changed")


@pytest.mark.parametrize("harm", ["alter", "lose"])
def test_a_record_whose_artifact_is_damaged_is_dropped_and_the_step_runs_again(now: Runtime, harm: str):
    artifact = now.store.put_json([1])
    record = finish(now, key_of(now, INPUTS), {"deep": [{"folder": artifact.model_dump()}], "other": 1})
    file = now.store.path(artifact)
    file.write_text("[2]") if harm == "alter" else file.unlink()
    cache, because = reason_of(now, INPUTS)
    assert cache == "miss"
    assert because == f"its result is gone or altered: {artifact.path}"
    assert not record.exists()


@pytest.mark.parametrize("text", ["", "{", '{"metadata": {}}', "[]", '{"result": "{"}', '{"result": null}'])
def test_a_torn_record_is_dropped(now: Runtime, text: str):
    key = key_of(now, INPUTS)
    record = finish(now, key, None)
    record.write_text(text)
    assert "cache record" in (_drop_if_damaged(now, key) or "")
    assert not record.exists()


def test_an_intact_or_missing_record_is_left_alone(now: Runtime):
    assert _drop_if_damaged(now, "fit-none") is None
    record = finish(now, "fit-plain", {"no": "artifacts"})
    assert _drop_if_damaged(now, "fit-plain") is None
    assert record.exists()


def test_reasons_are_kept_per_data_source(now: Runtime):
    key_of(now, INPUTS)
    assert reason_of(replace(now, scope="folder"), INPUTS)[1] == "never ran before"


def test_a_parameter_is_its_content():
    assert content_of(ARTIFACT) == "abc"
    assert content_of((ARTIFACT, [1, 2.5, None, True])) == ["abc", [1, 2.5, None, True]]
    assert content_of({1: date(2024, 1, 2)}) == {"1": "2024-01-02"}
    assert content_of(Path("/anywhere/bars")) is None
    assert content_of(SPEC)["fold"] == {
        "name": "judged",
        "train": {"first": "2024-01-01", "last": "2024-02-01"},
        "stop": None,
        "held_out": None,
    }
    json.dumps(content_of(INPUTS), allow_nan=False)


def test_how_long_a_fit_took_is_no_content():
    result = FitResult.model_construct(
        **{name: None for name in FitResult.model_fields if name not in ("seconds", "model")},
        model="ridge",
        seconds=3.0,
    )
    assert content_of(result) == content_of(result.model_copy(update={"seconds": 4.0}))
    assert content_of(result) != content_of(result.model_copy(update={"model": "mean"}))


def test_a_digest_does_not_depend_on_the_order_of_keys():
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})


def test_flat_names_are_dotted():
    assert flatten({"a": {"b": {"c": 1}, "d": [2]}, "e": None}) == {"a.b.c": 1, "a.d": [2], "e": None}


@pytest.mark.parametrize(
    ("error", "may_pass"),
    [
        (WorkerDied("-9"), True),
        (ConnectionResetError("peer"), True),
        (RuntimeError("(sqlite3.OperationalError) database is locked"), True),
        (UnitTimedOut("3 h"), False),
        (PoolClosed("cancelled"), False),
        (ArtifactError("altered"), False),
        (ValueError("bad data"), False),
        (FileNotFoundError("bars"), False),
    ],
)
def test_only_what_can_pass_by_itself_is_retried(error: Exception, may_pass: bool):
    state = Failed(data=error)
    assert is_transient(None, None, state) is may_pass  # type: ignore[arg-type]


def test_what_a_step_depends_on_is_written_down_only_when_it_changed(now: Runtime) -> None:
    key_of(now, INPUTS)
    (last,) = (now.artifacts_dir / "cache" / "last").rglob("*.json")
    os.utime(last, (0, 0))
    key_of(now, INPUTS)
    assert last.stat().st_mtime == 0
    key_of(now, INPUTS | {"columns": ("rsi_14",)})
    assert last.stat().st_mtime > 0
    assert json.loads(last.read_text())["input columns"] == ["rsi_14"]


def test_prefect_hands_a_whole_value_on_without_looking_through_it():
    seen: list[Any] = []

    def visit(part: Any, context: dict[str, Any]) -> Any:
        seen.append(part)
        return part

    value = {"fits": (SPEC, "rsi_14")}
    handed = visit_collection(whole(value), visit, return_data=True, context={}, remove_annotations=True)
    assert handed is value
    assert not [part for part in seen if part is SPEC or part == "rsi_14"]
