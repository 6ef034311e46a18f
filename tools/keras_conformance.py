"""Keras' own tests, which its wheel carries, on graphc and on another back end, side by side.

    python tools/keras_conformance.py                                   # all areas, on graphc alone, with what fails
    python tools/keras_conformance.py --only 'ops/numpy' --cases dtype  # some files, some cases
    python tools/keras_conformance.py --engine graphc=PYTHON --engine jax=PYTHON --json FILE    # beside JAX
    python tools/keras_conformance.py --report FILE --write docs/keras.md

The cases of a file run in a worker process that may die or hang without ending the run; ``--jobs`` workers of one engine
run at a time, one engine after the other. Both engines run the same cases in the same order, with nothing but pytest, in
environments that should have the same packages: many cases ask JAX, where it is installed, what is right.

A few cases name the back ends that they know, to make what they test with: ``BRANCHES`` gives them graphc's, in a copy,
and so does ``_with_sparse`` those that make sparse tensors.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import re
import resource
import select
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[1]
AREAS = ("activations", "callbacks", "initializers", "layers", "losses", "metrics", "models", "ops", "optimizers",
         "random", "saving", "trainers", "utils")  # fmt: skip
PASSED, FAILED, SKIPPED, CRASHED, HUNG = "passed", "failed", "skipped", "crashed", "hung"
PATIENCE = 300  # seconds without a word from a worker
LARGE = 1000  # cases that one worker process runs; the rest of a file is a piece of work of its own
# of a test file: text that knows other back ends by name, and the text that knows graphc
_STEP = "\n\n            @tf.function(jit_compile=True)\n"
_FLOAT8 = {
    f'"tensorflow":\n            import tensorflow as tf{_STEP}': f'"graphc":\n            import graphc as tf{_STEP}',
}  # fmt: skip
BRANCHES = {
    "keras/src/trainers/trainer_test.py": {
        '"numpy":\n    from keras.src.backend.numpy.trainer import NumpyTrainer as Trainer':
            '"graphc":\n    from graphc.keras.keras_graphc.trainer import GraphcTrainer as Trainer',
        "CPU_DEVICES = {": 'CPU_DEVICES = {"graphc": "cpu:0",',
        # gradients of tapes are dense, as on JAX
        'if backend.backend() != "jax":\n            # Verify': 'if backend.backend() not in ("jax", "graphc"):\n            # Verify',
    },
    "keras/src/ops/numpy_test.py": {
        '("tensorflow", "jax", "torch"),\n        reason=f"{backend.backend()} backend does not support gradients':
            '("graphc",),\n        reason=f"{backend.backend()} backend does not support gradients',
        '"tensorflow":\n            import tensorflow as tf\n\n            x1 = tf.Variable':
            '"graphc":\n            import graphc as tf\n\n            x1 = tf.Variable',
        'if x_sparse and y_sparse and dtype in ("float16", "int32"):': "if False:  # which TensorFlow cannot multiply",
    },
    # asks whether there are sparse tensors, and makes ragged ones
    "keras/src/ops/core_test.py": {
        "def test_shape_ragged(self):\n        import tensorflow as tf": "def test_shape_ragged(self):\n        import graphc as tf",
    },
    "keras/src/optimizers/optimizer_sparse_test.py": {
        "def mock_variable_assign(variable, value):": "def mock_variable_assign(variable, value, read_value=True):",
    },
    "keras/src/layers/core/dense_test.py": _FLOAT8,
    "keras/src/layers/core/einsum_dense_test.py": _FLOAT8,
}  # fmt: skip
# any file makes sparse tensors where it knows a back end that has them: with graphc, in the words of TensorFlow
_AS_TENSORFLOW = re.compile(r'"tensorflow":\n( +)import tensorflow as tf\n((?:\1.*\n|\n)*)')
_SPARSE = re.compile(r"tf\.SparseTensor\b|tf\.IndexedSlices\(|tf\.sparse\.")
BEGIN, END = "<!-- conformance -->", "<!-- /conformance -->"


# ------------------------------------------------------------------------------------------------- workers


class Reporter:
    """The plugin of pytest that tells the parent of every case when it begins and how it ended."""

    def __init__(self, answers, file: str, begin: int, done: set[str], cases: str):
        self.answers, self.file, self.begin, self.done, self.cases = answers, file, begin, done, cases
        self.outcome, self.why, self.seconds = PASSED, "", 0.0

    def say(self, *what) -> None:
        print(json.dumps(what), file=self.answers, flush=True)

    def pytest_collection_modifyitems(self, session, config, items):
        self.say("cases", len(items))
        wanted = items[self.begin : self.begin + LARGE]
        names = [self.case(i.nodeid) for i in wanted]
        items[:] = [
            i for i, n in zip(wanted, names) if n not in self.done and re.search(self.cases, n, re.IGNORECASE)
        ]

    def case(self, nodeid: str) -> str:
        """The name of a case: that of the file in Keras, if a copy of it runs."""
        return f"{self.file}::{nodeid.partition('::')[2]}"

    def pytest_collectreport(self, report):
        if report.failed:
            self.say("end", self.file, FAILED, 0.0, str(report.longrepr)[-500:])

    def pytest_runtest_logstart(self, nodeid, location):
        self.outcome, self.why, self.seconds = PASSED, "", 0.0
        self.say("start", self.case(nodeid))

    def pytest_runtest_logreport(self, report):
        self.seconds += report.duration
        if report.failed and self.outcome != FAILED:
            self.outcome, self.why = FAILED, _reason(str(report.longrepr))
        elif report.skipped and self.outcome == PASSED:
            self.outcome = SKIPPED

    def pytest_runtest_logfinish(self, nodeid, location):
        self.say("end", self.case(nodeid), self.outcome, round(self.seconds, 3), self.why)


def _reason(text: str) -> str:
    """The lines of a failure that say what was wrong."""
    said = [line[2:].strip() for line in text.split("\n") if line.startswith("E ")]
    return " / ".join(said)[:400] or text[-400:]


def work(engine: str) -> None:
    """Runs the piece of work of every line of stdin, and tells of its cases on stdout."""
    answers = os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)  # what tests print must not be taken for an answer
    os.dup2(nothing, 2)
    if engine == "graphc":
        from graphc.keras import loading

        loading.provide()
    else:
        os.environ["KERAS_BACKEND"] = engine
    import keras
    import pytest

    if engine == "graphc":
        _tell_test_case()
    # what test files import of the file that stands at Keras' root, which the wheel does not carry
    sys.modules["conftest"] = SimpleNamespace(
        skip_if_backend=lambda name, reason: pytest.mark.skipif(name == engine, reason=reason)
    )
    os.chdir(Path(keras.__file__).parents[1])
    folder = tempfile.TemporaryDirectory()  # one for all pieces of a file, which pytest wants to find in one place
    for line in sys.stdin:
        file, begin, done, cases = json.loads(line)
        reporter = Reporter(answers, file, begin, set(done), cases)
        run = with_branch(file, folder.name) if engine == "graphc" else file
        status = pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:warnings", "-p", "no:xdist", run], plugins=[reporter])
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
            reporter.say("end", file, FAILED, 0.0, f"pytest ended with {status!r}")
        reporter.say("finished")


def with_branch(file: str, folder: str) -> str:
    """A copy of a test file that knows graphc where it knows other back ends by name; the file, if it knows none."""
    known = Path(file).read_text()
    text = _with_sparse(known)
    for theirs, ours in BRANCHES.get(file, {}).items():
        if theirs not in text:
            raise ValueError(f"{file} is not the one that BRANCHES is written for: it has no {theirs!r}")
        text = text.replace(theirs, ours)
    if text == known:
        return file
    copy = Path(folder, file.replace("/", "_"))
    copy.write_text(text)
    return str(copy)


def _with_sparse(text: str) -> str:
    def branch(found: re.Match) -> str:
        indent, body = found.groups()
        return f'"graphc":\n{indent}import graphc as tf\n{body}' if _SPARSE.search(body) else found[0]

    return _AS_TENSORFLOW.sub(branch, text)


def _tell_test_case() -> None:
    """Gives the class that Keras' tests are based on graphc's branch."""
    from keras.src import testing

    case = testing.test_case
    exec(compile(_with_sparse(Path(case.__file__).read_text()), case.__file__, "exec"), case.__dict__)
    testing.TestCase = case.TestCase


@dataclass
class Engine:
    """A back end and the Python that has it."""

    name: str
    python: str
    results: dict[str, list] = field(default_factory=dict)  # of each case: outcome, seconds, why
    seconds: float = 0.0
    processor: float = 0.0  # seconds of its workers on processors, which another program beside them does not change much

    def start(self) -> subprocess.Popen:
        path = [str(ROOT)] if self.name == "graphc" else []
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "KERAS_HOME": tempfile.gettempdir()}
        command = [self.python, __file__, "--worker", self.name]
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )

    def run(self, files: list[str], cases: str, jobs: int) -> None:
        """Runs the files with so many workers."""
        begun, used = time.perf_counter(), _processor()
        waiting = collections.deque((file, 0) for file in files)
        workers = [threading.Thread(target=self._drain, args=(waiting, cases)) for _ in range(jobs)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.seconds += time.perf_counter() - begun
        self.processor += _processor() - used

    def _drain(self, waiting: collections.deque, cases: str) -> None:
        process, ran = self.start(), 0
        while waiting:
            try:
                file, begin = waiting.popleft()
            except IndexError:  # the other worker was quicker
                break
            done: list[str] = []
            while not self._piece(process, file, begin, done, cases, waiting):
                process.kill()
                process.wait()
                process = self.start()
            ran += len(done)
            if ran > LARGE:  # what compilers keep of thousands of programs is given back
                _end(process)
                process, ran = self.start(), 0
        _end(process)

    def _piece(self, process, file, begin, done: list, cases, waiting) -> bool:
        """Whether the worker finished its piece; the case in which it did not is among ``done`` then."""
        current, before = None, bool(done)
        process.stdin.write((json.dumps([file, begin, done, cases]) + "\n").encode())
        process.stdin.flush()
        for said in _lines(process):
            if said[0] == "finished":
                return True
            if said[0] == "cases" and begin == 0 and not before:
                waiting.extendleft((file, at) for at in range(LARGE, said[1], LARGE))
            elif said[0] == "start":
                current = said[1]
            elif said[0] == "end":
                self.results[said[1]] = said[2:]
                if said[2] not in (PASSED, SKIPPED):
                    print(f"{self.name}: {said[2]} {said[1]}: {said[4]}", file=sys.stderr, flush=True)
                done.append(said[1])
                current = None
        outcome = CRASHED if process.poll() is not None else HUNG
        self.results[current or file] = [outcome, 0.0, f"the worker {outcome}"]
        done.append(current or file)
        return current is None and len(done) > 1 and done[-2] == file  # it does not get to any case: give up


def _processor() -> float:
    """Seconds that the processes which were waited for spent on processors."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _end(process) -> None:
    process.stdin.close()
    process.wait()


def _lines(process):
    """What the worker says, until it ends or says nothing for too long."""
    pending = b""
    while select.select([process.stdout], [], [], PATIENCE)[0]:
        read = os.read(process.stdout.fileno(), 1 << 16)
        if not read:
            process.wait()
            return
        *whole, pending = (pending + read).split(b"\n")
        for line in whole:
            yield json.loads(line)


# ------------------------------------------------------------------------------------------------- the report


def area(case: str) -> str:
    return case.removeprefix("keras/src/").partition("/")[0]


def table(results: dict[str, dict]) -> str:
    """Markdown: for each area how many cases each engine passed."""
    engines = list(results)
    peers = [e for e in engines if e != "graphc"]
    rows: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    for engine, found in results.items():
        for case, (outcome, seconds, _) in found.items():
            for row in (rows[area(case)], rows["**all**"]):
                row[engine, outcome] += 1
                row[engine, "seconds"] += seconds
                if engine in peers and outcome == PASSED:
                    row[engine, "both"] += results.get("graphc", {}).get(case, [""])[0] == PASSED
    heads = ["area", *(f"{e}: passed" for e in engines), *(f"of those that {e} passes" for e in peers),
             *(f"{e}: skipped" for e in engines), *(f"{e}: s" for e in engines)]  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "--:|" * (len(heads) - 1)]
    for name in sorted(rows, key=lambda n: (n.startswith("*"), n)):
        row = rows[name]
        cells = [f"{row[e, PASSED]}" for e in engines]
        cells += [f"{row[p, 'both']} ({100 * row[p, 'both'] / max(1, row[p, PASSED]):.1f} %)" for p in peers]
        cells += [f"{row[e, SKIPPED]}" for e in engines] + [f"{row[e, 'seconds']:.0f}" for e in engines]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def missing(results: dict[str, dict]) -> list[str]:
    """The cases that a peer passes and graphc does not; without a peer, those that graphc fails."""
    ours = results.get("graphc", {})
    peers = [found for engine, found in results.items() if engine != "graphc"]
    if not peers:
        return [case for case, answer in ours.items() if answer[0] not in (PASSED, SKIPPED)]
    passed = {case for found in peers for case, answer in found.items() if answer[0] == PASSED}
    return sorted(case for case in passed if ours.get(case, [""])[0] != PASSED)


def report(results: dict[str, dict], seconds: dict[str, tuple], target: Path | None) -> None:
    """Prints the table and every case that is missing, and says which of them the target has no word about."""
    for engine in results:
        print(f"{engine}: {seconds[engine][0]:.0f} s, {seconds[engine][1]:.0f} s on processors")
    whole = table(results)
    print(whole)
    known = target.read_text() if target else ""
    for case in missing(results):
        outcome, _, why = results.get("graphc", {}).get(case, ["absent", 0, ""])
        name = case.rpartition("::")[2]
        unsaid = "" if target is None or name in known or name.partition("(")[0] in known else " [no reason given]"
        print(f"{outcome:9}{case}: {why}{unsaid}")
    if target:
        before, _, rest = known.partition(BEGIN)
        after = rest.partition(END)[2]
        target.write_text(f"{before}{BEGIN}\n{whole}\n{END}{after}")


def test_files(python: str, only: str, areas: list[str]) -> list[str]:
    """The test files of the installed Keras, large ones first; the same list for every engine."""
    find = "import importlib.util as u; print(u.find_spec('keras').submodule_search_locations[0])"
    home = Path(subprocess.run([python, "-c", find], capture_output=True, text=True, check=True).stdout.strip())
    found = [p for p in (home / "src").rglob("*_test.py") if areas == ["all"] or p.relative_to(home / "src").parts[0] in areas]
    found.sort(key=lambda p: (-p.stat().st_size, str(p)))
    return [n for n in (str(p.relative_to(home.parent)) for p in found) if re.search(only, n)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", metavar="REGEX", help="files whose paths match")
    parser.add_argument("--cases", default="", metavar="REGEX", help="cases whose names match")
    parser.add_argument("--areas", nargs="+", default=list(AREAS), help="folders of keras/src, or all (default: %(default)s)")
    parser.add_argument("--engine", action="append", default=[], metavar="BACKEND=PYTHON",
                        help="a back end and the Python that has it, keras and pytest (default: graphc in this Python)")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", metavar="FILE", help="keep all answers there")
    parser.add_argument("--report", nargs="+", metavar="FILE", help="run nothing; read the answers of earlier runs")
    parser.add_argument("--write", metavar="FILE.md", help="put the table into this file")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker)
        return 0
    kept = [json.loads(Path(file).read_text()) for file in options.report or ()]
    if not kept:
        engines = [Engine(*engine.split("=", 1)) for engine in options.engine or [f"graphc={sys.executable}"]]
        for engine in engines:
            engine.run(test_files(engine.python, options.only, options.areas), options.cases, options.jobs)
        kept = [{engine.name: {"seconds": engine.seconds, "processor": engine.processor, "results": engine.results} for engine in engines}]
        if options.json:
            Path(options.json).write_text(json.dumps(kept[0], indent=0))
    results = {name: found["results"] for file in kept for name, found in file.items()}
    seconds = {name: (found["seconds"], found["processor"]) for file in kept for name, found in file.items()}
    report(results, seconds, Path(options.write) if options.write else None)
    return 1 if missing(results) else 0


if __name__ == "__main__":
    sys.exit(main())
