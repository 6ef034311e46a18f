"""Which GPUs there are, asked of the driver alone: without one the answer is none, and nothing of CUDA is imported."""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass

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
