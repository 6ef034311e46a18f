"""Finding the step that changes a result, and the program that shows it elsewhere."""

import os
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import graphc
from graphc.cli import main
from graphc.codegen.llvm import module
from graphc.errors import UsageError
from graphc.inspect.bisect import NATIVE, bisect
from graphc.inspect.repro import rebuilt, repro, seeded
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node, rebuild
from graphc.ir.node import const, make, symbol
from graphc.ir.type import Type
from graphc.options import INEXACT, Options
from graphc.passes import pipeline
from graphc.prims import add, apply, dot, host, mul, neg, sub, tanh
from graphc.prims.interpret import interpret

MODEL = """
import graphc.v1 as tf

x = tf.placeholder(tf.float32, [None, 8], name="x")
w = tf.get_variable("w", [8, 3], initializer=tf.random_normal_initializer(seed=1))
y = tf.tanh(tf.matmul(x, w)) * 3.0
"""
FRESH = Options(cache=False)


def network() -> tuple[Graph, list]:
    """tanh(x w) + x w, with a weight that is too large for the text."""
    x = input_node("x", Type(dt.f32, (symbol("n"), 20)))
    rng = np.random.default_rng(0)
    w = const(rng.standard_normal((20, 5)).astype(np.float32))
    product = dot(x, w, transpose_x=False, transpose_y=False)
    return Graph("net", (x,), (add(tanh(product), product), mul(product, product)), ("y", "z")), [
        rng.standard_normal((3, 20)).astype(np.float32)
    ]


def exact() -> tuple[Graph, list]:
    x, y = (input_node(name, Type(dt.f32, (8,))) for name in "xy")
    return Graph("exact", (x, y), (sub(mul(x, y), neg(y)),)), [np.linspace(-1, 1, 8, dtype=np.float32)] * 2


def swapping(old: str, new: str):
    """A pass at fault: it makes one operation another."""

    def spoil(graph: Graph) -> Graph:
        def visit(node, inputs):
            return make(new, inputs, node.attrs, node.type) if node.op == old else None

        return graph.with_roots(rebuild(graph.roots, visit))

    return spoil


def spoiled(monkeypatch, place: int, *passes):
    """Put passes into the pipeline."""
    right = pipeline.pipeline
    monkeypatch.setattr(pipeline, "pipeline", lambda *a: (*right(*a)[:place], *passes, *right(*a)[place:]))


def miscompiling(monkeypatch):
    """Kernels multiply where they should add."""
    right = module.program_modules
    monkeypatch.setattr(module, "program_modules", lambda *a, **o: (text.replace(" fadd ", " fmul ") for text in right(*a, **o)))


@pytest.mark.parametrize("made", [network, exact])
@pytest.mark.parametrize("options", [FRESH, replace(FRESH, fast_math=True), replace(FRESH, allow=INEXACT)])
def test_nothing_is_wrong(made, options):
    graph, arrays = made()
    verdict = bisect(graph, arrays, options)
    assert verdict.culprit is None and not verdict.changes and verdict.compared[-1] == NATIVE
    assert str(verdict).endswith("no pass changes a result")


def test_a_wrong_pass_is_named(monkeypatch):
    spoiled(monkeypatch, 14, swapping("tanh", "sin"))
    graph, arrays = network()
    verdict = bisect(graph, arrays, FRESH)
    assert verdict.culprit == "spoil" == verdict.compared[-1]
    (change,) = verdict.changes
    right = interpret(graph, *arrays)[0]
    assert change.output == "y" and f"instead of {right[change.at]}, off by" in change.what
    assert f"output y{list(change.at)} is " in str(verdict) and "of 15 elements differ" in str(verdict)


def test_the_first_is_named_where_a_later_pass_repairs_it(monkeypatch):
    spoiled(monkeypatch, 14, swapping("tanh", "tan"), swapping("tan", "tanh"))
    verdict = bisect(*network(), FRESH)
    assert verdict.culprit == "spoil"


def test_one_bit_is_enough_where_nothing_rounds_freely(monkeypatch):
    def spoil(graph: Graph) -> Graph:
        last = graph.outputs[0]
        return graph.with_roots([mul(last, const(np.nextafter(np.float32(1), np.float32(2)), last.type))])

    spoiled(monkeypatch, 20, spoil)
    verdict = bisect(*exact(), FRESH)
    assert verdict.culprit == "spoil" and "no bit of it may change" in str(verdict)


def test_minus_zero_of_a_pass_is_a_change(monkeypatch):
    def spoil(graph: Graph) -> Graph:
        return graph.with_roots([add(y, const(0.0, y.type)) for y in graph.outputs])

    spoiled(monkeypatch, 24, spoil)
    x = input_node("x", Type(dt.f32, (2,)))
    verdict = bisect(Graph("g", (x,), (neg(x),)), [np.zeros(2, np.float32)], FRESH)
    assert verdict.culprit == "spoil" and "is 0.0 instead of -0.0" in str(verdict)


def test_a_pass_that_makes_the_graph_fail_is_named(monkeypatch):
    def refuse(x):
        raise ValueError("spoilt")

    def spoil(graph: Graph) -> Graph:
        return graph.with_roots([host(y, callback=refuse, types=(y.type,)) for y in graph.outputs])

    spoiled(monkeypatch, 24, spoil)
    x = input_node("x", Type(dt.f32, (2,)))
    verdict = bisect(Graph("g", (x,), (tanh(x),)), [np.ones(2, np.float32)], FRESH)
    assert verdict.culprit == "spoil" and "output out0 is not computed; the run stops with ValueError: spoilt" in str(verdict)


def test_one_nan_does_not_let_every_other_element_pass(monkeypatch):
    """Nor may it keep rounding from being forgiven, as in slots of an optimizer that are filled with negative squares."""
    x = input_node("x", Type(dt.f32, (100,)))
    graph, array = Graph("g", (x,), (tanh(apply("sqrt", x)),)), np.linspace(-1, 5, 100, dtype=np.float32)
    right = bisect(graph, [array], FRESH)
    assert right.culprit is None and not right.undecided
    spoiled(monkeypatch, 14, swapping("tanh", "sin"))
    assert bisect(graph, [array], FRESH).culprit == "spoil"


def test_a_wrong_kernel_is_not_blamed_on_a_pass(monkeypatch):
    miscompiling(monkeypatch)
    verdict = bisect(*network(), FRESH)
    assert verdict.culprit == NATIVE and "of 15 elements differ" in str(verdict)


def test_up_to_a_pass(monkeypatch):
    miscompiling(monkeypatch)
    graph, arrays = network()
    verdict = bisect(graph, arrays, FRESH, until="simplify")
    assert verdict.culprit is None and NATIVE not in verdict.compared
    with pytest.raises(UsageError, match="no pass 'nonsense'.*simplify"):
        bisect(graph, arrays, FRESH, until="nonsense")


def test_inputs_are_not_written():
    graph, arrays = exact()
    graph = replace(graph, donated=((0, 0),))
    kept = [a.copy() for a in arrays]
    assert bisect(graph, arrays, FRESH).culprit is None
    assert all(np.array_equal(a, b) for a, b in zip(arrays, kept))


def test_refused_values_are_those_of_the_model():
    x = input_node("x", Type(dt.i32, (4,)))
    graph = Graph("g", (x,), (apply("guard", x, kind="index", limits=(3,), what="g: an index", line=""),))
    with pytest.raises(graphc.errors.InvalidArgumentError):
        bisect(graph, [np.full(4, 7, np.int32)], FRESH)


# ------------------------------------------------------------------------------------------------ callbacks


def calling(function) -> Graph:
    x = input_node("x", Type(dt.f32, (2,)))
    return Graph("calls", (x,), (neg(host(x, callback=function, types=(x.type,))),))


def test_a_callback_that_always_answers_the_same():
    assert bisect(calling(lambda x: x * 2), [np.ones(2, np.float32)], FRESH).culprit is None


def test_a_callback_that_draws_numbers_is_no_fault_of_a_pass():
    random = np.random.default_rng(0)
    graph = calling(lambda x: x + random.random(2).astype(np.float32))
    with pytest.raises(UsageError, match="output out0 is another when .* run twice.*must be seeded in each call: host"):
        bisect(graph, [np.ones(2, np.float32)], FRESH)


def test_no_program_for_a_callback():
    with pytest.raises(UsageError, match="calls Python functions.*graphc bisect"):
        repro(calling(lambda x: x), [np.ones(2, np.float32)])


# --------------------------------------------------------------------------------------------------- repro


def status(path) -> int:
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(path), run_name="__main__")
    return int(stopped.value.code)


def test_the_program_shows_a_wrong_pass(monkeypatch, tmp_path, capsys):
    graph, arrays = network()
    path = tmp_path / "repro.py"
    path.write_text(repro(graph, arrays, FRESH))
    assert status(path) == 0 and "no pass changes a result" in capsys.readouterr().out
    with monkeypatch.context() as fault:
        spoiled(fault, 14, swapping("tanh", "sin"))
        assert status(path) == 1 and "spoil changes a result" in capsys.readouterr().out
    with monkeypatch.context() as fault:
        miscompiling(fault)
        assert status(path) == 1 and f"{NATIVE} changes a result" in capsys.readouterr().out
        path.write_text(repro(graph, arrays, FRESH, until="simplify"))
        assert status(path) == 0


def test_the_program_holds_no_weights():
    graph, arrays = network()
    (weight,) = [n.attr("value").array for n in graph.nodes if n.op == "const"]
    text = repro(graph, arrays, replace(FRESH, fast_math=True, skip=("lay_out",)))
    assert str(weight[1, 1]) not in text and "test_bisect" not in text
    assert "Options(fast_math=True, skip=('lay_out',))" in text
    space: dict = {}
    exec(text.partition("\nverdict")[0], space)
    made = rebuilt(space["TEXT"], space["WEIGHTS"])
    assert [n.op for n in made.nodes] == [n.op for n in graph.nodes]
    (other,) = [n.attr("value").array for n in made.nodes if n.op == "const"]
    assert other.shape == weight.shape and other.dtype == weight.dtype and (other != weight).any()
    assert weight.min() <= other.min() and other.max() <= weight.max()
    assert seeded(space["INPUTS"], 1)[0].shape == (3, 20)


def test_random_numbers_of_every_kind():
    described = [("i8", (50,), -3, 4), ("b1", (9,), 0, 1), ("u64", (9,), 2**63, 2**64 - 1), ("bf16", (9,), 1.0, 2.0),
                 ("c64", (9,), -1.0, 1.0), ("f32", (0, 3), 0.0, 0.0), ("i32", (0,), 0, 0), ("string", (2,), 0, 0)]  # fmt: skip
    first, second = seeded(described, 3), seeded(described, 3)
    assert all(np.array_equal(a, b) for a, b in zip(first, second))
    assert (first[0].min(), first[0].max()) == (-3, 4) and first[2].min() >= 2**63
    assert first[7].tolist() == ["0", "1"]


# ------------------------------------------------------------------------------------------------- commands


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / "net.py"
    path.write_text(MODEL)
    return f"{path}:y"


def test_the_commands(model, tmp_path, capsys, monkeypatch):
    assert main(["bisect", model, "--random", "4"]) == 0
    assert "no pass changes a result" in capsys.readouterr().out
    np.save(tmp_path / "x.npy", np.ones((2, 8), np.float32))
    written = tmp_path / "repro.py"
    assert main(["repro", model, "-i", f"x={tmp_path / 'x.npy'}", "-o", str(written)]) == 0
    with monkeypatch.context() as fault:
        spoiled(fault, 14, swapping("tanh", "sin"))
        assert main(["bisect", model, "--random", "4"]) == 1
        assert "spoil changes a result:\n  output " in capsys.readouterr().out
    path = os.pathsep.join([str(Path(graphc.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, str(written)], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") and "no pass changes a result" in done.stdout


def test_what_is_missing_is_said(model, tmp_path, capsys):
    for command in (["bisect", model], ["repro", model, "-o", str(tmp_path / "r.py")]):
        assert main(command) == 1
        said = capsys.readouterr().err
        assert "input x (f32[" in said and "--input x=FILE.npy or --random SIZE, for the sizes that are open" in said
    assert main(["repro", model, "--random", "2", "-o", str(tmp_path / "r.py"), "--pass", "nonsense"]) == 1
    assert "no pass 'nonsense'" in capsys.readouterr().err and not (tmp_path / "r.py").exists()
