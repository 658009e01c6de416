import os
from pathlib import Path

import pytest

os.environ["MPLBACKEND"] = "Agg"  # before anything imports matplotlib: pictures need no display


@pytest.fixture(scope="session")
def real_bars() -> Path:
    """Folder with a file of real bars per coin, named by the environment variable RETRAIN_BARS."""
    folder = os.environ.get("RETRAIN_BARS")
    if not folder:
        pytest.skip("RETRAIN_BARS names no folder with real bars")
    return Path(folder)
