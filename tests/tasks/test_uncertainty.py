import pytest

from forecaster.fitting import FitResult
from forecaster.store import Artifact
from tasks.source import source_digests
from tasks.uncertainty import intervals, static_intervals

NOWHERE = Artifact(path="objects/none", sha256="")


def fitted(model: str) -> FitResult:
    return FitResult(
        coin="BTC",
        model=model,
        fold="judged",
        folder=NOWHERE,
        forecasts=None,
        history=NOWHERE,
        length=(1,),
        target_scale=(1.0,),
        n_parameters=1,
        n_train=1,
        n_features=1,
        device="cpu",
        seconds=1.0,
    )


def read_by(model: str) -> set[str]:
    return set(source_digests(intervals.cache_policy.modules({"fitted": fitted(model)})))


def test_intervals_of_one_model_do_not_depend_on_the_code_of_another():
    assert {"forecaster.uncertainty", "forecaster.models.tcn", "forecaster.models.keras_sampling"} <= read_by("tcn")
    assert not {"forecaster.models.transformer", "forecaster.models.lightgbm"} & read_by("tcn")
    assert "forecaster.models.keras_sampling" not in read_by("lightgbm")


def test_static_intervals_depend_on_no_model():
    found = source_digests(static_intervals.cache_policy.modules)
    assert "forecaster.uncertainty" in found
    assert not any(name.startswith("forecaster.models.keras") for name in found)


@pytest.mark.parametrize(("model", "library"), [("tcn", "tensorflow"), ("lightgbm", "lightgbm")])
def test_the_key_holds_the_library_that_the_model_computes_with(model, library):
    assert library in intervals.cache_policy.libraries({"fitted": fitted(model)})
