"""What the input sizes must satisfy is stated once, survives the passes, and reads back from text."""

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.parser import parse
from graphc.ir.type import Type
from graphc.passes.pipeline import run
from graphc.passes.require import require
from graphc.prims import concat, ensure, reshape, slice

N = symbol("n")
X = input_node("x", Type(dt.f32, (N, 4)))


def conditions(graph) -> list[str]:
    return [line.split(' "')[0].strip() for line in str(graph).splitlines() if line.startswith("  require")]


def test_what_types_prove_needs_no_requirement():
    graph = Graph("g", (X,), (reshape(X, (N * 4,)), slice(X, (0, 1), (N, 3)), X + 1.0))
    assert require(graph) is graph


def rows_of_seven():
    flat = ensure(reshape(X, (N * 4,)), (N * 4 // 7 * 7,))
    return reshape(flat, (N * 4 // 7, 7))


def test_a_promise_that_may_not_hold():
    graph = require(Graph("g", (X,), (rows_of_seven(),)))
    assert conditions(graph) == ["require n*4 == n*4//7*7"]
    assert require(graph) is graph and graph.requires[0].location is not None


def test_a_slice_of_rows_that_may_not_be_there():
    graph = require(Graph("g", (X,), (slice(X, (2, 0), (5, 4)),)))
    assert conditions(graph) == ["require 5 <= n"]


def test_requirements_outlive_the_operations_that_made_them():
    z = input_node("z", Type(dt.f32, (2, 4)))
    second = slice(concat(slice(X, (2, 0), (5, 4)), z, axis=0), (3, 0), (5, 4))
    done = run(Graph("g", (X, z), (second,)))
    assert done.outputs == (z,) and conditions(done) == ["require 5 <= n"]


def test_text():
    graph = require(Graph("g", (X,), (slice(X, (2, 0), (5, 4)),)))
    assert parse(str(graph)) == graph and "require 5 <= n" in str(graph)
