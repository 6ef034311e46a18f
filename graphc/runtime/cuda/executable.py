"""Executables on a device: called as those for CPUs are."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

from graphc.ir.program import Program
from graphc.runtime.cuda.program import DeviceProgram
from graphc.runtime.device import Device
from graphc.runtime.executable import Executable, aligned, fail
from graphc.runtime.portable_call import HostStep, LateSizes


class DeviceExecutable(Executable):
    """A compiled program for a device.

    Args:
        program: without kernels and constants. image: what its kernels became.
        constants: the program's constants.
        host_steps: what Python does, for the Host steps in the order of ``flat``.
        explain_failure, late: see ``Executable``.
    """

    resides = True

    def __init__(
        self, name: str, program: Program, device: Device, image: bytes, constants=b"", host_steps: list[HostStep] | None = None,
        *, explain_failure: Callable[[int], Exception] | None = None, late: LateSizes | None = None,
    ):  # fmt: skip
        self.name, self.signature, self.library, self.device = name, program.signature, None, device
        self.release_gil, self._native, self._plain, self._lock = True, False, None, threading.Lock()
        self._failed = functools.partial(fail, name, explain_failure)
        self.constants = aligned(constants)
        self._portable = DeviceProgram(program, device, image, self.constants, host_steps or [], self._failed, late)
