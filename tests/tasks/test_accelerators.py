"""No test needs a GPU: `nvidia-smi` is a script, and who looks for cuDNN is told the answer."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tasks import accelerators
from tasks.accelerators import (
    MAX_HOST_THREADS,
    METAL,
    TENSORFLOW_THREADS,
    THREAD_LIMITS,
    default_jobs,
    keep_freed_memory,
    n_cores,
    visible_gpus,
    worker_environment,
)

GLIBC = platform.libc_ver()[0] == "glibc"
TWO_GPUS = """GPU 0: Tesla T4 (UUID: GPU-11111111-2222-3333-4444-555555555555)
GPU 1: Tesla T4 (UUID: GPU-66666666-7777-8888-9999-000000000000)
  MIG 1g.5gb Device 0: (UUID: MIG-12345678-1234-1234-1234-123456789012)"""


@pytest.fixture(autouse=True)
def linux(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A Linux machine with cuDNN and without a driver, whatever the tests run on."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(accelerators, "find_spec", lambda name: object())


def install_driver(folder: Path, prints: str, code: int = 0) -> None:
    script = folder / "nvidia-smi"
    script.write_text(f'#!/bin/sh\n[ "$1" = -L ] || exit 9\nexec /bin/cat <<END\n{prints}\nEND\n')
    if code:
        script.write_text(f"#!/bin/sh\necho '{prints}'\nexit {code}\n")
    script.chmod(0o755)


def test_gpus_are_those_the_driver_lists(tmp_path: Path):
    install_driver(tmp_path, TWO_GPUS)
    assert visible_gpus() == ("0", "1")


def test_without_a_driver_there_is_no_gpu():
    assert visible_gpus() == ()


@pytest.mark.parametrize(("prints", "code"), [(TWO_GPUS, 9), ("No devices found.", 0)])
def test_a_driver_that_fails_or_finds_nothing_gives_no_gpu(tmp_path: Path, prints: str, code: int):
    install_driver(tmp_path, prints, code)
    assert visible_gpus() == ()


def test_a_driver_that_does_not_answer_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    script = tmp_path / "nvidia-smi"
    script.write_text("#!/bin/sh\nexec /bin/sleep 30\n")
    script.chmod(0o755)
    monkeypatch.setattr(accelerators, "SECONDS_TO_ANSWER", 0.2)
    assert visible_gpus() == ()


@pytest.mark.parametrize(
    ("asked_for", "gpus"),
    [
        ("", ()),
        ("-1", ()),
        ("NoDevFiles", ()),
        ("1", ("1",)),
        ("1, 0", ("1", "0")),
        ("0,-1,1", ("0",)),
        ("GPU-11111111,MIG-1234", ("GPU-11111111", "MIG-1234")),
    ],
)
def test_the_variable_decides_over_the_driver(tmp_path: Path, monkeypatch, asked_for: str, gpus: tuple[str, ...]):
    install_driver(tmp_path, TWO_GPUS)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", asked_for)
    assert visible_gpus() == gpus


def test_a_gpu_that_tensorflow_could_not_use_is_said_and_left_out(tmp_path: Path, monkeypatch, caplog):
    install_driver(tmp_path, TWO_GPUS)
    monkeypatch.setattr(accelerators, "find_spec", lambda name: None)
    monkeypatch.setattr(accelerators, "find_library", lambda name: None)
    assert visible_gpus() == ()
    assert "pip install '.[cuda]'" in caplog.text


def test_cudnn_of_the_system_serves_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def absent(name: str) -> None:
        raise ModuleNotFoundError("No module named 'nvidia'")

    install_driver(tmp_path, TWO_GPUS)
    monkeypatch.setattr(accelerators, "find_spec", absent)
    monkeypatch.setattr(accelerators, "find_library", lambda name: f"lib{name}.so.9")
    assert visible_gpus() == ("0", "1")


@pytest.mark.parametrize(
    ("machine", "package", "gpus"),
    [("arm64", "pytest", (METAL,)), ("x86_64", "pytest", ()), ("arm64", "no-such-package", ())],
)
def test_apple_silicon_has_one_gpu_once_the_plug_in_is_installed(monkeypatch, machine, package, gpus):
    find = accelerators.distribution
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr(accelerators.platform, "machine", lambda: machine)
    monkeypatch.setattr(accelerators, "distribution", lambda name: find({"tensorflow-metal": package}[name]))
    assert visible_gpus() == gpus


def test_there_is_a_job_per_gpu_or_else_per_core():
    assert default_jobs(("0", "1")) == 2
    assert default_jobs((METAL,)) == 1
    assert default_jobs(()) == n_cores() == len(os.sched_getaffinity(0))


def test_without_a_gpu_a_worker_gets_thread_limits_and_nothing_else():
    assert worker_environment(0, jobs=2, gpus=()) == dict.fromkeys(THREAD_LIMITS, "1")


def test_workers_take_the_gpus_in_turn_and_share_them_when_they_are_more():
    seen = [worker_environment(slot, jobs=5, gpus=("0", "3"))["CUDA_VISIBLE_DEVICES"] for slot in range(5)]
    assert seen == ["0", "3", "0", "3", "0"]


def test_what_a_gpu_computes_repeats_itself():
    assert worker_environment(0, jobs=1, gpus=("0",))["TF_DETERMINISTIC_OPS"] == "1"


def test_metal_is_not_told_about_cuda():
    assert set(worker_environment(0, jobs=1, gpus=(METAL,))) == set(THREAD_LIMITS)


@pytest.mark.parametrize(("cores", "jobs", "threads"), [(16, 8, 2), (4, 8, 1), (64, 1, MAX_HOST_THREADS)])
def test_beside_a_gpu_tensorflow_shares_the_cores_and_nobody_else_does(monkeypatch, cores, jobs, threads):
    monkeypatch.setattr(accelerators, "n_cores", lambda: cores)
    given = worker_environment(0, jobs, gpus=("0",))
    assert {given[name] for name in TENSORFLOW_THREADS} == {str(threads)}
    assert {given[name] for name in set(THREAD_LIMITS) - set(TENSORFLOW_THREADS)} == {"1"}


REPEATEDLY_FREED = """
import numpy as np
from resource import RUSAGE_SELF, getrusage
from tasks.accelerators import keep_freed_memory
if {keeps}:
    keep_freed_memory()
for turn in range(21):
    if turn == 1:
        before = getrusage(RUSAGE_SELF).ru_minflt
    np.ones(2**20)  # 8 MiB: 2,048 pages
print(getrusage(RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(keeps: bool) -> int:
    """How often a process of its own asked the system for a page while it made and freed 8 MiB twenty times."""
    script = REPEATEDLY_FREED.format(keeps=keeps)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MALLOC_")}
    environment |= {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=131072", "NUMPY_MADVISE_HUGEPAGE": "0"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not GLIBC, reason="only glibc takes the options")
def test_memory_that_is_freed_and_asked_for_again_is_not_fetched_from_the_system_again():
    assert page_faults(keeps=False) > 20_000
    assert page_faults(keeps=True) < 2_000


def test_another_c_library_keeps_nothing_and_says_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(accelerators.ctypes, "CDLL", lambda name: object())
    keep_freed_memory()
