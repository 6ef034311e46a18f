"""Array operations on two symbolic sizes: one compiled graph against NumPy for several shapes."""

import numpy as np
import pytest

from graphc.compile import compile_graph
from graphc.errors import ShapeError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.type import Type
from graphc.lib import blocks, diagonal, einsum, grid, index, linalg, math, order, scatter, shape

N, M = symbol("n"), symbol("m")
SHAPES = ((4, 5), (1, 1), (3, 7), (6, 2))
WIDE = ((4, 5), (3, 7), (6, 2))  # at least two rows and columns


def rows(x):
    return index.getitem(shape.shape(x), 0)


def columns(x):
    return index.getitem(shape.shape(x), 1)


def ints(*values):
    return const(np.array(values, np.int32))


def below(v, limits):
    return np.arange(v.shape[1]) < np.array(limits)[:, None]


CASES = {
    "tile": (lambda x: shape.tile(x, [rows(x), 2]), lambda v: np.tile(v, [v.shape[0], 2])),
    "tile by a vector": (lambda x: shape.tile(x, shape.shape(x)), lambda v: np.tile(v, v.shape)),
    "pad": (lambda x: shape.pad(x, [[rows(x), 0], [1, columns(x)]]),
            lambda v: np.pad(v, [[v.shape[0], 0], [1, v.shape[1]]])),
    "symmetric pad": (lambda x: shape.pad(x, [[rows(x), 1], [0, columns(x)]], "SYMMETRIC"),
                      lambda v: np.pad(v, [[v.shape[0], 1], [0, v.shape[1]]], mode="symmetric")),
    "edge pad": (lambda x: shape.pad(x, [[rows(x), 1], [0, columns(x)]], "EDGE"),
                 lambda v: np.pad(v, [[v.shape[0], 1], [0, v.shape[1]]], mode="edge")),
    "split": (lambda x: shape.split(x, [1, -1], axis=1), lambda v: [v[:, :1], v[:, 1:]]),
    "roll": (lambda x: shape.roll(x, 1, 0), lambda v: np.roll(v, 1, 0)),
    "roll by half": (lambda x: shape.roll(x, math.floordiv(rows(x), 2), 1), lambda v: np.roll(v, v.shape[0] // 2, 1)),
    "last element": (lambda x: index.getitem(x, (-1, 0)), lambda v: v[-1, 0]),
    "all but one": (lambda x: index.getitem(x, slice(None, math.subtract(rows(x), 1))), lambda v: v[:-1]),
    "linspace": (lambda x: grid.linspace(0.0, 1.0, rows(x)), lambda v: np.linspace(0, 1, v.shape[0])),
    "sequence mask": (lambda x: index.sequence_mask(ints(1, 2, 3), columns(x)), lambda v: below(v, [1, 2, 3])),
    "one hot": (lambda x: index.one_hot(ints(1, 2, 3), columns(x)),
                lambda v: np.arange(v.shape[1]) == np.array([[1], [2], [3]])),
    "eye": (lambda x: grid.eye(rows(x), columns(x)), lambda v: np.eye(*v.shape)),
    "range": (lambda x: grid.range_(0, rows(x), 2), lambda v: np.arange(0, v.shape[0], 2)),
    "range down": (lambda x: grid.range_(rows(x), 0, -1), lambda v: np.arange(v.shape[0], 0, -1)),
    "diag part": (diagonal.diag_part, np.diagonal),
    "diag": (lambda x: diagonal.diag(x, k=1), lambda v: np.stack([np.diag(r, 1) for r in v])),
    "set diag": (lambda x: diagonal.set_diag(x, math.multiply(diagonal.diag_part(x), 2.0)),
                 lambda v: v + np.eye(*v.shape) * v),
    "trace": (diagonal.trace, np.trace),
    "top k": (lambda x: order.top_k(x, columns(x)), lambda v: [-np.sort(-v), np.argsort(-v, axis=1)]),
    "searchsorted": (lambda x: order.searchsorted(index.getitem(x, 0), index.getitem(x, (slice(None), 0))),
                     lambda v: np.searchsorted(v[0], v[:, 0])),
    "inverse permutation": (
        lambda x: order.invert_permutation(order.argsort(index.getitem(x, 0), direction="DESCENDING")),
        lambda v: np.arange(v.shape[1])[::-1]),
    "space to batch": (
        lambda x: blocks.space_to_batch(shape.reshape(x, [1, rows(x), columns(x)]), [2], [[0, rows(x)]]),
        lambda v: np.pad(v, [[0, v.shape[0]], [0, 0]]).reshape(-1, 2, v.shape[1]).transpose(1, 0, 2)),
    "einsum": (lambda x: einsum.einsum("ij,kj->ik", x, x), lambda v: v @ v.T),
    "tensordot": (lambda x: linalg.tensordot(x, x, [[0, 1], [0, 1]]), lambda v: (v * v).sum()),
    "gram matrix": (lambda x: linalg.matmul(x, x, transpose_a=True), lambda v: v.T @ v),
    "broadcast to a computed shape": (
        lambda x: shape.broadcast_to(index.getitem(x, 0), shape.broadcast_dynamic_shape(shape.shape(x), ints(1, 1))),
        lambda v: np.broadcast_to(v[0], v.shape)),
    "scatter": (lambda x: scatter.scatter_nd(ints([0], [0]), shape.stack([index.getitem(x, 0)] * 2), shape.shape(x)),
                lambda v: np.concatenate([v[:1] * 2, v[1:] * 0])),
    "repeat": (lambda x: shape.repeat(x, rows(x), axis=1), lambda v: np.repeat(v, v.shape[0], 1)),
}  # fmt: skip
SLICES = (slice(None, None, -1), slice(2, None, -1), slice(None, 1, -1), slice(-1, 0, -2), slice(5, 1, -1),
          slice(-2, -9, -1), slice(0, 3, -1), slice(1, -1), slice(-3, None), slice(None, -2), slice(0, None, 2),
          slice(1, None, 3), slice(-4, -1, 2), slice(9, None), slice(3, 1))  # fmt: skip
CASES |= {str(key): (lambda x, key=key: index.getitem(x, key), lambda v, key=key: v[key]) for key in SLICES}
WIDER = {  # these need at least two rows and columns
    "reflecting pad": (lambda x: shape.pad(x, [[1, 1], [0, 1]], "REFLECT"),
                       lambda v: np.pad(v, [[1, 1], [0, 1]], mode="reflect")),
    "diagonal above": (lambda x: diagonal.diag_part(x, k=1), lambda v: np.diagonal(v, 1)),
    "diagonal below": (lambda x: diagonal.diag_part(x, k=-1), lambda v: np.diagonal(v, -1)),
}  # fmt: skip


@pytest.mark.parametrize("name", [*CASES, *WIDER])
def test_one_compile_serves_every_size(name):
    build, definition = CASES.get(name) or WIDER[name]
    x = input_node("x", Type(dt.f32, (N, M)))
    made = build(x)
    run = compile_graph(Graph("sizes", (x,), tuple(made) if isinstance(made, (list, tuple)) else (made,)))
    for sizes in SHAPES if name in CASES else WIDE:
        v = np.arange(np.prod(sizes), dtype=np.float32).reshape(sizes) + 1
        wanted = definition(v)
        for a, b in zip(run(v), wanted if isinstance(wanted, list) else [wanted], strict=True):
            assert a.shape == np.shape(b)
            np.testing.assert_allclose(a, b, rtol=1e-5, err_msg=f"{name} {sizes}")


PLACES = {
    "element": (lambda x, k: index.getitem(x, k), lambda v, k: v[k]),
    "roll": (lambda x, k: shape.roll(x, k, 1), lambda v, k: np.roll(v, k, 1)),
    "slice": (lambda x, k: index.slice_of(x, [k, 0], [1, -1]), lambda v, k: v[k : k + 1]),
    "slice of a known width": (lambda x, k: index.getitem(x, slice(k, math.add(k, 2))), lambda v, k: v[k : k + 2]),
}


@pytest.mark.parametrize("name", PLACES)
def test_places_that_only_a_run_knows(name):
    build, definition = PLACES[name]
    x, k = input_node("x", Type(dt.f32, (N, M))), input_node("k", Type(dt.i32, ()))
    run = compile_graph(Graph("places", (x, k), (build(x, k),)))
    for sizes in WIDE:
        v = np.arange(np.prod(sizes), dtype=np.float32).reshape(sizes)
        np.testing.assert_array_equal(run(v, np.int32(1))[0], definition(v, 1))


OUTSIDE = {
    "gather": (lambda x: index.gather(x, [0, 3]), "gather: index 3 is out of range for axis 0"),
    "gather axis": (lambda x: index.gather(x, [-1], axis=1), "gather: index -1 is out of range for axis 1"),
    "gather_nd": (lambda x: index.gather_nd(x, [[0, 4]]), "gather_nd: index 4 is out of range for axis 1"),
    "scatter": (lambda x: scatter.tensor_scatter_nd_add(x, [[0, 1], [3, 1]], [1.0, 2.0]),
                "tensor_scatter_nd_add: index 3 is out of range for axis 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
def test_constant_indices_out_of_range_are_refused_at_once(name):
    build, message = OUTSIDE[name]
    with pytest.raises(ShapeError, match=message):
        build(input_node("x", Type(dt.f32, (3, 4))))
