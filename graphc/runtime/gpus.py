"""Which GPUs there are, asked of the driver alone: without one the answer is none, and nothing of CUDA is imported."""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass

from graphc.errors import DeviceUnavailable
from graphc.ir.gpu import CUDA, EMULATED, GPUS, Gpu

_LIBRARY = "libcuda.so.1"
_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_...


@dataclass(frozen=True)
class FoundGpu:
    """A GPU as the driver tells of it: what it is called, its compute capability, and its bytes of memory (0: unknown)."""

    name: str
    capability: tuple[int, int]
    memory: int


@functools.cache
def found_gpus() -> tuple[FoundGpu, ...]:
    """The GPUs of this process, in the driver's order, which follows ``CUDA_VISIBLE_DEVICES``."""
    try:
        driver = ctypes.CDLL(_LIBRARY)
    except OSError:
        return ()
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return ()
    return tuple([_described(driver, k) for k in range(count.value)])


def why_none() -> str:
    """What is missing where ``found_gpus`` finds none."""
    try:
        ctypes.CDLL(_LIBRARY)
    except OSError:
        return f"NVIDIA's driver is not installed ({_LIBRARY} is not found)"
    return "NVIDIA's driver shows no GPU to this process (see nvidia-smi, and the environment variable CUDA_VISIBLE_DEVICES)"


def _described(driver: ctypes.CDLL, index: int) -> FoundGpu:
    device, number, size = ctypes.c_int(0), ctypes.c_int(0), ctypes.c_size_t(0)
    driver.cuDeviceGet(ctypes.byref(device), index)
    name = ctypes.create_string_buffer(256)
    driver.cuDeviceGetName(name, 256, device)
    capability = []
    for attribute in (_MAJOR, _MINOR):
        driver.cuDeviceGetAttribute(ctypes.byref(number), attribute, device)
        capability.append(number.value)
    driver.cuDeviceTotalMem_v2(ctypes.byref(size), device)
    return FoundGpu(name.value.decode(errors="replace"), tuple(capability), size.value)


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
    if kind not in (CUDA, EMULATED) or (rest and not rest.isdigit()):
        return GPUS.get(target)
    if kind == EMULATED:
        return GPUS[f"{EMULATED}:sm_90a"]
    gpus, index = found_gpus(), device_number(target)
    if not gpus:
        raise DeviceUnavailable(f"target {target}: {why_none()}")
    if index >= len(gpus):
        raise DeviceUnavailable(f"target {target}: this process sees {len(gpus)} GPU{'s' if len(gpus) > 1 else ''}, numbered from 0")
    found = gpus[index]
    fitting = [g for g in GPUS.values() if not g.is_emulated and g.runs_on(found.capability)]
    if not fitting:
        had = ".".join(map(str, found.capability))
        raise DeviceUnavailable(f"target {target}: graphc makes no code for {found.name}, of compute capability {had}")
    return max(fitting, key=lambda g: (g.capability, g.arch))
