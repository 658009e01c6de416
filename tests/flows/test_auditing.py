from types import SimpleNamespace

import pytest

from flows import auditing
from flows.fits import Survivors
from forecaster.leakage import Audit


def test_a_suspicion_is_told_before_anything_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, str]] = []
    progress = SimpleNamespace(say=lambda *told: said.append(told))
    warned: list[str] = []
    found = Audit(days=(), n_columns=3, differing=(), suspicions=("x seems to know the future.",))
    monkeypatch.setattr(auditing, "gather", lambda futures: ({"audit": found}, {}))
    monkeypatch.setattr(auditing, "runtime", lambda: SimpleNamespace(coin="BTC", progress=progress))
    logger = SimpleNamespace(warning=lambda form, *values: warned.append(form % values))
    monkeypatch.setattr(auditing, "get_run_logger", lambda: logger)
    assert auditing.gather_audit({}, Survivors([])) is found
    assert said == [("BTC", "SUSPECTED LEAK: x seems to know the future.")]
    assert warned == ["Suspected leak: x seems to know the future."]
