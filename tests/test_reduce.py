"""The reducer, on graphs that fail because of a fault planted in the process that tries them."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from graphc import prims as p
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.type import Type
from tests.fuzz.checks import VARIATIONS
from graphc.inspect.noise import tolerances
from tests.fuzz.random_graphs import random_case
from tests.fuzz.sample import Sample, read_sample
from tests.native import bits_equal, host_targets
from tools import reduce

WRONG, RAISING, CRASH = (f"tests.fuzz.faults:{name}" for name in ("wrong_rule", "raising_rule", "crash"))
native = pytest.mark.skipif(not host_targets(), reason="needs an x86-64 CPU")


def large() -> Sample:
    """A graph of symbolic size in which each of the planted faults shows."""
    n = symbol("n")
    x, y = input_node("x", Type(dt.f32, (n, 6))), input_node("y", Type(dt.f32, (4, 6)))
    inner_x = input_node("a", y.type)
    inner = Graph("inner", (inner_x,), (p.mul(p.add(inner_x, inner_x), p.add(p.exp(p.tanh(inner_x)), p.sin(inner_x))),))
    called = p.call(p.reverse(y, (1,)), graph=inner)
    tall = p.add(p.concat(x, called), p.sin(p.concat(x, y)))
    turned = p.transpose(p.add(p.abs(x), p.mul(x, x)), (1, 0))
    outputs = (tall, p.reduce(turned, "max", (0,)), p.tanh(x))
    random = np.random.default_rng(0)
    arrays = tuple([random.standard_normal((k, 6)).astype(np.float32) for k in (5, 4)])
    return Sample(Graph("large", (x, y), outputs), arrays)


def crashing() -> Sample:
    sums = p.cumulate(const(np.arange(6, dtype=np.float32)), "sum", 0)
    return Sample(Graph("crashing", (), (p.tanh(sums),)), ())


def ops_of(sample: Sample) -> list[str]:
    return sorted(n.op for n in sample.graph.nodes if n.op not in ("input", "const", "symbol"))


@native
def test_a_wrong_rule():
    found = reduce.reduce_case(large(), WRONG)
    assert ops_of(found) == ["add", "sin"], found.graph
    assert found.graph.outputs[0].type.rank == 2 and all(a.size <= 4 for a in found.arrays)
    assert reduce.guilty(found, WRONG) == ["simplify"]


@native
def test_a_pass_that_raises():
    with reduce.Child(RAISING) as child:
        assert child.failure(large().text()) == "ZeroDivisionError in fail of faults.py"
        assert child.failure(large().text(), ("simplify",)) is None
    assert ops_of(reduce.reduce_case(large(), RAISING)) == ["add", "transpose"]


@native
def test_a_crash():
    with reduce.Child(CRASH) as child:
        assert child.failure(crashing().text()) == "signal 11"
        assert child.failure(crashing().text(), ("fold_constants",)) is None  # by a new process
    found = reduce.reduce_case(crashing(), CRASH)
    assert ops_of(found) == ["cumulate"]


@native
def test_the_command(tmp_path):
    given, made = tmp_path / "graph.txt", tmp_path / "small.txt"
    given.write_text(str(Graph("plain", large().graph.inputs, large().graph.outputs[:2])))
    command = [sys.executable, "tools/reduce.py", str(given), "-o", str(made), "--setup", WRONG, "--size", "n=4"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=reduce.ROOT, env={**os.environ, "PYTHONPATH": ""}
    )
    assert done.returncode == 0, done.stderr
    assert "wrong value" in done.stdout and "does not fail without: simplify" in done.stdout
    text = made.read_text()
    assert text.startswith("# fails with: wrong value") and ops_of(read_sample(text)) == ["add", "sin"]
    done = subprocess.run([*command[:3]], capture_output=True, text=True, cwd=reduce.ROOT)  # without the fault
    assert done.returncode == 1 and "does not fail" in done.stderr


def test_a_hanging_child_is_a_failure():
    with reduce.Child(timeout=0.0) as child:
        assert child.failure(large().text()) == "timeout"


@pytest.mark.parametrize("seed", range(40))
def test_samples_are_read_back(seed):
    case = random_case(seed)
    sample = Sample.of(case, "threads")
    again = read_sample(sample.text(("a note",)))
    assert str(again.graph) == str(read_sample(again.text()).graph) and again.variation == "threads"
    for a, b in zip(sample.arrays, again.arrays, strict=True):
        assert np.array_equal(a, b) if a.dtype == object else bits_equal(np.asarray(a), b)


def test_what_a_text_does_not_give_comes_from_a_seed():
    text = large().text().split("graph @", 1)[1]
    one, two, other = (read_sample("graph @" + text, seed=s, sizes={"n": 7}) for s in (1, 1, 2))
    assert one.arrays[0].shape == (7, 6) and one.text() == two.text() != other.text()


def test_noise_says_what_is_exact():
    x = input_node("x", Type(dt.f32, (50,)))
    graph = Graph("g", (x,), (p.add(x, x), p.sin(x), p.sub(p.exp(x), p.exp(p.neg(x))), p.lt(x, p.neg(x))))
    exact, one, cancelled, discrete = tolerances(graph, (np.linspace(-1, 1, 50, dtype=np.float32),))
    assert exact == discrete == 0 and 1e-6 < one < 1e-4 and one < cancelled < 1e-3


def test_variations_are_known_by_name():
    assert {"compiled", "text", "threads", "disk", "native", "skip:simplify", "skip:fold_constants"} <= set(VARIATIONS)
