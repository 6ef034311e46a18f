"""Slices and ranges whose sizes are known while running: those that hold nothing are empty, as NumPy's are."""

import itertools

import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.lib.grid import range_
from graphc.lib.index import getitem
from graphc.prims.interpret import interpret
from tests.native import host_targets, run_native

N = symbol("n")
X = input_node("x", Type(dt.i32, (N,)))
BOUNDS = (None, 0, 2, 6, -1, -4)


def answers(graph: Graph, array: np.ndarray):
    """By the interpreter, and compiled where this machine can."""
    yield interpret(graph, array)
    for target in host_targets()[:1]:
        yield run_native(graph, [array], target)


@pytest.mark.parametrize("step", [None, 2, -1, -3])
def test_slices_with_bounds_in_any_order(step):
    keys = [slice(a, b, step) for a, b in itertools.product(BOUNDS, repeat=2)]
    graph = Graph("slices", (X,), tuple([getitem(X, key) for key in keys]))
    for n in (0, 1, 5, 9):
        array = np.arange(n, dtype=np.int32)
        for found in answers(graph, array):
            for key, got in zip(keys, found, strict=True):
                np.testing.assert_array_equal(got, array[key], err_msg=f"{key} of {n}")


def test_ranges_that_would_be_shorter_than_nothing():
    def ways(n) -> list:
        return [(n - 3,), (4, n), (n, 4, -1), (n, 1, -2), (0, n - 2, 3), (5, 2 - n)]

    graph = Graph("ranges", (X,), tuple([range_(*way, dtype=dt.i64) for way in ways(N)]))
    for n in (0, 1, 4, 9):
        for found in answers(graph, np.arange(n, dtype=np.int32)):
            for way, got in zip(ways(n), found, strict=True):
                np.testing.assert_array_equal(got, np.arange(*way), err_msg=str(way))


def test_a_range_of_a_size_stays_that_size():
    assert range_(N).shape == (N,) and range_(1, N + 1).shape == (N,)
