"""CUDA C++ texts as shared libraries for the CPU: compiled by g++ with the emulator's headers, and kept in the cache."""

from __future__ import annotations

import atexit
import functools
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from graphc.errors import CompileError, DeviceUnavailable
from graphc.ir.gpu import EMULATED
from graphc.runtime.cache import default_cache, digest_of
from graphc.runtime.gpus import host_compiler, why_not_emulated
from graphc.runtime.host import fitting_targets

HEADERS = Path(__file__).resolve().parent
_FLAGS = (
    "-std=c++17", "-O1", "-fPIC", "-pthread", "-w", "-ffp-contract=off", "-fno-fast-math", "-fno-strict-aliasing", "-fno-exceptions", "-fno-rtti",
    "-fwrapv", "-fvisibility=hidden", "-fsanitize=bounds-strict",
)  # fmt: skip
_BOUNDS = r"(?:__launch_bounds__\s*\(\s*(\d+)[^)]*\)\s*)?"
_KERNEL = re.compile(r"__global__\s+" + _BOUNDS + r"void\s+" + _BOUNDS + r"(\w+)\s*\(([^{;]*?)\)\s*\{")
_MOST_THREADS = 1024
_CORE, _FOLDER = "core.o", "emulator-"
_ABANDONED = 30 * 86400  # seconds after which what others made is removed
_lock = threading.Lock()


def build(source: str, kernels: tuple[str, ...]) -> bytes:
    """Compile a text of kernels to the image that ``EmulatedDevice.load`` takes.

    Args:
        source: CUDA C++, whose kernels are ``extern "C" __global__``; compiled with ``GC_EMULATE`` defined.
        kernels: those that will be launched.

    Raises:
        DeviceUnavailable: there is no C++ compiler.
        CompileError: it does not accept the text, or there is no kernel of a name.
    """
    text = source + _ending(source, kernels)
    parts = {"emulator": _headers_digest(), "source": text}
    digest = digest_of(parts)
    cache = default_cache()
    entry = cache.get(digest)
    if entry is not None:
        return bytes(entry["library"])
    image = _compiled(text)
    cache.put(digest, {"library": image}, parts)
    return image


@functools.cache
def compiler() -> tuple[str, ...]:
    """The command of the C++ compiler, with the flags of the emulator.

    Raises:
        DeviceUnavailable: there is none.
    """
    found = host_compiler()
    if found is None:
        raise DeviceUnavailable(f"{EMULATED}: {why_not_emulated()}")
    fused = any(target.fma and target.triple.startswith("x86_64") for target in fitting_targets())
    return (found, *_FLAGS, *(("-mfma",) if fused else ()))


@functools.cache
def _headers_digest() -> str:
    """What all images depend on beside their text."""
    command = compiler()
    version = subprocess.run([command[0], "--version"], capture_output=True, text=True).stdout
    parts = {path.name: path.read_text() for path in sorted(HEADERS.glob("*.?pp"))}
    return digest_of(parts | {"compiler": version, "flags": " ".join(command)})


def _ending(source: str, kernels: tuple[str, ...]) -> str:
    """What follows the text: the table of its kernels, and the text itself, whose lines reports show."""
    known, rows, names = _kernels_of(source), [], []
    for number, name in enumerate(kernels):
        if name not in known:
            raise CompileError(f"cuda-emulated: there is no kernel {name} in the text (extern \"C\" __global__ void {name}(...))")
        threads, parameters = known[name]
        listed = "".join([f'"{p}", ' for p in parameters])
        names.append(f"static const char* const gc_names{number}[] = {{{listed}nullptr}};")
        caller = f"gc_emu::Caller<{name}>"
        rows.append(f'{{"{name}", {threads}, {caller}::words, {caller}::count, gc_names{number}, {caller}::parameters, {caller}::body}}')
    kept = f'static const char gc_text[] __attribute__((used)) = R"gc_text(\nGC_TEXT_BEGIN\n{source}\nGC_TEXT_END)gc_text";'
    return "\n".join(("", kept, *names, f"#define GC_KERNELS {', '.join(rows)}", '#include "entry.hpp"', ""))


def _kernels_of(source: str) -> dict[str, tuple[int, list[str]]]:
    """Most threads of a block and names of parameters, by name of a kernel."""
    found = {}
    for before, after, name, parameters in _KERNEL.findall(re.sub(r"//[^\n]*", "", source)):
        found[name] = (int(before or after or _MOST_THREADS), [re.findall(r"\w+", p)[-1] for p in _split(parameters)])
    return found


def _split(parameters: str) -> list[str]:
    return [p for p in re.sub(r"<[^<>]*>", "", parameters).split(",") if p.strip() and p.strip() != "void"]


def _compiled(text: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="graphc-emulated-") as folder:
        source, image = Path(folder, "kernels.cu"), Path(folder, "kernels.so")
        source.write_text(text)
        shared = _prepared()
        command = [*compiler(), "-shared", "-I", str(shared), "-I", str(HEADERS), "-include", "emulator.hpp"]
        command += ["-x", "c++", str(source), "-x", "none", str(shared / _CORE), "-o", str(image)]
        run = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        if run.returncode:
            raise CompileError(f"cuda-emulated: the C++ compiler does not accept the kernels\n{_first_errors(run.stderr, text)}")
        return image.read_bytes()


def _first_errors(log: str, text: str) -> str:
    """The compiler's first errors, each with its line of the text."""
    lines, shown = text.splitlines(), []
    for number, message in re.findall(r"kernels\.cu:(\d+):\d+: (?:fatal )?error: ([^\n]*)", log)[:3]:
        line = lines[int(number) - 1].strip() if int(number) <= len(lines) else ""
        shown.append(f"  line {number}: {message}\n    {line}")
    return "\n".join(shown) or log.strip()[-2000:]


def _prepared() -> Path:
    """A folder with what all modules share: the headers in the compiler's own form, and ``core.cpp`` as an object.

    It is beside the entries of the cache, or where there is none, the process's own.

    Raises:
        CompileError: the compiler does not accept the emulator itself.
    """
    cache = default_cache().path
    with _lock:
        if cache is not None:
            folder = cache / f"{_FOLDER}{_headers_digest()[:32]}"
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                _prepare(folder)
                return folder
            except OSError:
                pass  # the cache cannot be written
        folder = _own_folder()
        _prepare(folder)
        return folder


@functools.cache
def _own_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="graphc-emulator-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _prepare(folder: Path) -> None:
    """Make what is not there yet; several processes may do so at a time."""
    for made, flags, source in ((_CORE, ("-O2", "-c"), "core.cpp"), ("emulator.hpp.gch", ("-x", "c++-header"), "emulator.hpp")):
        if (folder / made).exists():
            continue
        handle, name = tempfile.mkstemp(prefix=".making-", dir=folder)
        os.close(handle)
        run = subprocess.run([*compiler(), *flags, str(HEADERS / source), "-o", name], capture_output=True, text=True)
        if run.returncode:
            os.unlink(name)
            said = run.stderr.strip()[-2000:] or f"it ends with {run.returncode} and says nothing"
            raise CompileError(
                f"cuda-emulated: the C++ compiler {compiler()[0]} does not accept the emulator; the environment variable CXX names another\n{said}"
            )
        os.replace(name, folder / made)
        for other in folder.parent.glob(f"{_FOLDER}*"):  # of versions of graphc or the compiler that are used no more
            if other != folder and other.stat().st_mtime < time.time() - _ABANDONED:
                shutil.rmtree(other, ignore_errors=True)
