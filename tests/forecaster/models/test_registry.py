import subprocess
import sys

import pytest

from forecaster.models.registry import MODEL_CLASSES, model_class, model_module
from forecaster.settings import MODEL_CONFIGS


def test_every_configurable_model_is_registered():
    assert MODEL_CLASSES.keys() == MODEL_CONFIGS.keys()


def test_a_name_gives_its_module_and_its_class():
    assert model_module("ridge") == "forecaster.models.ridge"
    assert model_class("ridge").__name__ == "RidgeForecaster"


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"one of dlinear, .*Received: 'prophet'"):
        model_module("prophet")


def test_asking_for_modules_imports_no_learning_library():
    script = (
        "import sys; from forecaster.models.registry import *; [model_module(name) for name in MODEL_CLASSES];"
        "sys.exit(sorted({'tensorflow', 'keras', 'lightgbm', 'sklearn'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
