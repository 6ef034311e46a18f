"""NVIDIA's run-time compiler, a shared library: CUDA C++ text to cubin or PTX, within the process."""

from __future__ import annotations

import ctypes
import functools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from graphc.errors import DeviceUnavailable
from graphc.runtime.cuda.diagnostics import compile_error, unknown_arch
from graphc.runtime.cuda.toolkit import toolkit_files, wheel_files

OPTIONS = ("--std=c++17", "--fmad=false")  # products and sums fuse only where the text says so; all else is IEEE by default
CUBIN, PTX = "cubin", "ptx"  # what comes out: code for one arch, or text that drivers compile
_MAJORS = (13, 12)  # that are looked for
_INVALID_OPTION = 5


@dataclass(frozen=True)
class Compiled:
    """What a compiler made: a cubin, or PTX in UTF-8, and what it said, with what each kernel needs."""

    data: bytes
    log: str


class Nvrtc:
    """One NVRTC library. Nothing is loaded before it compiles something, or says what it knows.

    Args:
        path: of the library, or its name for the system's loader.
        builtins: what it needs beside, where the system's loader would not find it.
    """

    def __init__(self, path: str, builtins: str | None = None):
        self.path = path
        self._builtins = builtins

    @functools.cached_property
    def version(self) -> tuple[int, int]:
        """Major and minor number, of the file's name where that tells."""
        found = re.search(r"\.so\.(\d+)\.(\d+)", self._builtins or "")
        if found:
            return int(found[1]), int(found[2])
        major, minor = ctypes.c_int(), ctypes.c_int()
        self._call("nvrtcVersion", ctypes.byref(major), ctypes.byref(minor))
        return major.value, minor.value

    @property
    def name(self) -> str:
        """For people, such as ``NVRTC 13.0``."""
        return "NVRTC %d.%d" % self.version

    @functools.cached_property
    def identity(self) -> str:
        """For keys of caches: other releases of the compiler say something else. It is not loaded for this."""
        size = os.path.getsize(self.path) if os.path.isabs(self.path) else 0
        return f"{self.name}, {size} bytes"

    @functools.cached_property
    def archs(self) -> tuple[str, ...]:
        """The archs that it makes cubins for, without those of the forms ``sm_90a`` and ``sm_100f``."""
        count = ctypes.c_int()
        self._call("nvrtcGetNumSupportedArchs", ctypes.byref(count))
        numbers = (ctypes.c_int * count.value)()
        self._call("nvrtcGetSupportedArchs", numbers)
        return tuple(f"sm_{number}" for number in numbers)

    def compile(self, source: str, arch: str, options: tuple[str, ...] = (), name: str = "program", form: str = CUBIN) -> Compiled:
        """Compile a text. Threads may do so at the same time.

        Args:
            arch: such as ``sm_90a``. options: beside ``OPTIONS``. name: of the program, for messages.
            form: CUBIN or PTX.

        Raises:
            CompileError: the text has errors. DeviceUnavailable: this compiler does not know the arch.
        """
        target = arch if form == CUBIN else arch.replace("sm_", "compute_")
        flags = [f"--gpu-architecture={target}", *OPTIONS, "--ptxas-options=-v", *options]
        program = ctypes.c_void_p()
        file = f"{name}.cu"
        self._call("nvrtcCreateProgram", ctypes.byref(program), source.encode(), file.encode(), 0, None, None)
        try:
            array = (ctypes.c_char_p * len(flags))(*[flag.encode() for flag in flags])
            status = self._library.nvrtcCompileProgram(program, len(flags), array)
            log = self._output(program, "ProgramLog").rstrip(b"\0").decode(errors="replace")
            if status == _INVALID_OPTION and "-arch" in log:
                raise unknown_arch(self.name, arch, self.archs)
            if status:
                raise compile_error(self.name, source, arch, name, log or self._error(status))
            data = self._output(program, "CUBIN") if form == CUBIN else self._output(program, "PTX").rstrip(b"\0")
            return Compiled(data, log)
        finally:
            self._call("nvrtcDestroyProgram", ctypes.byref(program))

    def _output(self, program, what: str) -> bytes:
        size = ctypes.c_size_t()
        self._call(f"nvrtcGet{what}Size", program, ctypes.byref(size))
        data = ctypes.create_string_buffer(size.value)
        self._call(f"nvrtcGet{what}", program, data)
        return data.raw

    @functools.cached_property
    def _library(self) -> ctypes.CDLL:
        try:
            if self._builtins is not None:
                ctypes.CDLL(self._builtins, mode=ctypes.RTLD_GLOBAL)  # NVRTC asks for it by name, and finds what is loaded
            return ctypes.CDLL(self.path)
        except OSError as error:
            raise DeviceUnavailable(f"the CUDA compiler {self.path} cannot be loaded: {error}; install its package again") from None

    def _error(self, status: int) -> str:
        tell = self._library.nvrtcGetErrorString
        tell.restype = ctypes.c_char_p
        return tell(status).decode()

    def _call(self, function: str, *arguments) -> None:
        status = getattr(self._library, function)(*arguments)
        if status:
            raise DeviceUnavailable(f"{function} of {self.path} failed: {self._error(status)}")


def found() -> Iterator[Nvrtc]:
    """The libraries that are installed: of wheels (the newest first), of toolkits, of the system."""
    yield from sorted(map(_beside, wheel_files("lib/libnvrtc.so.*")), key=lambda one: one.version, reverse=True)
    yield from map(_beside, toolkit_files("libnvrtc.so.[0-9][0-9]"))
    for major in _MAJORS:
        library = f"libnvrtc.so.{major}"
        try:
            ctypes.CDLL(library)
        except OSError:
            continue
        yield Nvrtc(library)


def _beside(path: Path) -> Nvrtc:
    """The library with the builtins that lie beside it."""
    major = path.name.rpartition(".")[2]
    builtins = sorted(path.parent.glob(f"libnvrtc-builtins.so.{major}.*"))
    return Nvrtc(str(path), str(builtins[0]) if builtins else None)
