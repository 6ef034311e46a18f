"""The tool that runs Keras' own tests: what it tells of cases, of workers that die, and of what a peer passes alone."""

import importlib.util
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("keras_conformance", ROOT / "tools" / "keras_conformance.py")
tool = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)

OPS, LAYERS = "keras/src/ops/a_test.py::T::test_{}", "keras/src/layers/core/b_test.py::T::test_{}"


def answers(**outcomes):
    return {(OPS if name < "x" else LAYERS).format(name): [outcome, 0.5, "because"] for name, outcome in outcomes.items()}


RESULTS = {
    "graphc": answers(a="passed", b="failed", c="skipped", x="passed"),
    "jax": answers(a="passed", b="passed", c="failed", d="passed", x="passed"),
}


def test_the_table_counts_by_area_and_against_what_the_peer_passes():
    rows = {line.split("|")[1].strip(): [c.strip() for c in line.split("|")[2:-1]] for line in tool.table(RESULTS).split("\n")}
    assert rows["area"][:3] == ["graphc: passed", "jax: passed", "of those that jax passes"]
    assert rows["ops"] == ["1", "3", "1 (33.3 %)", "1", "0", "2", "2"]
    assert rows["layers"][:3] == ["1", "1", "1 (100.0 %)"] and rows["**all**"][:3] == ["2", "4", "2 (50.0 %)"]


def test_what_the_peer_alone_passes_is_named_and_wants_a_reason(tmp_path, capsys):
    target = tmp_path / "keras.md"
    target.write_text(f"before {tool.BEGIN} old {tool.END} after; test_b: no reason to have it")
    tool.report(RESULTS, {"graphc": (1.0, 3.0), "jax": (2.0, 2.0)}, target)
    said = capsys.readouterr().out
    assert f"failed   {OPS.format('b')}: because\n" in said, "its reason stands in the document"
    assert f"absent   {OPS.format('d')}:  [no reason given]\n" in said
    assert target.read_text().startswith(f"before {tool.BEGIN}\n| area |") and target.read_text().endswith("to have it")


def test_a_worker_that_dies_costs_one_case(tmp_path):
    """A stand-in for a worker: its second case kills it, and what is left is run by another."""
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import json, os, sys\n"
        "for line in sys.stdin:\n"
        "    file, begin, done, cases = json.loads(line)\n"
        "    print(json.dumps(['cases', 3]), flush=True)\n"
        "    for case in ('a', 'b', 'c'):\n"
        "        if case not in done:\n"
        "            print(json.dumps(['start', case]), flush=True)\n"
        "            if case == 'b':\n"
        "                os._exit(3)\n"
        "            print(json.dumps(['end', case, 'passed', 0.1, '']), flush=True)\n"
        "    print(json.dumps(['finished']), flush=True)\n"
    )
    engine = tool.Engine("other", sys.executable)
    engine.start = lambda: tool.subprocess.Popen(
        [sys.executable, str(worker)], stdin=tool.subprocess.PIPE, stdout=tool.subprocess.PIPE
    )
    engine.run(["a_test.py"], "", 1)
    assert {case: answer[0] for case, answer in engine.results.items()} == {"a": "passed", "b": "crashed", "c": "passed"}


def test_cases_of_keras_itself_pass(tmp_path):
    """Some of Keras' own cases, in a worker as the tool runs them."""
    kept = tmp_path / "answers.json"
    files = r"ops/core_test|layers/(rnn/lstm|normalization/batch)[a-z_]*_test"
    command = [sys.executable, tool.__file__, "--only", files, "--areas", "ops", "layers", "--jobs", "1", "--json", str(kept)]  # fmt: skip
    done = tool.subprocess.run(command, capture_output=True, text=True, timeout=600)
    found = json.loads(kept.read_text())["graphc"]["results"]
    wrong = {case: answer for case, answer in found.items() if answer[0] not in ("passed", "skipped")}
    assert not wrong and done.returncode == 0, done.stdout
    assert sum(answer[0] == "passed" for answer in found.values()) > 150
