"""The CUDA devices of this machine, asked of the driver itself: neither pycuda nor a context is needed for that."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterable
from dataclasses import dataclass

from graphc.errors import DeviceUnavailable
from graphc.ir.gpu import CUDA, GPUS, Gpu
from graphc.runtime.cuda.errors import no_device, no_driver

_LIBRARY = "libcuda.so.1"
_MULTIPROCESSORS, _MAJOR, _MINOR, _SHARED = 16, 75, 76, 97  # CUdevice_attribute
_TEXT = 256


@dataclass(frozen=True)
class DeviceFacts:
    """What the driver tells of a device.

    Attributes:
        index: of ``cuda:0`` and so on, among those that CUDA_VISIBLE_DEVICES leaves.
        capability: compute capability, as (major, minor).
        memory: bytes. shared_bytes: shared memory of a block at the most.
    """

    index: int
    name: str
    capability: tuple[int, int]
    memory: int
    multiprocessors: int
    shared_bytes: int

    @property
    def gpu(self) -> Gpu:
        """What code for it is made for.

        Raises:
            DeviceUnavailable: it is older than anything graphc makes code for.
        """
        major, minor = self.capability
        fitting = []
        for gpu in GPUS.values():
            is_exact = gpu.arch.endswith("a")  # code of other archs also runs on what is newer in the same major version
            if not gpu.is_emulated and gpu.capability[0] == major and (gpu.capability[1] == minor or (gpu.capability[1] < minor and not is_exact)):
                fitting.append(gpu)
        if not fitting:
            known = ", ".join(sorted({gpu.arch for gpu in GPUS.values()}))
            raise DeviceUnavailable(
                f"{CUDA}:{self.index}, {self.name}, has compute capability {major}.{minor}; graphc makes code for {known}. Use the "
                "CPU, or choose another device by CUDA_VISIBLE_DEVICES"
            )
        return max(fitting, key=lambda gpu: (gpu.capability, gpu.arch))


@functools.cache
def libcuda() -> ctypes.CDLL:
    """The driver's library, ready for calls.

    Raises:
        DeviceUnavailable: there is no driver, it does not work, or it finds no device.
    """
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError as error:
        raise no_driver(error) from None
    code = library.cuInit(0)
    if code:
        raise no_device(code, error_text(library, code))
    return library


def error_text(library: ctypes.CDLL, code: int) -> str:
    """What the driver says about one of its errors."""
    text = ctypes.c_char_p()
    library.cuGetErrorString(code, ctypes.byref(text))
    return (text.value or b"unknown error").decode()


def numbers_of_errors(codes: Iterable[int]) -> dict[str, int]:
    """Numbers of errors by what the driver says about them; without those that this driver does not know."""
    library, found, text = libcuda(), {}, ctypes.c_char_p()
    for code in codes:
        if not library.cuGetErrorString(code, ctypes.byref(text)):
            found[text.value.decode()] = code
    return found


def driver_version() -> int:
    """The CUDA version that the driver supports, such as 12040 for 12.4.

    Raises:
        DeviceUnavailable: as of ``libcuda``.
    """
    version = ctypes.c_int()
    libcuda().cuDriverGetVersion(ctypes.byref(version))
    return version.value


@functools.cache
def expect_devices() -> tuple[DeviceFacts, ...]:
    """All devices, at least one.

    Raises:
        DeviceUnavailable: there is none; the message says why.
    """
    library, count = libcuda(), ctypes.c_int()
    library.cuDeviceGetCount(ctypes.byref(count))
    if not count.value:
        raise no_device(100, "no CUDA-capable device is detected")
    return tuple(_facts(library, index) for index in range(count.value))


def devices() -> tuple[DeviceFacts, ...]:
    """All devices; empty where there is none, whatever the reason."""
    try:
        return expect_devices()
    except DeviceUnavailable:
        return ()


def _facts(library: ctypes.CDLL, index: int) -> DeviceFacts:
    device, memory, name = ctypes.c_int(), ctypes.c_size_t(), ctypes.create_string_buffer(_TEXT)
    library.cuDeviceGet(ctypes.byref(device), index)
    library.cuDeviceGetName(name, _TEXT, device)
    library.cuDeviceTotalMem_v2(ctypes.byref(memory), device)

    def attribute(number: int) -> int:
        value = ctypes.c_int()
        library.cuDeviceGetAttribute(ctypes.byref(value), number, device)
        return value.value

    capability = (attribute(_MAJOR), attribute(_MINOR))
    return DeviceFacts(index, name.value.decode(), capability, memory.value, attribute(_MULTIPROCESSORS), attribute(_SHARED))
