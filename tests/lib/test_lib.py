"""The lib functions against NumPy: values, symbolic sizes, broadcasting, refusals."""

import math as pymath

import numpy as np
import pytest

from graphc.errors import DtypeError, ShapeError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import Node, const, symbol
from graphc.ir.type import Type
from graphc.lib import (
    diagonal, dims, grid, index, linalg, math, nn, normalization, order, promote, random, reduction, segment, shape,
    special,
)  # fmt: skip
from graphc.prims.interpret import interpret

N, M = symbol("n"), symbol("m")
RNG = np.random.default_rng(0)
A = RNG.normal(size=(4, 3)).astype(np.float32)
B = RNG.normal(size=(4, 3)).astype(np.float32)


def x_(name="x", sizes=(N, 3), dtype=dt.f32) -> Node:
    return input_node(name, Type(dtype, sizes))


def run(out, **arrays):
    """Value of a Node; inputs are found by name."""
    nodes = out if isinstance(out, (list, tuple)) else [out]
    leaves = [n for n in Graph("g", (), tuple(nodes)).nodes if n.op == "input"]
    found = interpret(Graph("g", tuple(leaves), tuple(nodes)), *[arrays[n.attr("name")] for n in leaves])
    return list(found) if isinstance(out, (list, tuple)) else found[0]


UNARY = {
    math.negative: np.negative, math.abs: np.abs, math.sign: np.sign, math.floor: np.floor, math.ceil: np.ceil,
    math.round: np.round, math.exp: np.exp, math.expm1: np.expm1, math.sin: np.sin, math.cos: np.cos, math.tan: np.tan,
    math.sinh: np.sinh, math.cosh: np.cosh, math.tanh: np.tanh, math.atan: np.arctan, math.asinh: np.arcsinh,
    math.square: np.square, math.reciprocal: np.reciprocal, math.is_nan: np.isnan, math.is_inf: np.isinf,
    math.is_finite: np.isfinite, math.sigmoid: lambda a: 1 / (1 + np.exp(-a)),
    math.erf: np.vectorize(pymath.erf), special.erfc: np.vectorize(pymath.erfc),
    nn.relu: lambda a: np.maximum(a, 0), nn.relu6: lambda a: np.clip(a, 0, 6),
    nn.leaky_relu: lambda a: np.where(a > 0, a, 0.2 * a), nn.elu: lambda a: np.where(a > 0, a, np.expm1(a)),
    nn.selu: lambda a: 1.0507009873554805 * np.where(a > 0, a, 1.6732632423543772 * np.expm1(a)),
    nn.softplus: lambda a: np.logaddexp(a, 0), nn.softsign: lambda a: a / (1 + abs(a)),
    nn.silu: lambda a: a / (1 + np.exp(-a)), nn.log_sigmoid: lambda a: -np.logaddexp(-a, 0),
    nn.gelu: lambda a: a * 0.5 * (1 + np.vectorize(pymath.erf)(a / np.sqrt(2))),
    nn.l2_loss: lambda a: np.sum(a * a) / 2,
    nn.softmax: lambda a: np.exp(a) / np.exp(a).sum(-1, keepdims=True),
    nn.log_softmax: lambda a: a - np.log(np.exp(a).sum(-1, keepdims=True)),
}  # fmt: skip


@pytest.mark.parametrize("function", UNARY, ids=lambda f: f.__name__)
def test_unary(function):
    found, wanted = run(function(x_()), x=A), UNARY[function](A)
    assert found.dtype == (np.bool_ if wanted.dtype == bool else np.float32)
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(
    "function", [math.sqrt, math.rsqrt, math.log, math.log1p, math.lgamma, math.acosh], ids=lambda f: f.__name__
)
def test_unary_of_positive(function):
    reference = {math.sqrt: np.sqrt, math.rsqrt: lambda a: a**-0.5, math.log: np.log, math.log1p: np.log1p,
                 math.lgamma: np.vectorize(pymath.lgamma), math.acosh: np.arccosh}[function]  # fmt: skip
    positive = np.abs(A) + 1.5
    np.testing.assert_allclose(run(function(x_()), x=positive), reference(positive), rtol=1e-5)


BINARY = {
    math.add: np.add, math.subtract: np.subtract, math.multiply: np.multiply, math.truediv: np.divide,
    math.maximum: np.maximum, math.minimum: np.minimum, math.atan2: np.arctan2, math.floordiv: np.floor_divide,
    math.floormod: np.mod, math.squared_difference: lambda a, b: (a - b) ** 2, math.equal: np.equal,
    math.not_equal: np.not_equal, math.less: np.less, math.less_equal: np.less_equal, math.greater: np.greater,
    math.greater_equal: np.greater_equal,
}  # fmt: skip


@pytest.mark.parametrize("function", BINARY, ids=lambda f: f.__name__)
def test_binary_broadcasts(function):
    row = B[0]
    for y, sizes in ((B, (N, 3)), (row, (3,)), (B[:, :1], (N, 1)), (B[:1], (1, 3)), (B[0, 0], ())):
        found = run(function(x_(), x_("y", sizes)), x=A, y=np.asarray(y))
        np.testing.assert_allclose(found, BINARY[function](A, y), rtol=1e-6)
        found = run(function(x_("y", sizes), x_()), x=A, y=np.asarray(y))
        np.testing.assert_allclose(found, BINARY[function](y, A), rtol=1e-6)
    np.testing.assert_allclose(run(function(x_(), 2), x=A), BINARY[function](A, np.float32(2)), rtol=1e-6)
    np.testing.assert_allclose(run(function(2.5, x_()), x=A), BINARY[function](np.float32(2.5), A), rtol=1e-6)


def test_integer_division():
    n, k = np.array([7, -7, 7, -7], np.int32), np.array([2, 2, -2, -2], np.int32)
    x, y = x_("n", (4,), dt.i32), x_("k", (4,), dt.i32)
    assert run(math.floordiv(x, y), n=n, k=k).tolist() == [3, -4, -4, 3]
    assert run(math.truncatediv(x, y), n=n, k=k).tolist() == [3, -3, -3, 3]
    assert run(math.truncatemod(x, y), n=n, k=k).tolist() == [1, -1, 1, -1]
    assert run(math.truediv(x, y), n=n, k=k).tolist() == [3.5, -3.5, -3.5, 3.5]
    assert run(reduction.reduce_mean(x), n=n).tolist() == 0


def test_safe_divisions():
    a, b = np.array([1.0, np.inf, 0.0], np.float32), np.array([0.0, 0.0, 2.0], np.float32)
    x, y = x_("a", (3,)), x_("b", (3,))
    assert run(math.divide_no_nan(x, y), a=a, b=b).tolist() == [0.0, 0.0, 0.0]
    assert run(math.multiply_no_nan(x, y), a=a, b=b).tolist() == [0.0, 0.0, 0.0]
    assert run(math.xlogy(y, x), a=a, b=b).tolist() == [0.0, 0.0, -np.inf]


def test_unknown_sizes_are_promised_equal():
    out = math.add(x_(), x_("y", (M, 3)))
    assert out.shape == (N, 3)
    np.testing.assert_array_equal(run(out, x=A, y=B), A + B)
    with pytest.raises(ShapeError):
        run(out, x=A, y=B[:2])


def test_adoption_and_refusals():
    assert math.add(x_(), 1).dtype is dt.f32 and math.add(x_("d", (2,), dt.f64), 1.5).dtype is dt.f64
    with pytest.raises(DtypeError, match="2.5"):
        math.add(x_("n", (2,), dt.i32), 2.5)
    with pytest.raises(DtypeError, match="f32.*f64"):
        math.add(x_(), x_("d", (N, 3), dt.f64))
    with pytest.raises(ShapeError, match="do not broadcast"):
        math.add(x_("p", (2,)), x_("q", (3,)))
    with pytest.raises(DtypeError, match="floating"):
        math.exp(x_("n", (2,), dt.i32))
    with pytest.raises(DtypeError, match="boolean"):
        math.logical_and(x_(), x_())
    with pytest.raises(DtypeError, match="not a number"):
        promote.as_node(object())


LITERALS = [(1, "int32"), (2**40, "int64"), (1.0, "float32"), (True, "bool"), ("a", "string"),
            (np.float64(1), "float64"), ([1, 2.5], "float32"), (np.arange(3), "int64")]  # fmt: skip


@pytest.mark.parametrize("value, dtype", LITERALS)
def test_dtypes_of_literals(value, dtype):
    assert promote.as_node(value).dtype.name == dtype


REDUCTIONS = {
    reduction.reduce_sum: np.sum, reduction.reduce_prod: np.prod,
    reduction.reduce_max: np.max, reduction.reduce_min: np.min,
    reduction.reduce_mean: np.mean, reduction.reduce_std: np.std, reduction.reduce_variance: np.var,
    reduction.reduce_logsumexp: lambda a, axis, keepdims: np.log(np.exp(a).sum(axis=axis, keepdims=keepdims)),
    reduction.reduce_euclidean_norm: lambda a, axis, keepdims: np.sqrt((a * a).sum(axis=axis, keepdims=keepdims)),
}  # fmt: skip


@pytest.mark.parametrize("function", REDUCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions(function, axis, keepdims):
    found = run(function(x_(), axis, keepdims), x=A)
    np.testing.assert_allclose(found, REDUCTIONS[function](A, axis=axis, keepdims=keepdims), rtol=1e-5)


def test_logsumexp_of_infinities():
    rows = np.array([[1000.0, 1000.0, 0], [-np.inf] * 3, [np.inf, 0, 0]], np.float32)
    assert run(reduction.reduce_logsumexp(x_(), 1), x=rows).tolist() == [np.float32(1000 + np.log(2)), -np.inf, np.inf]


def test_positions_and_running_totals():
    assert run(reduction.argmax(x_(), 1), x=A).tolist() == A.argmax(1).tolist()
    assert reduction.argmin(x_(), 0, dt.i32).dtype is dt.i32
    np.testing.assert_allclose(run(reduction.cumsum(x_(), 1), x=A), A.cumsum(1), rtol=1e-6)
    wanted = np.concatenate([np.zeros((4, 1)), A[:, :0:-1].cumsum(1)], 1)[:, ::-1]
    np.testing.assert_allclose(run(reduction.cumsum(x_(), 1, True, True), x=A), wanted, rtol=1e-5)


KEYS = [0, -1, slice(1, None), slice(None, -1), slice(None, 2), slice(None, None, 2), slice(None, None, -1),
        Ellipsis, None, (slice(None), 1), (Ellipsis, 0), (None, 1, Ellipsis, None),
        (slice(1, 3), slice(None, None, -2)), (-1, -1), (slice(10, None),), (slice(-2, 100),)]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_indexing(key):
    for rows in (4, N):
        np.testing.assert_array_equal(run(index.getitem(x_(sizes=(rows, 3)), key), x=A), A[key])


def test_indexing_by_tensors():
    i = input_node("i", Type(dt.i32, ()))
    for k in (0, 2, -1):
        np.testing.assert_array_equal(run(index.getitem(x_(), (slice(None), i)), x=A, i=np.int32(k)), A[:, k])


def test_index_refusals():
    with pytest.raises(ShapeError, match="3 is out of range"):
        index.getitem(x_(), (0, 3))
    with pytest.raises(ShapeError, match="3 indices"):
        index.getitem(x_(), (0, 0, 0))
    with pytest.raises(UsageError):
        index.getitem(x_(), slice(None, None, 0))


def test_gather_and_one_hot():
    picked = np.array([[2, 0], [1, 1]])
    for axis in (0, 1):
        found = run(index.gather(x_(), const(picked), axis=axis), x=A)
        np.testing.assert_array_equal(found, np.take(A, picked, axis))
    np.testing.assert_array_equal(run(index.one_hot(const(np.array([0, 2, 5])), 3)), np.eye(6)[[0, 2, 5], :3])
    assert run(index.one_hot(const(np.array([1])), 2, 5, -1, axis=0, dtype="int32")).tolist() == [[-1], [5]]
    assert run(index.gather_nd(x_(), const(np.array([[0, 1], [2, 2]]))), x=A).tolist() == [A[0, 1], A[2, 2]]


def test_order():
    np.testing.assert_array_equal(run(order.sort(x_()), x=A), np.sort(A))
    np.testing.assert_array_equal(run(order.argsort(x_(), 0, "DESCENDING"), x=A), np.argsort(-A, 0))
    values, places = run(list(order.top_k(x_(), 2)), x=A)
    np.testing.assert_array_equal(values, -np.sort(-A)[:, :2])
    np.testing.assert_array_equal(places, np.argsort(-A)[:, :2])
    hits = run(order.in_top_k(const(np.array([0, 1, 2, 0])), x_(), 1), x=A)
    np.testing.assert_array_equal(hits, A.argmax(1) == [0, 1, 2, 0])


def test_shapes_by_symbols():
    x = x_(sizes=(N, 2, 3))
    assert shape.reshape(x, [-1, 6]).shape == (N, 6) and shape.reshape(x, [-1]).shape == (N * 6,)
    sizes = shape.shape(x)
    assert dims.shape_of(sizes) == (N, 2, 3)
    assert dims.shape_of([index.getitem(sizes, 0), 6]) == (N, 6)
    assert shape.zeros([math.multiply(index.getitem(sizes, 0), 2)]).shape == (N * 2,)
    assert shape.reshape(x, shape.stack([index.getitem(sizes, 0), promote.as_node(-1)])).shape == (N, 6)
    with pytest.raises(dims.DataDependent):
        dims.shape_of(x_("s", (2,), dt.i32))


MOVES = {
    "transpose": (lambda x: shape.transpose(x), lambda a: a.T),
    "expand": (lambda x: shape.expand_dims(x, -1), lambda a: a[..., None]),
    "squeeze": (lambda x: shape.squeeze(shape.expand_dims(x, 1), 1), lambda a: a),
    "concat": (lambda x: shape.concat([x, x, x], -1), lambda a: np.concatenate([a, a, a], -1)),
    "stack": (lambda x: shape.stack([x, x], 1), lambda a: np.stack([a, a], 1)),
    "tile": (lambda x: shape.tile(x, [2, 3]), lambda a: np.tile(a, (2, 3))),
    "repeat": (lambda x: shape.repeat(x, 2, 1), lambda a: np.repeat(a, 2, 1)),
    "pad": (lambda x: shape.pad(x, [[1, 2], [0, 1]], constant_values=7),
            lambda a: np.pad(a, [(1, 2), (0, 1)], constant_values=7)),
    "reflect": (lambda x: shape.pad(x, [[0, 0], [2, 1]], "REFLECT"), lambda a: np.pad(a, [(0, 0), (2, 1)], "reflect")),
    "symmetric": (lambda x: shape.pad(x, [[0, 0], [2, 1]], "SYMMETRIC"),
                  lambda a: np.pad(a, [(0, 0), (2, 1)], "symmetric")),
    "reverse": (lambda x: shape.reverse(x, [1]), lambda a: a[:, ::-1]),
    "broadcast": (lambda x: shape.broadcast_to(x, [2, N, 3]), lambda a: np.broadcast_to(a, (2, 4, 3))),
    "split": (lambda x: shape.split(x, 3, 1)[1], lambda a: a[:, 1:2]),
    "split sizes": (lambda x: shape.split(x, [1, -1], 1)[1], lambda a: a[:, 1:]),
    "unstack": (lambda x: shape.unstack(x, axis=1)[2], lambda a: a[:, 2]),
    "where": (lambda x: math.where(math.greater(x, 0.0), x, 1.0), lambda a: np.where(a > 0, a, 1)),
    "slice": (lambda x: index.slice_of(x, [1, 0], [2, -1]), lambda a: a[1:3]),
    "clip": (lambda x: math.clip_by_value(x, -0.5, 0.5), lambda a: np.clip(a, -0.5, 0.5)),
    "matmul": (lambda x: linalg.matmul(x, x, transpose_b=True), lambda a: a @ a.T),
    "matmul t": (lambda x: linalg.matmul(x, x, transpose_a=True), lambda a: a.T @ a),
    "tensordot": (lambda x: linalg.tensordot(x, x, [[1], [1]]), lambda a: np.tensordot(a, a, [[1], [1]])),
    "moments": (lambda x: normalization.moments(x, [0])[1], lambda a: a.var(0)),
    "bias": (lambda x: nn.bias_add(x, [1.0, 2.0, 3.0]), lambda a: a + [1, 2, 3]),
    "l2 normal": (lambda x: reduction.l2_normalize(x, 1), lambda a: a / np.linalg.norm(a, axis=1, keepdims=True)),
}  # fmt: skip


@pytest.mark.parametrize("case", MOVES)
def test_moves(case):
    build, reference = MOVES[case]
    np.testing.assert_allclose(run(build(x_()), x=A), reference(A), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", ["reflect", "symmetric"])
def test_many_mirrored_axes_are_read_by_place(mode):
    """Pieces of all axes would multiply: 3456 of them took a kernel half a minute to compile."""
    a, pairs = RNG.normal(size=(2, 3, 4, 5, 6)), [(1, 1), (2, 1), (3, 2), (4, 3), (5, 4)]
    for sizes in (a.shape, (2, N, 4, M, 6)):
        out = shape.pad(x_(sizes=sizes, dtype=dt.f64), pairs, mode.upper())
        assert sum(n.op == "concat" for n in Graph("g", (), (out,)).nodes) < len(pairs)
        np.testing.assert_array_equal(run(out, x=a), np.pad(a, pairs, mode))


def test_batched_matmul_broadcasts():
    a, b = RNG.normal(size=(2, 1, 3, 4)), RNG.normal(size=(5, 4, 2))
    out = linalg.matmul(input_node("a", Type(dt.f64, a.shape)), input_node("b", Type(dt.f64, b.shape)))
    np.testing.assert_allclose(run(out, a=a, b=b), a @ b)


def test_made_tensors():
    assert run(grid.range_(5)).tolist() == [0, 1, 2, 3, 4] and run(grid.range_(1.0, 2.0, 0.5)).tolist() == [1.0, 1.5]
    np.testing.assert_allclose(run(grid.linspace(0.0, 1.0, 5)), np.linspace(0, 1, 5))
    assert run(grid.eye(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]] and shape.fill([2, 2], 5).type == Type(
        dt.i32, (2, 2)
    )
    ramp = grid.range_(index.getitem(shape.shape(x_()), 0))
    assert math.add(ramp, 0).shape == (N,)
    np.testing.assert_array_equal(run([ramp, x_()], x=A)[0], np.arange(4))


def test_cross_entropies():
    logits, labels = A * 5, np.eye(3, dtype=np.float32)[[0, 2, 1, 1]]
    logp = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    dense = nn.softmax_cross_entropy_with_logits(x_("t"), x_())
    np.testing.assert_allclose(run(dense, x=logits, t=labels), -(labels * logp).sum(1), rtol=1e-5)
    sparse = nn.sparse_softmax_cross_entropy_with_logits(x_("i", (N,), dt.i64), x_())
    np.testing.assert_allclose(run(sparse, x=logits, i=labels.argmax(1)), -(labels * logp).sum(1), rtol=1e-5)
    assert np.isnan(run(sparse, x=logits, i=np.array([0, 3, -1, 1]))).tolist() == [False, True, True, False]
    sigmoid = nn.sigmoid_cross_entropy_with_logits(x_("t"), x_())
    p = 1 / (1 + np.exp(-logits.astype(np.float64)))
    np.testing.assert_allclose(run(sigmoid, x=logits, t=labels), -np.log(np.where(labels == 1, p, 1 - p)), rtol=1e-4)


def test_softmax_does_not_overflow():
    rows = np.array([[1000.0, 1000.0, -1000.0]], np.float32)
    assert run(nn.softmax(x_()), x=rows).tolist() == [[0.5, 0.5, 0.0]]
    assert run(nn.log_softmax(x_()), x=rows)[0, 2] == pytest.approx(-2000 - np.log(2))


def test_random_is_a_function_of_key_and_counter():
    counter = input_node("c", Type(dt.u64, ()))
    draw = random.normal(random.key_of(1, 2), counter, (1000,))
    one, two = run(draw, c=np.uint64(0)), run(draw, c=np.uint64(1))
    np.testing.assert_array_equal(one, run(draw, c=np.uint64(0)))
    assert (one != two).all() and np.isfinite(one).all() and abs(one.mean()) < 0.1 and abs(one.std() - 1) < 0.1
    assert draw is not random.normal(random.key_of(1, 3), counter, (1000,))


def test_linear_systems():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 4, 4)), rng.normal(size=(2, 4, 3))
    spd = a @ a.transpose(0, 2, 1) + 4 * np.eye(4)
    np.testing.assert_allclose(run(linalg.matrix_inverse(const(a))), np.linalg.inv(a), rtol=1e-9)
    np.testing.assert_allclose(run(linalg.matrix_determinant(const(a))), np.linalg.det(a), rtol=1e-9)
    np.testing.assert_allclose(run(linalg.matrix_solve(const(a), const(b))), np.linalg.solve(a, b), rtol=1e-9)
    turned = np.linalg.solve(a.transpose(0, 2, 1), b)
    np.testing.assert_allclose(run(linalg.matrix_solve(const(a), const(b), adjoint=True)), turned, rtol=1e-9)
    np.testing.assert_allclose(run(linalg.cholesky(const(spd))), np.linalg.cholesky(spd), rtol=1e-9)
    values, vectors = [run(n) for n in linalg.self_adjoint_eig(const(spd))]
    np.testing.assert_allclose(vectors * values[:, None] @ vectors.transpose(0, 2, 1), spd, rtol=1e-9)
    assert run(linalg.cross([1.0, 0, 0], [0.0, 1, 0])).tolist() == [0, 0, 1]
    with pytest.raises(ShapeError, match="cross: needs two tensors of vectors of size 3"):
        linalg.cross([1.0, 0], [0.0, 1])


def test_diagonals_and_grids():
    assert run(diagonal.diag([1, 2])).tolist() == [[1, 0], [0, 2]]
    for shape_ in ((2, 2), (2, 3), (3, 2)):
        array = np.arange(6.0)[: shape_[0] * shape_[1]].reshape(shape_)
        assert run(diagonal.diag_part(const(array))).tolist() == array.diagonal().tolist()
    for indexing in ("xy", "ij"):
        ours = [run(n).tolist() for n in grid.meshgrid([1, 2, 3], [4, 5], indexing=indexing)]
        assert ours == [n.tolist() for n in np.meshgrid([1, 2, 3], [4, 5], indexing=indexing)]


def test_segments_and_scatter():
    rows = const(np.arange(8.0).reshape(4, 2))
    assert run(segment.unsorted_segment_sum(rows, [2, 0, 2, -1], 3)).tolist() == [[2, 3], [0, 0], [4, 6]]
    with pytest.raises(ShapeError, match=r"must have the shape \[2,2\] of indices and rows"):
        index.scatter(rows, const(np.array([0, 1])), const(np.zeros((3, 2))), "add")


def test_softmax_divides_once_for_each_row():
    out = nn.softmax(const(np.ones((3, 5), np.float32)))
    divisions, stack = [], [out]
    while stack:
        n = stack.pop()
        divisions += [n.shape] if n.op == "div" else []
        stack.extend(n.inputs)
    assert divisions == [(3, 1)]
    assert run(nn.softmax(const(np.array([-1e38, 1e38, 0.0], np.float32)))).tolist() == [0, 1, 0]
    assert run(nn.log_softmax(const(np.array([-1e4, 0.0, 1e4], np.float32)))).tolist() == [-2e4, -1e4, 0]
