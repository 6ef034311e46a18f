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
WARMUP = 0.05  # seconds of calls before the peak of memory is read


def one_start(workload: Workload, name: str, threads: int, environments: Path, caches: str, right, python: dict) -> dict:
    """Seconds of importing the peer and of building to the first result, and the peak of memory after some calls."""
    with tempfile.TemporaryDirectory() as folder:
        process = Process(name, threads, environments, dict.fromkeys(CACHES, caches) | python)
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


def starts(
    workload: Workload, variants: list[str], threads: int, environments: Path, rounds: int, say
) -> dict[str, dict]:
    """By variant the medians of ``import``, ``compile``, ``cached`` (the same with full caches) in seconds, and the bytes of
    ``memory`` at the peak of the process that found the caches full."""
    right, found = reference(workload, Ops()), {}
    wanted = [v for v in variants if v not in workload.without]
    with tempfile.TemporaryDirectory() as bytecode:
        python = python_caches(bytecode)
        for name in wanted:
            told = _measured(workload, name, threads, environments, rounds, right, python)
            found[name] = told
            if "note" in told:
                say(f"{workload.name}: {name}: {told['note']}")
                continue
            times = f"import {told['import']:.2f} s, compile and run {told['compile']:.2f} s, cached {told['cached']:.3f} s"
            say(f"{workload.name}: {name}: {times}, {told['memory'] / 1e6:.0f} MB")
    return found


def _measured(
    workload: Workload, name: str, threads: int, environments: Path, rounds: int, right, python: dict
) -> dict:
    """One variant's medians, or why there are none. A first start, which is not counted, leaves the bytecode behind."""
    pairs = []
    for turn in range(rounds + 1):
        with tempfile.TemporaryDirectory() as caches:
            count = 2 if turn else 1
            try:
                told = [one_start(workload, name, threads, environments, caches, right, python) for _ in range(count)]
            except Missing as e:
                told = [{"note": str(e)}]
        if "note" in told[-1]:
            return {"note": told[-1]["note"]}
        if turn:
            pairs.append(told)
    return {
        "import": statistics.median(cold["import"] for cold, _ in pairs),
        "compile": statistics.median(cold["compile"] for cold, _ in pairs),
        "cached": statistics.median(again["compile"] for _, again in pairs),
        "memory": statistics.median(again["memory"] for _, again in pairs),
    }
