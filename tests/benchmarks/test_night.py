"""What the benchmark of a night reads out of what the night left."""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.measure import Watched
from benchmarks.night import HERE, second_night, words_of
from benchmarks.night_facts import fitting_stage, imports_of, recount
from benchmarks.night_figures import cold_bars
from forecaster.config import RunConfig
from forecaster.report import Step, TrainingReport


def samples(*rows: tuple[float, int, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["t", "pid", "cpu"])
    return frame.assign(role="worker", rss=1)


def test_the_fitting_stage_lasts_from_the_first_fit_to_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.night_facts.n_cores", lambda: 2)
    for name, ended, seconds in [
        ("fit-a", 1020, 10.0),
        ("refit-b", 1030, 5.0),
        ("fit-old", 500, 9.0),
        ("plot-c", 1090, 1.0),
    ]:
        record = tmp_path / name
        record.write_text(json.dumps({"result": json.dumps({"data": {"seconds": seconds}})}))
        os.utime(record, (ended, ended))
    watched = Watched(0, 100.0, samples(*((float(t), 1, float(t)) for t in range(101))), "", 0.0)
    stage = fitting_stage(tmp_path, started=1000.0, watched=watched)
    assert stage is not None
    assert stage.seconds == pytest.approx(20)  # second 10 to 30; the fit of another night does not count
    assert stage.busy == pytest.approx(0.5, abs=0.03)  # one of two cores
    assert stage.inside == pytest.approx(15 / 40)


def test_a_night_without_fits_has_no_fitting_stage(tmp_path: Path) -> None:
    assert fitting_stage(tmp_path, 0.0, Watched(0, 1.0, samples(), "", 0.0)) is None


def test_fits_are_counted_over_all_coins() -> None:
    steps = [Step(name="fit-BTC-tcn-judged", cache="hit"), Step(name="refit-BTC-tcn", cache="miss")]
    counts = recount(TrainingReport.model_construct(coin=coin, status="OK", steps=steps) for coin in ("BTC", "ETH"))
    assert counts.computed == Counter({"serving refit": 2})
    assert (counts.reused, counts.judged) == (2, 0)


def test_the_witness_sees_heavy_imports_of_every_process(tmp_path: Path) -> None:
    seen, fake = tmp_path / "seen", tmp_path / "fake"
    seen.mkdir()
    fake.mkdir()
    (fake / "tensorflow.py").write_text("")
    path = os.pathsep.join([str(HERE / "witness"), str(fake)])
    for code in ("import tensorflow", "import json"):
        environment = {**os.environ, "PYTHONPATH": path, "IMPORT_WITNESS": str(seen)}
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert sorted(map(sorted, imports_of(seen))) == [[], ["tensorflow"]]


def test_a_witness_that_saw_no_process_is_not_believed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="Expected a file per Python process"):
        imports_of(tmp_path)


def test_flags_are_passed_on_as_typed(tmp_path: Path) -> None:
    typed = {"crypto": "BTC,ETH", "no_tcn": True, "epochs": 2, "as_of": "2025-01-01", "data_dir": str(tmp_path)}
    assert words_of(typed) == ["--crypto", "BTC,ETH", "--no-tcn", "--epochs", "2", "--data-dir", str(tmp_path)]


def test_the_second_night_is_no_day_on_which_boundaries_move(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bars:
        last = date(1970, 1, 31)  # the thirtieth day

    monkeypatch.setattr("benchmarks.night.load_bars", lambda coin, data: Bars)
    assert second_night(RunConfig()) == date(1970, 1, 30)


def test_a_cold_night_has_bars_at_default_settings_only() -> None:
    assert cold_bars(("BTC",), RunConfig(jobs=2)) == ("<= 30", "<= 15")
    assert cold_bars(("BTC",), RunConfig(epochs=3)) == (None, None)
    assert cold_bars(("BTC", "ETH"), RunConfig(crypto=("BTC", "ETH"))) == (None, None)
