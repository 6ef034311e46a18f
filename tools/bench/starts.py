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


def one_start(workload: Workload, name: str, threads: int, environments: Path, caches: str, right) -> dict:
    """Seconds of importing the peer and of building to the first result, and the peak of memory after some calls."""
    with tempfile.TemporaryDirectory() as folder:
        process = Process(name, threads, environments, dict.fromkeys(CACHES, caches))
        try:
            told = process.ask(do="build", workload=workload.name, folder=folder)
            if "note" not in told and checked(workload, told.pop("files"), right) > workload.tolerance:
                told = {"note": "wrong results"}
            if "note" not in told:
                told |= process.ask(do="measure", seconds=WARMUP)
        finally:
            process.close()
    return told


def starts(
    workload: Workload, variants: list[str], threads: int, environments: Path, rounds: int, say
) -> dict[str, dict]:
    """By variant the medians of ``import``, ``compile``, ``cached`` (the same with full caches) in seconds, and the bytes of
    ``memory`` at the peak of the process that found the caches full."""
    right, found = reference(workload, Ops()), {}
    wanted = [v for v in variants if v not in workload.without]
    for name in wanted:
        pairs = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as caches:
                try:
                    pairs.append([one_start(workload, name, threads, environments, caches, right) for _ in range(2)])
                except Missing as e:
                    pairs.append([{"note": str(e)}])
            if "note" in pairs[-1][-1]:
                break
        note = pairs[-1][-1].get("note")
        if note:
            found[name] = {"note": note}
            say(f"{workload.name}: {name}: {note}")
            continue
        found[name] = {
            "import": statistics.median(cold["import"] for cold, _ in pairs),
            "compile": statistics.median(cold["compile"] for cold, _ in pairs),
            "cached": statistics.median(again["compile"] for _, again in pairs),
            "memory": statistics.median(again["memory"] for _, again in pairs),
        }
        f = found[name]
        times = f"import {f['import']:.2f} s, compile and run {f['compile']:.2f} s, cached {f['cached']:.3f} s"
        say(f"{workload.name}: {name}: {times}, {f['memory'] / 1e6:.0f} MB")
    return found
