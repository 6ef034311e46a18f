"""One file with the code of a program for several archs, of which a driver takes what its device runs."""

from __future__ import annotations

import ctypes
import re
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from graphc.errors import CompileError, DeviceUnavailable
from graphc.runtime.cuda.images import Image
from graphc.runtime.cuda.nvrtc import CUBIN
from graphc.runtime.cuda.toolkit import program, toolkit_files, wheel_files

_OPTIONS = (b"-64", b"-cuda")
_FILE = struct.Struct("<IHHQ")  # magic, version, bytes of this header, bytes that follow
_ENTRY = struct.Struct("<HHIQ12xI8xQ")  # kind, version, bytes of this header, bytes that follow, arch, flags
_MAGIC, _ELF, _EXACT = 0xBA55ED50, 2, 1 << 20  # the last: code for devices of this very arch, such as sm_90a


def fatbin(images: Sequence[Image]) -> bytes:
    """The images in one file: for each arch a cubin, and PTX for devices that are newer than all of these.

    Args:
        images: of the same program. Those of an arch such as ``sm_90a`` run on such devices only, its PTX too.

    Raises:
        DeviceUnavailable: there is nothing installed that makes such files.
        CompileError: the images cannot stand in one file.
    """
    libraries = [*wheel_files("lib/libnvfatbin.so.*"), *toolkit_files("libnvfatbin.so.[0-9][0-9]")]
    if libraries:
        return _by_library(str(max(libraries, key=lambda path: int(re.sub(r"\D", "", path.suffix) or 0))), images)
    tool = program("fatbinary")
    if tool is not None:
        return _by_tool(tool, images)
    raise DeviceUnavailable(
        "there is nothing that puts code for several archs into one file: pip install 'graphc[cuda13]' brings nvFatbin, "
        "and a CUDA toolkit has fatbinary"
    )


def cubin_in(data, arch: str) -> bytes | None:
    """The cubin for an arch in such a file; None if it is not there, or in a form of which nothing is known here."""
    if len(data) < _FILE.size or _FILE.unpack_from(data)[0] != _MAGIC:
        return None
    number, is_exact, at = int(re.sub(r"\D", "", arch)), arch.endswith("a"), _FILE.unpack_from(data)[2]
    while at + _ENTRY.size <= len(data):
        kind, _, header, size, made_for, flags = _ENTRY.unpack_from(data, at)
        if header < _ENTRY.size or at + header + size > len(data):
            return None
        found = bytes(data[at + header : at + header + size])
        if kind == _ELF and made_for == number and bool(flags & _EXACT) == is_exact and found.startswith(b"\x7fELF"):
            return found
        at += header + size
    return None


def _by_library(path: str, images: Sequence[Image]) -> bytes:
    library, handle = ctypes.CDLL(path), ctypes.c_void_p()
    library.nvFatbinGetErrorString.restype = ctypes.c_char_p

    def call(function: str, *arguments) -> None:
        status = getattr(library, function)(*arguments)
        if status:
            raise CompileError(f"the images cannot stand in one file: {function}: {library.nvFatbinGetErrorString(status).decode()}")

    call("nvFatbinCreate", ctypes.byref(handle), (ctypes.c_char_p * len(_OPTIONS))(*_OPTIONS), ctypes.c_size_t(len(_OPTIONS)))
    try:
        for one in images:
            number = one.arch.removeprefix("sm_").encode()
            if one.form == CUBIN:
                call("nvFatbinAddCubin", handle, one.data, ctypes.c_size_t(len(one.data)), number, b"")
            else:
                call("nvFatbinAddPTX", handle, one.data + b"\0", ctypes.c_size_t(len(one.data) + 1), number, b"", b"")
        size = ctypes.c_size_t()
        call("nvFatbinSize", handle, ctypes.byref(size))
        made = ctypes.create_string_buffer(size.value)
        call("nvFatbinGet", handle, made)
        return made.raw
    finally:
        library.nvFatbinDestroy(ctypes.byref(handle))


def _by_tool(tool: str, images: Sequence[Image]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        flags = []
        for k, one in enumerate(images):
            file = Path(folder, f"{k}.{one.form}")
            file.write_bytes(one.data)
            kind = "elf" if one.form == CUBIN else "ptx"
            flags.append(f"--image3=kind={kind},sm={one.arch.removeprefix('sm_')},file={file.name}")
        output = Path(folder, "all.fatbin")
        done = subprocess.run([tool, "-64", f"--create={output.name}", *flags], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise CompileError(f"the images cannot stand in one file: {done.stderr.strip() or done.stdout.strip()}")
        return output.read_bytes()
