"""Measuring a workload: peers in turn, round after round, those whose results are right."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import numpy as np

from .peers.numpy import Ops
from .processes import Missing, Process
from .workload import Workload, error, reference


class Pool:
    """The processes of the variants, kept for several workloads."""

    def __init__(self, variants: list[str], threads: int, environments: Path):
        self.variants, self.threads, self.environments = variants, threads, environments
        self._running: dict[str, Process] = {}

    def process(self, name: str) -> Process:
        if name not in self._running:
            self._running[name] = Process(name, self.threads, self.environments)
        return self._running[name]

    def drop(self, name: str) -> None:
        self._running.pop(name).close()

    def __enter__(self):
        return self

    def __exit__(self, *exception) -> None:
        for name in list(self._running):
            self.drop(name)


def checked(workload: Workload, files: list[str], right: list[np.ndarray]) -> float:
    """The error of results in files, which are removed."""
    found = [np.load(f) for f in files]
    for f in files:
        Path(f).unlink()
    return error(workload, found, right)


def measure(workload: Workload, pool: Pool, rounds: int, seconds: float, say) -> dict:
    """The row of a workload: by variant its times or the note why there are none.

    ``ratio`` is the variant's time by graphc's, the median of the rounds' ratios.
    """
    right = reference(workload, Ops())
    peers: dict[str, dict] = {}
    times: dict[str, list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in pool.variants:
            if name in workload.without:
                continue
            try:
                told = pool.process(name).ask(do="build", workload=workload.name, folder=folder)
            except Missing as e:
                told = {"note": str(e)}
            if "note" in told:
                peers[name] = {"note": told["note"]}
                if told["note"].startswith(("ended", "no answer")):
                    pool.drop(name)
            else:
                off = checked(workload, told.pop("files"), right)
                peers[name] = {k: told[k] for k in ("version", "compile")} | {"error": off}
                if off > workload.tolerance:
                    peers[name]["note"] = f"wrong: error {off:.1e}, {workload.tolerance:.0e} is allowed"
                else:
                    times[name] = []
            if "note" in peers[name]:
                say(f"{workload.name}: {name}: {peers[name]['note']}")
        for k in range(rounds):
            order = list(times)[:: -1 if k % 2 else 1]
            for name in order:
                told = pool.process(name).ask(do="measure", seconds=seconds)
                if "note" in told:
                    peers[name]["note"] = told["note"]
                    del times[name]
                else:
                    times[name].append(told["times"])
    for name, found in times.items():
        every = np.concatenate([np.asarray(t) for t in found])
        low, middle, high = np.percentile(every, (10, 50, 90))
        peers[name] |= {"median": middle, "p10": low, "p90": high, "calls": len(every)}
        if "graphc" in times:
            pairs = zip(found, times["graphc"])
            peers[name]["ratio"] = statistics.median(statistics.median(a) / statistics.median(b) for a, b in pairs)
    return {"threads": pool.threads, "peers": peers}
