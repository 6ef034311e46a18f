"""Programs in C that call CUDA's driver, compiled and linked with the fake driver."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fakecuda import build

from graphc.runtime.cuda.toolkit import toolkits, wheel_files

CC = shutil.which("gcc")
FLAGS = ("-std=c11", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror")


@cache
def cuda_header() -> Path | None:
    """The folder of a ``cuda.h``, of a toolkit, a wheel, or what ``tests/fakecuda/build.py`` fetched; None without one."""
    found = [*wheel_files("include/cuda.h"), *[root / "include/cuda.h" for root in toolkits()]]
    return next((path.parent for path in found if path.exists()), None) or _fetched()


def _fetched() -> Path | None:
    for wheel in sorted((build.folder() / "fetched").glob("nvidia_cuda_runtime-*.whl")):
        place = Path(tempfile.mkdtemp(prefix="cuda-header-"))
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(place, [name for name in archive.namelist() if "/include/" in name])
        return next((path.parent for path in place.rglob("cuda.h")), None)
    return None


def make_driver(folder: Path) -> Path:
    """The fake driver as ``libcuda.so`` and ``libcuda.so.1`` in a folder, which programs are linked with; skips where it cannot be."""
    if CC is None:
        pytest.skip("there is no gcc")
    if cuda_header() is None:
        pytest.skip("there is no cuda.h: python tests/fakecuda/build.py fetches one")
    library, sources = folder / "libcuda.so.1", sorted((Path(__file__).resolve().parent.parent / "fakecuda").glob("*.c"))
    command = [CC, "-std=gnu11", "-O1", "-w", "-fPIC", "-shared", "-Wl,-soname,libcuda.so.1", f"-I{cuda_header()}"]
    subprocess.run([*command, *sources, "-o", library, "-ldl", "-lpthread"], check=True)
    (folder / "libcuda.so").symlink_to(library.name)
    return folder


def linked(driver: Path, output: Path, *files: Path, flags: tuple[str, ...] = ()) -> Path:
    """Compile and link files; no warning is allowed."""
    command = [CC, *FLAGS, *flags, f"-I{cuda_header()}", *files, "-o", output, f"-L{driver}", "-lcuda"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return output


def run(driver: Path, program: Path, *arguments, check: bool = True, **settings) -> subprocess.CompletedProcess:
    """Run it; settings are of the fake driver, by the names of its environment variables."""
    environment = {**os.environ, "LD_LIBRARY_PATH": str(driver), **{k: str(v) for k, v in settings.items()}}
    done = subprocess.run([program, *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=120)
    assert not check or done.returncode == 0, done.stderr
    return done
