"""``nvcc``, the compiler of a CUDA toolkit, where there is no NVRTC: the same texts, some ten times slower."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import tempfile
from pathlib import Path

from graphc.errors import DeviceUnavailable
from graphc.runtime.cuda.diagnostics import compile_error, unknown_arch
from graphc.runtime.cuda.nvrtc import CUBIN, OPTIONS, Compiled


class Nvcc:
    """One ``nvcc``; as ``Nvrtc``, but each compilation is a process."""

    def __init__(self, path: str):
        self.path = path

    @functools.cached_property
    def _release(self) -> re.Match:
        text = self._run("--version").stdout
        found = re.search(r"release (\d+)\.(\d+), V(\S+)", text)
        if found is None:
            raise DeviceUnavailable(f"{self.path} --version tells no version of CUDA but {text.strip()!r}")
        return found

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor number."""
        return int(self._release[1]), int(self._release[2])

    @property
    def name(self) -> str:
        """For people, such as ``nvcc 13.0``."""
        return "nvcc %d.%d" % self.version

    @property
    def identity(self) -> str:
        """For keys of caches: other releases of the compiler say something else."""
        return f"nvcc {self._release[3]}"

    @functools.cached_property
    def archs(self) -> tuple[str, ...]:
        """The archs that it makes cubins for, without those of the forms ``sm_90a`` and ``sm_100f``."""
        return tuple(name for name in self._run("--list-gpu-code").stdout.split() if name[-1].isdigit())

    def compile(self, source: str, arch: str, options: tuple[str, ...] = (), name: str = "program", form: str = CUBIN) -> Compiled:
        """As ``Nvrtc.compile``.

        Raises:
            CompileError: the text has errors. DeviceUnavailable: this compiler does not know the arch, or does not start.
        """
        if arch.rstrip("af") not in self.archs:
            raise unknown_arch(self.name, arch, self.archs)
        virtual = arch.replace("sm_", "compute_")
        code = arch if form == CUBIN else virtual
        with tempfile.TemporaryDirectory() as folder:
            text, output = Path(folder, f"{name}.cu"), Path(folder, "output")
            text.write_text(source, encoding="utf-8")
            flags = [f"--{form}", f"--generate-code=arch={virtual},code={code}", *OPTIONS, "--ptxas-options=-v", *options]
            done = self._run(*flags, "--output-file", output.name, text.name, folder=folder)
            log = done.stderr + done.stdout
            if done.returncode:
                raise compile_error(self.name, source, arch, name, log)
            return Compiled(output.read_bytes().rstrip(b"\0") if form != CUBIN else output.read_bytes(), log)

    def _run(self, *arguments: str, folder: str | None = None) -> subprocess.CompletedProcess:
        clean = {k: v for k, v in os.environ.items() if k not in ("NVCC_APPEND_FLAGS", "NVCC_PREPEND_FLAGS")}
        try:
            return subprocess.run([self.path, *arguments], cwd=folder, env=clean, capture_output=True, text=True, errors="replace")
        except OSError as error:
            raise DeviceUnavailable(f"{self.path} does not start: {error.strerror or error}") from None
