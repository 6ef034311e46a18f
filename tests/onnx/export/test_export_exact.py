"""Values where implementations differ: Python's division, rounding, NaN, limits, indices out of range, no elements."""

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from exported import answers, expect_same, operators

import graphc as tf
from graphc import prims
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.onnx.export import export

NAN, INF = np.nan, np.inf


def of(build, *types, name="exact"):
    inputs = tuple(input_node(f"x{k}", t) for k, t in enumerate(types))
    outputs = build(*inputs)
    return Graph(name, inputs, outputs if isinstance(outputs, tuple) else (outputs,))


def line(dtype, n=None):
    return Type(dtype, (symbol("n") if n is None else n,))


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint32", "float32", "float64"])
def test_division_rounds_down_as_python_does(dtype):
    kind = np.dtype(dtype)
    ends = [np.iinfo(kind).min, np.iinfo(kind).max] if kind.kind in "iu" else [INF, -INF]
    values = [*ends, 0, 1, 2, 3, 7] + ([-1, -2, -3, -7] if kind.kind != "u" else [])
    x, y = (v.ravel() for v in np.meshgrid(np.array(values, kind), np.array(values, kind)))
    graph = of(lambda a, b: (prims.floordiv(a, b), prims.mod(a, b)), *[line(dt.as_dtype(kind))] * 2)
    expect_same(graph, [x, y])


@pytest.mark.parametrize("divisor", [1, 2, 7, -3, 0])
def test_division_by_a_constant(divisor):
    x = np.array([-8, -7, -1, 0, 1, 13, 2**31 - 1, -(2**31)], np.int32)
    graph = of(lambda a: (a // divisor, a % divisor), line(dt.i32))
    expect_same(graph, [x])


def test_sizes_are_divided_plainly():
    n = symbol("n")
    graph = of(lambda x: prims.slice(x, (n // 3,), (n,)), Type(dt.f32, (n,)))
    model = expect_same(graph, [np.arange(10, dtype=np.float32)])
    assert operators(model) == {"Shape": 1, "Gather": 1, "Div": 1, "Unsqueeze": 1, "Slice": 1}


def test_the_nearest_even_number():
    expect_same(of(prims.round, line(dt.f32)), [np.array([0.5, 1.5, 2.5, -0.5, -1.5, 2.4], np.float32)])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_nan_is_the_largest_and_the_smallest(dtype):
    kind = dt.as_dtype(np.dtype(dtype))
    x = np.array([[1, NAN, 2], [NAN, INF, 0], [3, 3, -INF], [5, -NAN, NAN], [0, 1, 0]], dtype)
    n = symbol("n")

    def build(v):
        zero = prims.const(0, v.type)
        relu = prims.max(zero, v)
        clipped = prims.min(prims.max(v, prims.const(-1, v.type)), prims.const(2, v.type))
        reduced = [prims.reduce(v, k, (1,)) for k in ("max", "min", "sum")]
        places = [prims.argreduce(v, k, 1) for k in ("max", "min")]
        ordered = [prims.item(prims.sort(v, 1, d), k) for d in (False, True) for k in (0, 1)]
        return (relu, clipped, *reduced, *places, *ordered, prims.isfinite(v), prims.sign(v))

    expect_same(of(build, Type(kind, (n, 3))), [x])


def test_the_first_of_equals():
    n = symbol("n")
    x = np.array([[3, 1, 3, 1], [0, 0, 0, 0]], np.int32)

    def build(v):
        ordered = [prims.item(prims.sort(v, 1, d), 1) for d in (False, True)]
        return (prims.argreduce(v, "max", 1, "int32"), prims.argreduce(v, "min", 1), *ordered)

    expect_same(of(build, Type(dt.i32, (n, 4))), [x])


@pytest.mark.parametrize("target", ["int8", "uint8", "int32", "uint32", "int64", "uint64"])
def test_casts_stop_at_the_limits(target):
    x = np.array([NAN, INF, -INF, 1e30, -1e30, 255.9, -0.9, 3e9, -3e9, 2.5], np.float32)
    for source in ("float32", "float64", "float16"):
        with np.errstate(over="ignore"):
            expect_same(of(lambda v: prims.cast(v, target), line(dt.as_dtype(np.dtype(source)))), [x.astype(source)])


def test_casts_that_fit_are_plain():
    def program(x):
        return tf.cast(tf.cast(x, tf.float32) * 0 + tf.cast(x, tf.float32), tf.int32), tf.cast(
            tf.cast(x, tf.float32), tf.int32
        )

    model = expect_same(program, [np.arange(5, dtype=np.uint8)], [tf.TensorSpec((None,), tf.uint8)])
    (plain,) = [n for n in model.graph.node if n.output[0] == "output_1"]
    assert plain.op_type == "Cast"


def test_less_exact_models_are_smaller():
    def program(x):
        return tf.reduce_max(x, 1), tf.math.top_k(x, 2)[1], tf.cast(x, tf.int32)

    specs, x = [tf.TensorSpec((None, 4))], np.array([[1.5, 2.5, -1.0, 0.0]], np.float32)
    plain = expect_same(program, [x], specs, exact=False)
    assert operators(plain) == {"ReduceMax": 1, "TopK": 1, "Cast": 2}
    assert sum(operators(expect_same(program, [x], specs)).values()) > 12


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_what_lies_out_of_range(dtype):
    """Lookups answer with 0, updates are left out."""
    places = np.array([[-1, 0], [0, 1], [2, 2], [1, 3], [5, 0], [1, 0]], dtype)
    kind, x = dt.as_dtype(np.dtype(dtype)), np.arange(9, dtype=np.float32).reshape(3, 3) + 1
    n = symbol("n")

    def build(v, i, u):
        row = prims.slice(i, (0, 0), (n, 1))
        found = [prims.gather(v, i), prims.gather(v, row)]
        written = [prims.scatter(v, i, u, k) for k in ("set", "add", "max", "min", "mul")]
        return (*found, *written)

    graph = of(build, Type(dt.f32, (3, 3)), Type(kind, (n, 2)), Type(dt.f32, (n,)))
    expect_same(graph, [x, places, np.arange(6, dtype=np.float32) * 2 - 3])


def test_lookups_in_batches():
    b, n = symbol("b"), symbol("n")
    x, i = np.arange(24, dtype=np.float32).reshape(2, 4, 3), np.array([[[0], [3], [9]], [[-1], [1], [1]]], np.int32)
    u = np.ones((2, 3, 3), np.float32)

    def build(v, p, w):
        return prims.gather(v, p, batch=1), prims.scatter(v, p, w, "add", batch=1)

    graph = of(build, Type(dt.f32, (b, n, 3)), Type(dt.i32, (b, 3, 1)), Type(dt.f32, (b, 3, 3)))
    expect_same(graph, [x, i, u])


def test_checked_lookups_are_one_operator():
    model = expect_same(lambda t, i: tf.gather(t, i, axis=1), [np.ones((2, 3), np.float32), np.array([2, 0], np.int32)],
                        [tf.TensorSpec((None, 3)), tf.TensorSpec((None,), tf.int32)])  # fmt: skip
    assert operators(model) == {"Gather": 1}


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
@pytest.mark.parametrize("opset", [14, 18])
def test_tensors_without_elements(shape, opset):
    def program(x):
        y = tf.reshape(x, (tf.shape(x)[0], -1, 1)) if shape[1] else tf.expand_dims(x, 2)
        found = [
            tf.reduce_sum(x, 0),
            tf.reduce_prod(x, 1),
            tf.reduce_any(x > 0, 1),
            tf.reduce_all(x > 0, 0),
            tf.nn.softmax(x),
        ]
        moved = [
            tf.transpose(x),
            tf.concat([x, x], 0),
            x @ tf.transpose(x),
            tf.pad(x, [[1, 0], [0, 1]]),
            tf.tile(x, [2, 2]),
            x[::-1],
        ]
        return [*found, *moved, y, tf.reduce_max(x, 0), tf.reduce_mean(x), tf.where(x > 0), tf.cumsum(x)]

    expect_same(program, [np.zeros(shape, np.float32)], [tf.TensorSpec((None, None))], opset=opset)


def test_powers_of_integers():
    x = np.array([2, -3, 1, -1, 0, 7, 3, 2], np.int64)
    y = np.array([62, 3, -2, -3, -1, 0, 50, 64], np.int64)
    graph = of(lambda a, b: (prims.pow(a, b), prims.pow(a, prims.const(3, a.type))), *[line(dt.i64)] * 2)
    expect_same(graph, [x, y])


def test_small_arguments_keep_their_digits():
    x = np.array([1e-7, -3e-6, 1e-3, 0.4, -0.4, 5.0, -20.0, 80.0, -0.0, INF, -INF, NAN], np.float32)
    y = np.array([1e-8, -2e-7, 0.5, -1.0, 1e20, INF, -2.0, -0.0], np.float32)
    expect_same(of(prims.expm1, line(dt.f32)), [x], None, 2e-6)
    expect_same(of(prims.log1p, line(dt.f32)), [y], None, 2e-6)


def test_shapes_are_64_bit():
    model = export(lambda x: tf.shape(x, tf.int64), inputs=[tf.TensorSpec((None, 3))])
    (found,) = answers(model, [np.zeros((5, 3), np.float32)])
    assert found.dtype == np.int64 and found.tolist() == [5, 3]
