"""How long the first result takes: in a new process with empty caches, and in another one with what that has left."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from .peers.numpy import Ops
from .processes import Missing, Process
from .rounds import checked
from .workload import Workload, reference

CACHES = (
    "GRAPHC_CACHE_DIR",
    "TORCHINDUCTOR_CACHE_DIR",
    "JAX_COMPILATION_CACHE_DIR",
)  # what peers keep compiled programs in
KEEP_ALL = {  # JAX keeps only what took a second to compile, unless it is told to
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
SLOW = 5.0  # seconds of a start from which one is measured, as what varies is little beside it
WARMUP = 0.05  # seconds of calls before the peak of memory is read


def one_start(workload: Workload, name: str, threads: int, environments: Path, caches: str, right, python: dict) -> dict:
    """Seconds of importing the peer and of building to the first result, and the peak of memory after some calls."""
    with tempfile.TemporaryDirectory() as folder:
        process = Process(name, threads, environments, dict.fromkeys(CACHES, caches) | KEEP_ALL | python)
        try:
            told = process.ask(do="build", workload=workload.name, folder=folder)
            if "note" not in told and checked(workload, told.pop("files"), right) > workload.tolerance:
                told = {"note": "wrong results"}
            if "note" not in told:
                told |= process.ask(do="measure", seconds=WARMUP)
        finally:
            process.close()
    return told


def python_caches(folder: str) -> dict[str, str]:
    """Settings with which a peer's Python keeps its bytecode, as it does for users, but in a folder of its own."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(Path(folder, "bytecode"))}


class Starts:
    """Starts of peers with one workload after the other.

    Args:
        bytecode: a folder for what Python keeps of the peers' modules.
        say: told a line for each peer.
    """

    def __init__(self, threads: int, environments: Path, rounds: int, bytecode: str, say):
        self._threads, self._environments, self._rounds, self._say = threads, environments, rounds, say
        self._python = python_caches(bytecode)
        self._slow: set[str] = set()

    def measure(self, workload: Workload, variants: list[str]) -> dict[str, dict]:
        """By variant the medians of ``import``, ``compile`` and ``cached`` (the same with full caches) in seconds, and
        the bytes of ``memory`` at the peak of the process that found the caches full."""
        right, found = reference(workload, Ops()), {}
        for name in [v for v in variants if v not in workload.without]:
            told = found[name] = self._measured(workload, name, right)
            if "note" in told:
                self._say(f"{workload.name}: {name}: {told['note']}")
                continue
            times = f"compile and run {told['compile']:.3f} s, cached {told['cached']:.3f} s"
            size = f"{told['memory'] / 1e6:.0f} MB"
            self._say(f"{workload.name}: {name}: import {told['import']:.2f} s, {times}, {size}")
        return found

    def _measured(self, workload: Workload, name: str, right) -> dict:
        """One variant's medians, or why there are none.

        A first start, which is not counted, leaves the bytecode behind; who was slow with another workload has most.
        """
        pairs: list = []
        if name not in self._slow:
            (told,) = self._started(workload, name, right, 1)
            if "note" in told:
                return told
            if told["import"] + told["compile"] > SLOW:
                self._slow.add(name)
        while len(pairs) < (1 if name in self._slow else self._rounds):
            told = self._started(workload, name, right, 2)
            if "note" in told[-1]:
                return {"note": told[-1]["note"]}
            pairs.append(told)
        return {
            "import": statistics.median(cold["import"] for cold, _ in pairs),
            "compile": statistics.median(cold["compile"] for cold, _ in pairs),
            "cached": statistics.median(again["compile"] for _, again in pairs),
            "memory": statistics.median(again["memory"] for _, again in pairs),
        }

    def _started(self, workload: Workload, name: str, right, count: int) -> list[dict]:
        """Starts one after the other with the same caches, which are empty at first."""
        with tempfile.TemporaryDirectory() as caches:
            try:
                return [
                    one_start(workload, name, self._threads, self._environments, caches, right, self._python)
                    for _ in range(count)
                ]
            except Missing as e:
                return [{"note": str(e)}]
