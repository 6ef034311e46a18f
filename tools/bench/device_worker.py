"""The process of one peer on a GPU: as ``worker``, but arguments and results stay on the device, and its events tell the time.

    python -m bench.device_worker MODULE VARIANT

Commands: ``{"do": "build", "row": NAME, "size": "full" or "small", "folder": PATH}`` makes a program and puts its first
results into files, ``{"do": "measure", "seconds": S}`` times calls of it, ``{"do": "roof"}`` measures copying.
"""

from __future__ import annotations

import importlib
import math
import os
import sys
import time
from statistics import median

import numpy as np

from .device_rows import ROWS, checked
from .worker import serve

_WARM = 3  # calls before any is timed: memory is taken in the first, steps are recorded in the second
_LONG = 1e-3  # seconds that calls between two marks take together
_MOST = 1000  # calls between two marks
_FEWEST = 5  # times
CORES = 8


class Peer:
    """What answers for one peer: it keeps the program that was built last."""

    def __init__(self, module: str, variant: str):
        self._module, self._variant = module, variant
        self._built = self._inputs = self._clock = None

    def answer(self, command: dict) -> dict:
        match command["do"]:
            case "build":
                return self._build(command)
            case "measure":
                return {"times": self._times(command["seconds"])}
            case "roof":
                return {"roof": self._clock.roof()}
            case other:
                raise ValueError(f"no command {other}")

    def _build(self, command: dict) -> dict:
        """Make the program, and put its first results into files: seconds to open the device, and from the program to them."""
        self._built = self._inputs = None  # gives its memory back before the next one takes some
        row = ROWS[command["row"]]
        workload = getattr(row, command["size"])
        start = time.perf_counter()
        peer = importlib.import_module(f"{__package__}.peers.{self._module}")
        self._clock = self._clock or peer.Clock()
        open_in = time.perf_counter() - start
        arrays, _ = workload.data()
        start = time.perf_counter()
        self._built = peer.Built(workload, self._variant, CORES, command["folder"])
        self._inputs = self._built.load(arrays)
        outputs = self._built.call(self._inputs)
        first = checked(row, self._built.first(outputs))
        end = time.perf_counter()
        files = []
        for k, array in enumerate(first):
            files.append(os.path.join(command["folder"], f"{self._module}-{self._variant}-{k}.npy"))
            np.save(files[-1], array)
        return {"open": open_in, "compile": end - start, "files": files, "version": peer.VERSION, "device": self._clock.name}

    def _between(self, count: int) -> float:
        """Seconds of the device for so many calls."""
        first = self._clock.mark()
        for _ in range(count):
            kept = self._built.call(self._inputs)
        last = self._clock.mark()
        del kept
        return self._clock.seconds(first, last)

    def _times(self, seconds: float) -> list[float]:
        """Seconds of the device from one call to the next, as many as fit."""
        self._between(_WARM)
        once = max(median(self._between(1) for _ in range(3)), 1e-9)
        several = min(_MOST, max(1, math.ceil(_LONG / once)))
        found, end = [], time.perf_counter() + seconds
        while time.perf_counter() < end or len(found) < _FEWEST:
            found.append(self._between(several) / several)
        return found


def main() -> None:
    module, variant = sys.argv[1:3]
    serve(CORES, lambda: Peer(module, variant).answer)


if __name__ == "__main__":
    main()
