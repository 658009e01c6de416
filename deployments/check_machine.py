"""What pip cannot install, checked before anything is: run by make with the Python that is to be used."""

import ctypes
import importlib.util
import sys


def missing() -> list[str]:
    """One sentence for each thing that is not there, with the package to install."""
    found = []
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if not (3, 11) <= sys.version_info < (3, 14):
        found.append(f"Expected Python 3.11, 3.12 or 3.13. Received: {version} ({sys.executable}).")
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        found.append(f"Python {version} has no venv module. Debian/Ubuntu: apt-get install python{version}-venv")
    library = "libomp.dylib" if sys.platform == "darwin" else "libgomp.so.1"
    if not _loads(library):
        remedy = (
            "brew install libomp"
            if sys.platform == "darwin"
            else "apt-get install libgomp1 (Fedora: dnf install libgomp)"
        )
        found.append(f"LightGBM needs {library}, which is not there: {remedy}")
    return found


def _loads(library: str) -> bool:
    places = ["", "/opt/homebrew/opt/libomp/lib/", "/usr/local/opt/libomp/lib/"]
    for place in places if sys.platform == "darwin" else [""]:
        try:
            ctypes.CDLL(place + library)
            return True
        except OSError:
            continue
    return False


if __name__ == "__main__":
    sys.exit("\n".join(missing()) or 0)
