"""Errors of programs that come from the cache on disk."""

import gc

import numpy as np
import pytest

from graphc.compile import compile_graph
from graphc.errors import Location, ShapeError, located
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.prims import apply


def test_a_program_from_the_cache_knows_the_lines_of_the_graph_that_asks():
    alive = []

    def refusal(line):
        with located(line):
            x = input_node("cached_line", Type(dt.f32, (symbol("cached_rows"), 8)))
            graph = Graph("cached", (x,), (apply("exp", x),))
            executable = compile_graph(graph)
            alive.append(graph)
        with pytest.raises(ShapeError) as caught:
            executable(np.ones((2, 9), np.float32))
        return str(caught.value)

    assert "model.py" not in refusal(None)
    gc.collect()  # the first executable, which would be found again
    assert "model.py:2" in refusal(Location("model.py", 2))
