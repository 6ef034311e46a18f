"""Large products of 16-bit floats on a CUDA device: on sm_90a fed by the copy engine, by tensor maps of their launches."""

from dataclasses import replace

import numpy as np
import pytest

from graphc.compile import compile_graph
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.type import Type
from graphc.options import Options
from graphc.prims.table import apply

pytestmark = pytest.mark.gpu
ROWS, COLUMNS, DEPTH = 1032, 1160, 200  # edges of tiles in every direction
FORMS = [(dt.bf16, False, False), (dt.f16, True, False), (dt.bf16, False, True), (dt.f16, True, True)]


@pytest.mark.parametrize("dtype, tx, ty", FORMS)
def test_products_of_small_integers_are_exact(target, dtype, tx, ty):
    """Sums of 200 products of -1, 0 and 1 have no rounding; two launches, at first one by one, then recorded, then replayed."""
    shapes = (DEPTH, ROWS) if tx else (ROWS, DEPTH), (COLUMNS, DEPTH) if ty else (DEPTH, COLUMNS)
    x, y = [input_node(name, Type(dtype, shape)) for name, shape in zip("xy", shapes)]
    graph = Graph("product", (x, y), (apply("dot", apply("neg", x), y, transpose_x=tx, transpose_y=ty),), ("product",))
    run = compile_graph(graph, replace(Options(target=target), cache=False))
    rng = np.random.default_rng(7)
    for _ in range(3):
        a, b = [rng.integers(-1, 2, shape).astype(np.float32) for shape in shapes]
        (found,) = run(a.astype(dtype.numpy), b.astype(dtype.numpy))
        assert np.array_equal(found.astype(np.float32), -(a.T if tx else a) @ (b.T if ty else b))
