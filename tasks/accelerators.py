"""Which GPUs the workers of a run use; found without TensorFlow, whose import costs seconds and memory."""

import ctypes
import logging
import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from ctypes.util import find_library
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from itertools import takewhile

METAL = "metal"  # Apple's GPU has no number: there is one, and every process on the machine shares it
TENSORFLOW_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", *TENSORFLOW_THREADS)
MAX_HOST_THREADS = 4  # beside a GPU: they start its kernels, and more of them only wait
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # numbers of options, from glibc's malloc.h
KEPT_BYTES = 64 * 2**20  # free memory at the end of the heap
LARGEST_KEPT = 16 * 2**20  # a larger piece comes from the system and goes back to it
SECONDS_TO_ANSWER = 20.0  # of a driver that sleeps

logger = logging.getLogger(__name__)


def n_cores() -> int:
    """Cores that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_jobs(gpus: Sequence[str]) -> int:
    """One process per GPU, or without any one per core."""
    return len(gpus) or n_cores()


def visible_gpus() -> tuple[str, ...]:
    """GPUs that TensorFlow would use here, by the names that `CUDA_VISIBLE_DEVICES` takes, or `METAL`.

    Where that variable is set it decides: empty or -1 means none.
    """
    if sys.platform == "darwin":
        return (METAL,) if platform.machine() == "arm64" and _is_installed("tensorflow-metal") else ()
    asked_for = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = _installed_gpus() if asked_for is None else _named_gpus(asked_for)
    if gpus and not _has_cudnn():
        logger.warning("A GPU is here, but not cuDNN: networks train on the CPU. To use it: pip install '.[cuda]'")
        return ()
    return gpus


def worker_environment(slot: int, jobs: int, gpus: Sequence[str]) -> dict[str, str]:
    """What the worker in `slot` of `jobs` finds in its environment before TensorFlow is imported.

    BLAS and OpenMP keep one thread beside a GPU too: what the CPU computes stays the same to the last digit. What a
    GPU computes repeats itself only when it is told to, since it adds in the order in which its threads arrive.
    """
    environment = dict.fromkeys(THREAD_LIMITS, "1")
    if not gpus:
        return environment
    environment |= dict.fromkeys(TENSORFLOW_THREADS, str(min(max(n_cores() // jobs, 1), MAX_HOST_THREADS)))
    gpu = gpus[slot % len(gpus)]
    return environment if gpu == METAL else environment | {"CUDA_VISIBLE_DEVICES": gpu, "TF_DETERMINISTIC_OPS": "1"}


def keep_freed_memory() -> None:
    """Let glibc keep what a process frees: a network asks for the same tensors again in every training step.

    By default it may hand them back to the system after each, and a thousand page faults a step get them again. Takes
    effect at once, unlike the variables that glibc reads when a process starts; other C libraries have no such call.
    """
    with suppress(AttributeError, OSError):
        set_option = ctypes.CDLL(None).mallopt
        for option, size in ((M_TRIM_THRESHOLD, KEPT_BYTES), (M_MMAP_THRESHOLD, LARGEST_KEPT)):
            set_option(option, size)


def _named_gpus(names: str) -> tuple[str, ...]:
    """As CUDA reads the list: up to the first name that cannot be one."""
    is_gpu = re.compile(r"\d+|(GPU|MIG)-.+").fullmatch
    return tuple(takewhile(is_gpu, (name.strip() for name in names.split(","))))


def _installed_gpus() -> tuple[str, ...]:
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=SECONDS_TO_ANSWER
        )
    except (OSError, subprocess.SubprocessError):  # no driver, or one that does not work
        return ()
    return tuple(re.findall(r"^GPU (\d+):", listed.stdout, flags=re.MULTILINE))


def _has_cudnn() -> bool:
    """Whether TensorFlow will find cuDNN, without which it leaves a GPU alone: in a wheel or in the system."""
    with suppress(ModuleNotFoundError):
        if find_spec("nvidia.cudnn") is not None:
            return True
    return find_library("cudnn") is not None


def _is_installed(package: str) -> bool:
    try:
        return distribution(package) is not None
    except PackageNotFoundError:
        return False
