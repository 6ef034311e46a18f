"""Which GPUs there are, asked of the driver alone: without one the answer is none, and nothing of CUDA is imported. What names them."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
from dataclasses import dataclass

from graphc.errors import DeviceUnavailable, UsageError, explain
from graphc.ir.gpu import CUDA, EMULATED, GPUS, Gpu

CPU = "cpu"
_LIBRARY = "libcuda.so.1"
_MULTIPROCESSORS, _MAJOR, _MINOR, _SHARED = 16, 75, 76, 97  # CU_DEVICE_ATTRIBUTE_...
_NO_DEVICE = 100
_STARTS = {  # what cuInit answers
    _NO_DEVICE: "it finds no GPU (does nvidia-smi list one?)",
    802: "its fabric manager is not ready: start nvidia-fabricmanager",
    803: "its library and its kernel module are of different versions: restart the machine after an update of the driver",
    804: "its compatibility library does not fit the GPU: take CUDA's compat folder off LD_LIBRARY_PATH",
}


@dataclass(frozen=True)
class FoundGpu:
    """A GPU as the driver tells of it; numbers are 0 where they are not known.

    Attributes:
        name: what it is called. capability: compute capability. memory: bytes.
        multiprocessors: how many. shared_bytes: shared memory of a block at the most.
    """

    name: str
    capability: tuple[int, int]
    memory: int
    multiprocessors: int = 0
    shared_bytes: int = 0


@functools.lru_cache
def _started(library: str) -> tuple[ctypes.CDLL | None, int]:
    """The driver's library, and what its start answered: 0 where it works."""
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return None, 0
    return driver, driver.cuInit(0)


@functools.cache
def found_gpus() -> tuple[FoundGpu, ...]:
    """The GPUs of this process, in the driver's order, which follows ``CUDA_VISIBLE_DEVICES``."""
    driver, status = _started(_LIBRARY)
    count = ctypes.c_int(0)
    if driver is None or status or driver.cuDeviceGetCount(ctypes.byref(count)):
        return ()
    return tuple([_described(driver, k) for k in range(count.value)])


def why_none() -> str:
    """What is missing where ``found_gpus`` finds none, and what to do about it."""
    driver, status = _started(_LIBRARY)
    if driver is None:
        return (
            f"NVIDIA's driver is not installed ({_LIBRARY} is not found); a container sees the one of its machine when it is started "
            "with the GPUs (docker run --gpus all)"
        )
    why = _STARTS.get(status or _NO_DEVICE) or f"cuInit failed: {error_text(driver, status)}"
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        why += f"; CUDA_VISIBLE_DEVICES={visible!r} says which it may show, unset it to see all"
    return f"NVIDIA's driver shows no GPU to this process: {why}"


def libcuda() -> ctypes.CDLL:
    """The driver's library, ready for calls.

    Raises:
        DeviceUnavailable: there is no GPU; the message says why.
    """
    if not found_gpus():
        raise DeviceUnavailable(f"{CUDA}: {why_none()}")
    return _started(_LIBRARY)[0]


def error_text(driver: ctypes.CDLL, code: int) -> str:
    """What the driver says about one of its errors; empty where it does not know it."""
    text = ctypes.c_char_p()
    driver.cuGetErrorString(code, ctypes.byref(text))
    return (text.value or b"").decode()


def driver_version() -> int:
    """The CUDA version that the driver supports, such as 12040 for 12.4.

    Raises:
        DeviceUnavailable: there is no GPU.
    """
    version = ctypes.c_int()
    libcuda().cuDriverGetVersion(ctypes.byref(version))
    return version.value


def _described(driver: ctypes.CDLL, index: int) -> FoundGpu:
    device, number, size = ctypes.c_int(0), ctypes.c_int(0), ctypes.c_size_t(0)
    driver.cuDeviceGet(ctypes.byref(device), index)
    name = ctypes.create_string_buffer(256)
    driver.cuDeviceGetName(name, 256, device)
    driver.cuDeviceTotalMem_v2(ctypes.byref(size), device)

    def attribute(which: int) -> int:
        driver.cuDeviceGetAttribute(ctypes.byref(number), which, device)
        return number.value

    capability = (attribute(_MAJOR), attribute(_MINOR))
    return FoundGpu(name.value.decode(errors="replace"), capability, size.value, attribute(_MULTIPROCESSORS), attribute(_SHARED))


def expect_gpu(number: int, said: str) -> FoundGpu:
    """The GPU of a number; ``said`` is what asked for it, in words.

    Raises:
        DeviceUnavailable: it is not there; the message says what is missing.
    """
    gpus = found_gpus()
    if not gpus:
        raise DeviceUnavailable(f"{said}: {why_none()}")
    if number >= len(gpus):
        raise DeviceUnavailable(f"{said}: this process sees {len(gpus)} GPU{'s' if len(gpus) > 1 else ''}, numbered from 0")
    return gpus[number]


def code_for(found: FoundGpu, said: str) -> Gpu:
    """What code for a GPU is made for; ``said`` is what asked for it, in words.

    Raises:
        DeviceUnavailable: graphc makes none.
    """
    fitting = [g for g in GPUS.values() if not g.is_emulated and g.runs_on(found.capability)]
    if not fitting:
        had, known = ".".join(map(str, found.capability)), ", ".join(sorted({g.arch for g in GPUS.values()}))
        raise DeviceUnavailable(f"{said}: graphc makes no code for {found.name}, of compute capability {had}, only for {known}")
    return max(fitting, key=lambda g: (g.capability, g.arch))


def host_compiler() -> str | None:
    """The path of the C++ compiler with which GPUs are emulated; None without it, see ``why_not_emulated``."""
    return shutil.which(os.environ.get("CXX") or "g++")


def why_not_emulated() -> str:
    """What is missing where there is no ``host_compiler``, and what to do."""
    named = os.environ.get("CXX")
    if named:
        return (
            f"a C++ compiler makes kernels into code for the CPU, and {named!r}, which the environment variable CXX names, is not there; "
            "give its name or path alone, without options, or take CXX away, which means g++"
        )
    return (
        "a C++ compiler makes kernels into code for the CPU, and g++ is not there; install it (Debian, Ubuntu: "
        "apt-get install g++; Fedora: dnf install gcc-c++), or name another one by the environment variable CXX"
    )


def named_device(word: str, said: str) -> str:
    """The device that somebody chooses, such as ``cuda:1``; the first one of its kind where the word has no number.

    Args:
        said: what the word is of, for messages.

    Raises:
        UsageError: it is none of the words that there are.
    """
    kind, _, number = word.partition(":") if isinstance(word, str) else ("", "", "")
    if kind not in (CPU, CUDA, EMULATED) or (number and not number.isdecimal()):
        raise UsageError(explain(f"{said}: must be {CPU}, {CUDA} or {EMULATED}, maybe with a number as in {CUDA}:1, got {word!r}"))
    return f"{kind}:{int(number or 0)}"


def device_number(target: str | None) -> int:
    """The number of the device in a target such as ``cuda:1``; 0 where it says none."""
    number = (target or "").partition(":")[2]
    return int(number) if number.isdigit() else 0


def gpu_target(target: str) -> Gpu | None:
    """The description of a GPU by the name of a target: ``cuda:sm_90a``, or ``cuda`` and ``cuda:1`` for one that is there.

    ``cuda-emulated`` is the emulated ``sm_90a``.

    Raises:
        DeviceUnavailable: there is no such GPU, or none that code can be made for.
    """
    kind, _, rest = target.partition(":")
    if kind not in (CUDA, EMULATED) or target.endswith(":") or (rest and not rest.isdigit()):
        return GPUS.get(target)
    if kind == EMULATED:
        return GPUS[f"{EMULATED}:sm_90a"]
    said = f"target {target}"
    return code_for(expect_gpu(device_number(target), said), said)
