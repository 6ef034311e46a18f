"""A peer's process seen from the tool: asked by a line, stopped while others are measured."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import tempfile
from pathlib import Path

from .environments import NOT_SET_UP, VARIANTS, Variant, interpreter, surroundings

PATIENCE = 900  # seconds for the slowest of compilers


class Missing(Exception):
    """A peer that cannot be measured here, and why."""


class Process:
    """A worker; it is suspended except inside of ``ask``, so that threads which spin disturb nobody.

    Args:
        variants: in which ``name`` is found. program: the module and its arguments, ``bench.worker`` if none is given.

    Raises:
        Missing: the environment is not there.
    """

    def __init__(self, name: str, threads: int, folder: Path, settings: dict[str, str] | None = None,
                 variants: dict[str, Variant] = VARIANTS, program: tuple[str, ...] = ()):  # fmt: skip
        variant = variants[name]
        python = interpreter(variant, folder)
        if python is None:
            raise Missing(f"{NOT_SET_UP} (python tools/bench setup {variant.environment})")
        self.name = name
        self._noise = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [python, "-m", *(program or ("bench.worker", variant.module, variant.variant or "-", str(threads)))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._noise,
            cwd=tempfile.gettempdir(),
            env=surroundings(variant, threads) | (settings or {}),
        )

    def ask(self, **command) -> dict:
        """The answer to a command; ``note`` in it says what went wrong."""
        process = self._process
        try:
            os.kill(process.pid, signal.SIGCONT)
            process.stdin.write(json.dumps(command).encode() + b"\n")
            process.stdin.flush()
            if not select.select([process.stdout], [], [], PATIENCE)[0]:
                process.kill()
                return {"note": f"no answer in {PATIENCE} s"}
            line = process.stdout.readline()
            if not line:
                return {"note": f"ended: {self._last_words()}"}
            os.kill(process.pid, signal.SIGSTOP)
        except (BrokenPipeError, ProcessLookupError):
            return {"note": f"ended: {self._last_words()}"}
        return json.loads(line)

    def _last_words(self) -> str:
        self._process.wait()
        self._noise.seek(0)
        lines = self._noise.read().decode(errors="replace").strip().splitlines()
        return f"status {self._process.returncode} {lines[-1][:200] if lines else ''}".strip()

    def noise(self) -> str:
        """What it wrote to its error stream so far."""
        self._noise.seek(0)
        return self._noise.read().decode(errors="replace")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._noise.close()
