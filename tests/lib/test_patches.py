"""Patches as columns against windows taken one by one, and their transpose; sizes known and unknown."""

import itertools

import numpy as np
import pytest

from graphc.compile import compile_graph
from graphc.errors import ShapeError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.lib.patches import fold, unfold

CASES = [((2, 3), (1, 1), (1, 1), (0, 0), (0, 0)), ((3, 2), (2, 1), (1, 2), (1, 0), (0, 2)),
         ((1, 1), (2, 3), (1, 1), (0, 1), (1, 1)), ((3,), (2,), (2,), (1,), (2,))]  # fmt: skip


def by_hand(x, window, stride, dilation, low, high):
    wide = np.pad(x, ((0, 0), (0, 0), *zip(low, high)))
    counts = [(n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(wide.shape[2:], window, stride, dilation)]
    columns = [
        [wide[(slice(None), c, *(i * s + j * d for i, j, s, d in zip(place, offset, stride, dilation)))]
         for place in itertools.product(*map(range, counts))]
        for c in range(x.shape[1]) for offset in itertools.product(*map(range, window))
    ]  # fmt: skip
    return np.array(columns).transpose(2, 0, 1)


@pytest.mark.parametrize("case", CASES)
def test_columns_are_windows_and_fold_is_their_transpose(case):
    random = np.random.default_rng(3)
    x = random.normal(size=(2, 3, 7, 6)[: 2 + len(case[0])])
    columns = by_hand(x, *case)
    back = random.normal(size=columns.shape)
    for batch, size in ((2, 7), (symbol("n"), symbol("h"))):
        node = input_node("x", Type(dt.f64, (batch, 3, size, *x.shape[3:])))
        np.testing.assert_array_equal(compile_graph(Graph("unfold", (node,), (unfold(node, *case),)))(x)[0], columns)
        node = input_node("y", Type(dt.f64, (batch, columns.shape[1], columns.shape[2])))
        (folded,) = compile_graph(Graph("fold", (node,), (fold(node, x.shape[2:], *case),)))(back)
        assert folded.shape == x.shape
        np.testing.assert_allclose((folded * x).sum(), (back * columns).sum(), rtol=1e-12)


def test_columns_that_do_not_fit_are_refused():
    def of(*shape):
        return input_node("x", Type(dt.f32, shape))

    for wrong in (of(2, 9, 4), of(2, 8, 5), of(8, 4)):
        with pytest.raises(ShapeError, match="fold"):
            fold(wrong, (3, 3), (2, 2), (1, 1), (1, 1), (0, 0), (0, 0))
    with pytest.raises(ShapeError, match="unfold"):
        unfold(of(1, 1, 2, 2), (4, 4), (1, 1), (1, 1), (0, 0), (0, 0))
