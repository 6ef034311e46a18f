"""ONNX's backend tests on graphc and on ONNX Runtime, side by side.

    python tools/onnx_conformance.py                      # all 2 033 tests on both
    python tools/onnx_conformance.py --only 'resize|pad'  # some, on graphc alone, with what fails and why
    python tools/onnx_conformance.py --write docs/onnx.md # enters the table by operator there

Every test runs in a worker process that may die or hang without ending the run. Results are compared as the suite itself
compares them, with each test's own tolerances. Needs the ``onnx`` package, and ``onnxruntime`` for the comparison.
"""

from __future__ import annotations

import argparse
import collections
import glob
import json
import os
import pickle
import re
import select
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

KINDS = ("node", "simple", "pytorch-converted", "pytorch-operator", "real")
PASSED, FAILED, UNSUPPORTED, CRASHED, HUNG = "passed", "failed", "unsupported", "crashed", "hung"
PATIENCE = 60  # seconds for one test
BEGIN, END = "<!-- conformance -->", "<!-- /conformance -->"


@dataclass
class Case:
    """One test: its model, the arrays it is given, those it must answer with."""

    name: str
    kind: str
    operator: str
    model: bytes
    data: list
    rtol: float
    atol: float


# ------------------------------------------------------------------------------------------------- the suite


def cases(pattern: str) -> list[Case]:
    """The tests whose names match, in a fixed order."""
    warnings.filterwarnings("ignore")
    from onnx.backend.test.loader import load_model_tests

    found = []
    for kind in KINDS:
        for test in sorted(load_model_tests(kind=kind), key=lambda t: t.name):
            if not re.search(pattern, test.name):
                continue
            model, data = _of_memory(test) if kind == "node" else _of_light(test) if kind == "real" else _of_files(test)
            found.append(Case(test.name, kind, _operator_of(test.name, kind, model), model.SerializeToString(), data,
                              test.rtol, test.atol))  # fmt: skip
    return found


def _operator_of(name: str, kind: str, model) -> str:
    """The operator that a test is about: the rarest kind of node, that which its name has if there is one."""
    if kind == "real":
        return "whole networks"
    names = list(dict.fromkeys(n.op_type for n in model.graph.node))
    plain = re.sub(r"[^a-z0-9]", "", name.lower().removeprefix("test_"))
    fitting = [n for n in names if plain.startswith(n.lower())]
    if fitting:
        return max(fitting, key=len)
    if "expanded" in name:
        from onnx import defs

        known = [s.name for s in defs.get_all_schemas() if plain.startswith(s.name.lower())]
        if known:
            return max(known, key=len)
    fitting = [n for n in names if n.lower() in plain]
    return max(fitting, key=len) if fitting else names[-1] if names else "none"


def _of_memory(test):
    from onnx import TensorProto, numpy_helper

    def array(item):
        return numpy_helper.to_array(item) if isinstance(item, TensorProto) else item

    return test.model, [([array(x) for x in inputs], [array(y) for y in outputs]) for inputs, outputs in test.data_sets]


def _of_files(test):
    import onnx

    model = onnx.load(os.path.join(test.model_dir, "model.onnx"))
    data = []
    for folder in sorted(glob.glob(os.path.join(test.model_dir, "test_data_set*"))):
        sides = []
        for side, infos in (("input", model.graph.input), ("output", model.graph.output)):
            count = len(glob.glob(os.path.join(folder, f"{side}_*.pb")))
            sides.append([_read(os.path.join(folder, f"{side}_{k}.pb"), infos[k].type) for k in range(count)])
        data.append(tuple(sides))
    return model, data


def _read(path: str, type):
    from onnx import OptionalProto, SequenceProto, TensorProto, numpy_helper

    raw = Path(path).read_bytes()
    if type.HasField("sequence_type"):
        return numpy_helper.to_list(SequenceProto.FromString(raw))
    if type.HasField("optional_type"):
        return numpy_helper.to_optional(OptionalProto.FromString(raw))
    return numpy_helper.to_array(TensorProto.FromString(raw))


def _of_light(test):
    import onnx
    from onnx.backend.test.runner import Runner

    path = Path(onnx.__file__).parent.parent / test.url
    model = onnx.load(path)
    defaults = {i.name for i in model.graph.initializer}
    inputs = [Runner.generate_dummy_data(x, seed=0, name=test.name) for x in model.graph.input if x.name not in defaults]
    outputs = [_read(f"{path.with_suffix('')}_output_{k}.pb", y.type) for k, y in enumerate(model.graph.output)]
    return model, [(inputs, outputs)]


# ------------------------------------------------------------------------------------------------- workers


def run_graphc(case: Case, inputs: list) -> list:
    """The outputs by graphc."""
    import graphc

    return graphc.onnx.load(case.model).run(inputs)


def run_ort(case: Case, inputs: list) -> list:
    """The outputs by ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(case.model, options, providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    arrays = [np.asarray(x) if isinstance(x, np.generic) else x for x in inputs]
    return session.run(None, dict(zip(names, arrays)))


def run_reference(case: Case, inputs: list) -> list:
    """The outputs by ONNX's own evaluator."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    model = onnx.load_from_string(case.model)
    defaults = {i.name for i in model.graph.initializer}
    names = [i.name for i in model.graph.input if i.name not in defaults]
    return ReferenceEvaluator(model).run(None, dict(zip(names, inputs)))


ENGINES = {"graphc": run_graphc, "onnxruntime": run_ort, "reference": run_reference}


def work(engine: str) -> None:
    """Answers each path of a case on stdin with a line of JSON on stdout."""
    warnings.filterwarnings("ignore")
    from onnx.backend.test.runner import Runner

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not be taken for an answer
    for line in sys.stdin:
        with open(line.strip(), "rb") as file:
            case = pickle.load(file)
        start = time.perf_counter()
        status, why = PASSED, ""
        try:
            for inputs, wanted in case.data:
                found = ENGINES[engine](case, inputs)
                Runner.assert_similar_outputs(wanted, found, case.rtol, case.atol)
        except Exception as error:
            status, why = _verdict(error)
        print(json.dumps([status, why, time.perf_counter() - start]), file=answers, flush=True)


def _verdict(error: Exception) -> tuple[str, str]:
    text = f"{type(error).__name__}: {error}"
    refused = type(error).__name__ in ("UnimplementedError", "NotImplemented", "NotImplementedError") or (
        "NOT_IMPLEMENTED" in text or "is not a registered function/op" in text
    )
    return (UNSUPPORTED if refused else FAILED), text[:2000]


class Worker:
    """A process that runs tests one after the other, started again when it dies."""

    def __init__(self, engine: str):
        self.engine, self.process = engine, None

    def run(self, path: str) -> tuple[str, str, float]:
        """Status, reason and seconds of one test."""
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                [sys.executable, __file__, "--worker", self.engine], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True,
            )  # fmt: skip
        try:
            self.process.stdin.write(path + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return CRASHED, "the worker died", 0.0
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        if not ready:
            self.close()
            return HUNG, f"no answer in {PATIENCE} s", PATIENCE
        line = self.process.stdout.readline()
        if not line:
            return CRASHED, f"the worker ended with status {self.process.wait()}", 0.0
        return tuple(json.loads(line))

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


# ------------------------------------------------------------------------------------------------- the report


def table(found: list[Case], results: dict[str, dict]) -> str:
    """Markdown: for each operator how many of its tests passed."""
    engines = list(results)
    rows: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    for case in found:
        rows[case.operator]["tests"] += 1
        for engine in engines:
            rows[case.operator][engine, results[engine][case.name][0]] += 1
    heads = ["operator", "tests", *engines, "graphc: not passed"]
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "--:|" * (len(engines) + 1) + "---|"]
    for name in sorted(rows, key=str.lower):
        row = rows[name]
        rest = {s: row["graphc", s] for s in (FAILED, UNSUPPORTED, CRASHED, HUNG) if row["graphc", s]}
        words = ", ".join(f"{n} {s}" for s, n in rest.items())
        lines.append(f"| {name} | {row['tests']} | " + " | ".join(str(row[e, PASSED]) for e in engines) + f" | {words} |")
    return "\n".join(lines)


def summary(found: list[Case], results: dict[str, dict]) -> str:
    """One line for each engine."""
    lines = []
    for engine, answers in results.items():
        count = collections.Counter(status for status, _, _ in answers.values())
        lines.append(f"{engine}: " + ", ".join(f"{count[s]} {s}" for s in (PASSED, FAILED, UNSUPPORTED, CRASHED, HUNG)))
    peers = [e for e in results if e != "graphc"]
    if peers:
        by_all = [c.name for c in found if all(results[e][c.name][0] == PASSED for e in peers)]
        missing = [n for n in by_all if results["graphc"][n][0] != PASSED]
        lines.append(f"passed by {' and '.join(peers)}: {len(by_all)}; of these graphc does not pass {len(missing)}"
                     + (": " + ", ".join(missing[:20]) if missing else "") + (" ..." if len(missing) > 20 else ""))  # fmt: skip
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", metavar="REGEX", help="tests whose names match")
    parser.add_argument("--ort", action="store_true", help="ONNX Runtime too (default where --only is not given)")
    parser.add_argument("--reference", action="store_true", help="ONNX's reference evaluator too (slow)")
    parser.add_argument("--write", metavar="FILE.md", help="put the table into this file")
    parser.add_argument("--json", metavar="FILE", help="keep all answers there")
    parser.add_argument("--worker", choices=ENGINES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker)
        return 0
    engines = ["graphc", *(["onnxruntime"] if options.ort or not options.only else []),
               *(["reference"] if options.reference else [])]  # fmt: skip
    found = cases(options.only)
    workers = {engine: Worker(engine) for engine in engines}
    results: dict[str, dict] = {engine: {} for engine in engines}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "case")
        for case in found:
            with open(path, "wb") as file:
                pickle.dump(case, file)
            for engine, worker in workers.items():
                answer = results[engine][case.name] = worker.run(path)
                if engine == "graphc" and answer[0] != PASSED:
                    first = " / ".join(" ".join(answer[1].split()).split(" at ")[:2])[:300]
                    print(f"{answer[0]:12}{case.name}: {first}", flush=True)
    for worker in workers.values():
        worker.close()
    print(summary(found, results))
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1))
    if options.write:
        target = Path(options.write)
        before, _, rest = target.read_text().partition(BEGIN)
        after = rest.partition(END)[2]
        whole = "\n".join([BEGIN, summary(found, results).replace("\n", "  \n"), "", table(found, results), END])
        target.write_text(before + whole + after)
    return 0 if all(a[0] == PASSED for a in results["graphc"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
