"""Where CUDA's libraries and programs are: in wheels from PyPI, in toolkits, on PATH."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

_TOOLKITS = "/usr/local/cuda"  # where NVIDIA's installers put one
_LIBRARIES = ("lib64", "lib", "targets/x86_64-linux/lib", "targets/sbsa-linux/lib", "targets/aarch64-linux/lib")


def wheel_files(pattern: str) -> list[Path]:
    """Files of NVIDIA's wheels, such as ``lib/libnvrtc.so.*``, in the order of ``sys.path``."""
    found: dict[Path, None] = {}
    for folder in sys.path:
        found.update(dict.fromkeys(sorted(Path(folder or ".", "nvidia").glob(f"*/{pattern}"))))
    return list(found)


def toolkit_files(pattern: str) -> list[Path]:
    """Files in the library folders of toolkits, such as ``libnvrtc.so.*``."""
    return [path for root in toolkits() for folder in _LIBRARIES for path in sorted((root / folder).glob(pattern))]


def toolkits() -> Iterator[Path]:
    """The folders of toolkits: those that the environment names, the one of ``nvcc`` on PATH, those of the system."""
    named = [Path(os.environ[name]) for name in ("CUDA_HOME", "CUDA_PATH") if os.environ.get(name)]
    nvcc = shutil.which("nvcc")
    beside = [Path(nvcc).resolve().parent.parent] if nvcc else []
    system = [Path(_TOOLKITS), *sorted(Path(_TOOLKITS).parent.glob(f"{Path(_TOOLKITS).name}-*"), key=_numbers, reverse=True)]
    seen = set()
    for folder in (*named, *beside, *system):
        if folder.is_dir() and folder.resolve() not in seen:
            seen.add(folder.resolve())
            yield folder


def program(name: str) -> str | None:
    """The path of one of CUDA's programs, such as ``nvdisasm``: of a wheel, on PATH, or in a toolkit; None without it."""
    for path in wheel_files(f"bin/{name}"):
        if os.access(path, os.X_OK):
            return str(path)
    found = shutil.which(name)
    if found is not None:
        return found
    return next((path for root in toolkits() if (path := shutil.which(name, path=str(root / "bin")))), None)


def _numbers(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path.name)]
