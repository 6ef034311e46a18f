"""Tries mutants of ONNX models in a process that may die: limits on its time and memory, and what ended it.

``python -m tests.fuzz.onnx_worker`` reads lines ``what way`` and answers each with a line ``what outcome``, where ``what``
is the seed of a mutant or the name of a bomb.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS = float(os.environ.get("GRAPHC_FUZZ_SECONDS", 10))  # of computing that a mutant may take
PATIENCE = 90.0  # seconds until a worker that neither computes nor answers is given up
MEMORY = 3 << 30  # bytes of addresses beyond those of the start
_CARELESS = (TypeError, LookupError, AttributeError, ArithmeticError, AssertionError)  # errors of a handler's own
_GROWN = 1 << 30  # bytes that a mutant may make the process larger


class Worker:
    """A child process that tries mutants; it is started again when one ended it."""

    def __init__(self):
        self._child: subprocess.Popen | None = None
        self._errors = None

    def check(self, what: str, way: str = "run") -> str:
        """What became of a mutant: ``fine ...``, or ``wrong ...`` with the reason.

        Args:
            what: a seed, or the name of a bomb.
            way: ``load`` to load and trace it only, ``run`` to run it too.
        """
        child = self._started()
        child.stdin.write(f"{what} {way}\n".encode())
        child.stdin.flush()
        line = self._line(child)
        if line is not None:
            return line.decode("utf-8", "replace").rstrip("\n").replace("\\n", "\n").partition(" ")[2]
        child.kill()
        code = child.wait()
        self._errors.seek(0)
        said = self._errors.read()[-3000:].decode("utf-8", "replace")
        self.close()
        why = {-signal.SIGPROF: f"took more than {SECONDS:g} s", -signal.SIGKILL: f"did not answer for {PATIENCE:g} s, or was killed"}
        return f"wrong the process ended: {why.get(code, f'code {code}')}\n{said}"

    def _line(self, child) -> bytes | None:
        ready, _, _ = select.select([child.stdout], [], [], PATIENCE)
        line = child.stdout.readline() if ready else b""
        return line if line.endswith(b"\n") else None

    def _started(self) -> subprocess.Popen:
        if self._child is None:
            self._errors = tempfile.TemporaryFile()
            environment = {**os.environ, "GRAPHC_CACHE": "off", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
            self._child = subprocess.Popen([sys.executable, "-m", "tests.fuzz.onnx_worker"], cwd=ROOT, env=environment,
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors)  # fmt: skip
        return self._child

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.stdin.close()
            self._child.stdout.close()
            self._child.kill()
            self._child.wait()
            self._errors.close()
            self._child = None


def hostile(what: str):
    """The mutant of a seed, or a bomb; some names do to the process itself what no model must do."""
    from tests.fuzz.onnx_bombs import BOMBS
    from tests.fuzz.onnx_models import Case
    from tests.fuzz.onnx_mutate import Mutant, mutant

    if what.isdigit():
        return mutant(int(what))
    if what == "_hang":
        signal.setitimer(signal.ITIMER_PROF, 0.1)
        while True:
            pass
    if what == "_crash":
        os.abort()
    if what == "_memory":
        bytearray(2 * MEMORY)  # by far too much, as some of what was there at the start may have been given back
    model, feeds = BOMBS[what.replace("_", " ")]()
    return Mutant(what, model.SerializeToString(), Case(what, model, feeds))


def attempt(what: str, way: str, folder: str) -> str:
    """Load a model, and run it; what came of it."""
    from graphc.errors import GraphcError
    from graphc.onnx import load

    made = hostile(what)
    for name, content in made.case.files.items():
        Path(folder, name).write_bytes(content)
    try:
        model = load(made.data, folder=folder)
        if way == "load":
            model.problems()
            return f"fine loaded: {made.name}"
        model.run({i.name: made.case.feeds[i.name] for i in model.inputs if i.name in made.case.feeds})
    except (GraphcError, OSError) as error:
        if len(str(error)) > 20_000:
            return f"wrong {made.name}: a message of {len(str(error))} characters"
        if isinstance(error.__cause__, _CARELESS) and "not what the operator takes" in str(error):
            return f"wrong {made.name}: the handler does not check\n{traceback.format_exc()[-2500:]}"
        return f"fine {type(error).__name__}: {made.name}: {error}"
    except BaseException:
        return f"wrong {made.name}\n{traceback.format_exc()[-2500:]}"
    return f"fine ran: {made.name}"


def main() -> None:
    """Answer lines of the standard input."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries write must not be taken for answers
    faulthandler.enable()
    faulthandler.register(signal.SIGPROF, chain=True)
    warnings.simplefilter("ignore")
    import graphc.onnx  # noqa: F401  all that is loaded once counts for no mutant
    from tests.fuzz.onnx_models import cases

    cases()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            what, way = line.split()
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            try:
                outcome = attempt(what, way, folder)
            except MemoryError as error:
                outcome = f"wrong {type(error).__name__}"
            signal.setitimer(signal.ITIMER_PROF, 0)
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
            if grown > _GROWN:
                outcome = f"wrong it took {grown >> 20} MiB: {outcome}"
            text = outcome.replace("\n", "\\n")
            answers.write(f"{what} {text}\n")
            answers.flush()


if __name__ == "__main__":
    main()
