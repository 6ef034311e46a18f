"""The process of one peer: commands come in as lines of JSON, and answers go out; nothing runs between them.

    python -m bench.worker MODULE VARIANT THREADS

Commands: ``{"do": "build", "workload": NAME, "folder": PATH}`` makes a program and puts its first results into files,
``{"do": "measure", "seconds": S}`` times calls of it.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import math
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable

import numpy as np

from .peers import layout
from .workload import Workload
from .workloads import WORKLOADS

SHORT = 20e-6  # calls that take less are timed several at once
OF_MODELS = {"graphc": "graphc_model"}  # files of peers whose quantised programs are models
FILES = {"onnxruntime": True, "openvino": False, "graphc_model": False}  # by peer: does it have its own attention?
PR_SET_PDEATHSIG = 1
COLD = 96 << 20  # bytes that no cache holds


class Running:
    """A built workload with the inputs that its calls go through in turn."""

    def __init__(self, built, workload: Workload):
        self._built, self._workload = built, workload
        arrays, _ = workload.data()
        size = sum(a.nbytes for a in arrays)
        copies = max(1, math.ceil(COLD / size)) if workload.rotate else 1
        self._inputs = (
            [] if workload.numpy_io else [built.load([np.array(a) for a in arrays]) for _ in range(min(copies, 64))]
        )
        self._arrays, self._next = arrays, 0
        self.call = self._with_numpy if workload.numpy_io else self._plain

    def _plain(self):
        built, inputs = self._built, self._inputs
        self._next = k = (self._next + 1) % len(inputs)
        outputs = built.call(inputs[k])
        built.finish(outputs)
        return outputs

    def _with_numpy(self):
        return self._built.numpy_call(self._arrays)

    def times(self, seconds: float) -> list[float]:
        """Seconds of single calls, as many as fit."""
        call, clock = self.call, time.perf_counter
        start = clock()
        kept = call()
        once = clock() - start
        if once < 1e-3:
            start = clock()
            for _ in range(10):
                kept = call()
            once = (clock() - start) / 10
        several = 1 if once > SHORT else math.ceil(SHORT * 5 / once)
        found: list[float] = []
        end = clock() + seconds
        while clock() < end or len(found) < 3:
            start = clock()
            for _ in range(several):
                kept = call()
            found.append((clock() - start) / several)
        del kept
        return found


def build(module: str, variant: str, threads: int, command: dict) -> tuple[Running, dict]:
    """The workload, with its first results in files, and the seconds from the import of the peer to them."""
    workload = WORKLOADS[command["workload"]]
    arrays, _ = workload.data()
    module = OF_MODELS.get(module, module) if workload.quantised else module
    if module in FILES:  # a user has it
        write = importlib.import_module(f"{__package__}.peers.onnx_file").write
        write(workload, layout.path(command["folder"], module), fused_attention=FILES[module])
    start = time.perf_counter()
    peer = importlib.import_module(f"{__package__}.peers.{module}")
    imported = time.perf_counter()
    built = peer.Built(workload, variant, threads, command["folder"])
    if workload.numpy_io:
        first, outputs = [built.numpy_call(arrays)], None
    else:
        outputs = built.call(built.load(arrays))
        built.finish(outputs)
    end = time.perf_counter()
    if outputs is not None:
        first = built.first(outputs)
    files = []
    for k, array in enumerate(first):
        files.append(os.path.join(command["folder"], f"{module}-{variant}-{k}.npy"))
        np.save(files[-1], array)
    del outputs
    told = {"import": imported - start, "compile": end - imported, "files": files, "version": peer.VERSION}
    return Running(built, workload), told


def serve(threads: int, started: Callable[[], Callable[[dict], dict]]) -> None:
    """Be the process that answers commands, on so many cores.

    Args:
        started: called once what a peer prints goes to the error stream; returns what answers a command. An error of it
            is the ``note`` of the answer.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # else one that is stopped would stay when the tool ends
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    answer_to = started()
    for line in sys.stdin:
        try:
            answer = answer_to(json.loads(line))
        except NotImplementedError as e:
            answer = {"note": f"cannot express it: {e}"}
        except Exception as e:
            traceback.print_exc()
            answer = {"note": f"{type(e).__name__}: {e}".splitlines()[0][:200]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


class Peer:
    """What answers for one peer: it keeps the workload that was built last."""

    def __init__(self, module: str, variant: str, threads: int):
        self._which = module, variant, threads
        self._running: Running | None = None

    def answer(self, command: dict) -> dict:
        if command["do"] == "build":
            self._running = None  # gives its memory back before the next one takes some
            self._running, told = build(*self._which, command)
        else:
            told = {"times": self._running.times(command["seconds"])}
        return told | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def main() -> None:
    module, variant, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    serve(threads, lambda: Peer(module, variant, threads).answer)


if __name__ == "__main__":
    main()
