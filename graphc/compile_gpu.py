"""What ``compile`` does for GPUs: a lowered Program as an image of its kernels, and a callable on a device."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

from graphc.codegen.cuda.module import program_source
from graphc.ir.gpu import Gpu
from graphc.ir.program import Program
from graphc.ir.symbols import symbol_of
from graphc.runtime.cuda.bundle import bundle
from graphc.runtime.cuda.compilers import driver_here
from graphc.runtime.cuda.driver import open_device
from graphc.runtime.cuda.executable import DeviceExecutable
from graphc.runtime.cuda.images import compile_images
from graphc.runtime.device import Device
from graphc.runtime.emulator.build import build
from graphc.runtime.emulator.device import EmulatedDevice
from graphc.runtime.portable_call import HostStep, LateSizes

_lock = threading.Lock()


def source_of(program: Program, gpu: Gpu) -> str:
    """The CUDA C++ text of a Program's kernels; that for the emulator checks every access."""
    return program_source(program, gpu, checked=gpu.is_emulated)


def image_of(program: Program, gpu: Gpu) -> bytes:
    """The kernels of a Program as machine code: cubins, see ``bundle``, or a shared library for the emulator; empty if it has none.

    Raises:
        DeviceUnavailable: there is no compiler for this GPU; the message says what to install.
        CompileError: the compiler refused the text.
    """
    if not program.kernels:
        return b""
    source = source_of(program, gpu)
    if gpu.is_emulated:
        return build(source, tuple([symbol_of(k.name) for k in program.kernels]))
    return bundle(compile_images(source, gpu.arch, program.name, driver_here()))


_emulated = functools.cache(EmulatedDevice)


def device_for(gpu: Gpu, index: int) -> Device:
    """The device of this number that runs code for a GPU, opened once in a process.

    Raises:
        DeviceUnavailable: there is none; the message says why.
    """
    with _lock:
        return _emulated(gpu.arch, index) if gpu.is_emulated else open_device(index)


def executable(
    name: str, program: Program, gpu: Gpu, image: bytes, constants, host_steps: list[HostStep],
    explain_failure: Callable[[int], Exception], late: LateSizes | None, index: int = 0,
) -> DeviceExecutable:  # fmt: skip
    """A callable of a Program on a device."""
    device = device_for(gpu, index)
    return DeviceExecutable(name, program, device, bytes(image), constants, host_steps, explain_failure=explain_failure, late=late)
