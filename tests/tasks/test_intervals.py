from tasks.intervals import calibrate
from tasks.source import source_digests


def test_calibration_depends_on_its_own_code_and_on_no_network():
    read = set(source_digests(calibrate.cache_policy.modules))
    assert {"forecaster.intervals.conformal", "forecaster.intervals.scale", "forecaster.market.bars"} <= read
    assert not {"forecaster.models.tcn", "forecaster.models.keras_training"} & read
