"""Which of the CUDA compilers that are installed makes code for a driver."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Protocol

from graphc.errors import DeviceUnavailable
from graphc.runtime.cuda.nvcc import Nvcc
from graphc.runtime.cuda.nvrtc import CUBIN, Compiled, found
from graphc.runtime.cuda.toolkit import program
from graphc.runtime.gpus import driver_version

_OLDEST = 12  # major number of CUDA
_DRIVERS = {13: "580", 12: "525"}  # the first of NVIDIA's drivers for Linux that runs code of a CUDA


class Compiler(Protocol):
    """CUDA C++ text to code, see ``Nvrtc``."""

    path: str
    name: str
    identity: str
    version: tuple[int, int]
    archs: tuple[str, ...]

    def compile(self, source: str, arch: str, options: tuple[str, ...] = (), name: str = "program", form: str = CUBIN) -> Compiled:
        """Compile a text."""


@functools.cache
def compiler_for(driver: int | None = None) -> Compiler:
    """The compiler to use: NVRTC before ``nvcc``, and one whose code the driver runs.

    Args:
        driver: the CUDA version of the driver as it tells it itself (12040 for 12.4); None where the code runs elsewhere.

    Raises:
        DeviceUnavailable: there is none; the message says what to install.
    """
    return choose(installed(), driver)


def driver_here() -> int | None:
    """The CUDA version of this machine's driver; None without one: what is compiled then runs elsewhere."""
    try:
        return driver_version()
    except DeviceUnavailable:
        return None


def identity_here() -> str:
    """Which compiler makes the programs of this machine, for keys of caches; it is not loaded for this."""
    try:
        return compiler_for(driver_here()).identity
    except DeviceUnavailable:
        return "none"


def installed() -> Iterable[Compiler]:
    """The compilers of this machine, those first that are preferred."""
    yield from found()
    nvcc = program("nvcc")
    if nvcc is not None:
        yield Nvcc(nvcc)


def choose(compilers: Iterable[Compiler], driver: int | None) -> Compiler:
    """The first of the compilers that is not too old itself, and not too new for the driver.

    Raises:
        DeviceUnavailable: there is none; the message says what to install.
    """
    refused = []
    for one in compilers:
        if one.version[0] >= _OLDEST and (driver is None or one.version[0] <= driver // 1000):
            return one
        refused.append(one)
    extra = f"cuda{max(_OLDEST, driver // 1000)}" if driver is not None and driver // 1000 in _DRIVERS else "cuda13"
    if not refused:
        raise DeviceUnavailable(
            f"there is no CUDA compiler: NVRTC comes with pip install 'graphc[{extra}]', nvcc with a CUDA toolkit (on PATH, or in CUDA_HOME)"
        )
    one = refused[0]
    if one.version[0] < _OLDEST:
        raise DeviceUnavailable(f"{one.name} in {one.path} is too old, CUDA {_OLDEST} is needed: pip install 'graphc[{extra}]'")
    major, minor = driver // 1000, driver % 1000 // 10
    ways = [f"install driver {_DRIVERS[one.version[0]]} or newer"] if one.version[0] in _DRIVERS else []
    ways += [f"a compiler for this one: pip install 'graphc[{extra}]'"] if driver // 1000 in _DRIVERS else []
    raise DeviceUnavailable(
        f"the driver of this machine runs code of CUDA {major}.{minor} and older, and {one.name} makes newer code; {', or '.join(ways)}"
    )
