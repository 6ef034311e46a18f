"""What becomes one kernel and what must not; the text of the kernels that matter most."""

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.compile import optimise
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.program import Copy, Launch, Program
from graphc.ir.target import X86_64_V4
from graphc.ir.type import Type
from graphc.lower.fuse import fuse
from graphc.lower.role import COST_LIMIT
from graphc.prims import (
    add, broadcast, cast, concat, cumulate, dot, exp, mul, pad, reduce, reshape, reverse, sin, slice, sqrt, sub, tanh, transpose,
)  # fmt: skip
from graphc.prims.interpret import interpret
from graphc.prims.table import TABLE
from tests.native import host_targets, run_native, verified

TARGETS = host_targets()
N = symbol("n")


def x(name: str, *shape, dtype=dt.f32):
    return input_node(name, Type(dtype, shape))


def graph(inputs, *outputs) -> Graph:
    return Graph("g", tuple(inputs), outputs)


def program(g: Graph) -> Program:
    return verified(g, X86_64_V4)


def launches(g: Graph) -> list[str]:
    """Names of the kernels in the order in which they run; nothing else may stand between."""
    steps = program(g).steps
    assert all(isinstance(s, Launch) for s in steps), steps
    return [s.kernel for s in steps]


def right(g: Graph, n: int = 13) -> None:
    """The compiled graph computes what the graph means."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal([n if d is N else d for d in i.shape]).astype(i.dtype.numpy) for i in g.inputs]
    for got, want in zip(run_native(g, arrays, TARGETS[0]), interpret(g, *arrays), strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5)


def traced(build) -> Graph:
    """A graph made through v1, after the passes."""
    with tf.Graph().as_default():
        return optimise(build())


# ------------------------------------------------------------------------------------------- whole kernels


def softmax() -> Graph:
    logits = tf.placeholder(tf.float32, [None, 100], name="logits")
    return tf.freeze_initial(tf.nn.softmax(logits), name="softmax")


def layer_norm() -> Graph:
    value = tf.placeholder(tf.float32, [None, 256], name="value")
    scale, shift = (tf.placeholder(tf.float32, [256], name=name) for name in ("scale", "shift"))
    mean = tf.reduce_mean(value, 1, keepdims=True)
    variance = tf.reduce_mean(tf.square(value - mean), 1, keepdims=True)
    return tf.freeze_initial((value - mean) * tf.rsqrt(variance + 1e-5) * scale + shift, name="layer_norm")


def dense() -> Graph:
    value = tf.placeholder(tf.float32, [None, 64], name="value")
    weights, bias = tf.placeholder(tf.float32, [64, 48], name="weights"), tf.placeholder(tf.float32, [48], name="bias")
    return tf.freeze_initial(tf.nn.relu(tf.matmul(value, weights) + bias), name="dense")


def cross_entropy() -> Graph:
    logits, labels = (tf.placeholder(tf.float32, [None, 10], name=name) for name in ("logits", "labels"))
    loss = tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.freeze_initial([loss, tf.gradients(loss, logits)[0]], name="cross_entropy")


def adam() -> Graph:
    value, slope = tf.placeholder(tf.float32, [32, 64], name="value"), tf.placeholder(tf.float32, [32, 48], name="slope")
    weights = tf.Variable(np.zeros((64, 48), np.float32), name="weights")
    loss = tf.reduce_sum(tf.matmul(value, weights) * slope)
    return tf.step_graph([tf.train.AdamOptimizer(0.01).minimize(loss)], name="adam")


@pytest.mark.parametrize("build", (softmax, layer_norm, dense, cross_entropy), ids=lambda f: f.__name__)
def test_one_kernel(build, golden):
    made = program(traced(build))
    (step,), (kernel,) = made.steps, made.kernels
    assert isinstance(step, Launch) and made.signature.arena == 0
    golden(f"lower/{build.__name__}.txt", str(kernel) + "\n")


def test_an_adam_update_in_the_gradients_product_and_in_place(golden):
    made = program(traced(adam))
    last = made.steps[-1]
    assert not any(isinstance(s, Copy) for s in made.steps) and last.kernel == "dot0"
    assert sum(s.kernel.startswith("dot") for s in made.steps) == 1
    places = {b.name: b.place for b in made.buffers}
    kernel = next(k for k in made.kernels if k.name == "dot0")
    wide = {places[a] for a, array in zip(last.args, kernel.arrays) if array.type.size == 64 * 48}
    written = [places[a] for a, array in zip(last.args, kernel.arrays) if array.written]
    assert len(written) == 3 and set(written) == wide, "the three states are updated where they lie"
    golden("lower/adam.txt", str(kernel) + "\n")


# ------------------------------------------------------------------------------------------------ siblings


def test_siblings_with_several_outputs():
    a, b = x("a", N, 7), x("b", N, 7)
    common = exp(a)
    g = graph((a, b), common, add(common, b), mul(common, b), tanh(sub(common, a)))
    assert launches(g) == ["map0"]
    right(g)


def test_reductions_of_one_row_are_siblings():
    a = x("a", N, 70)
    g = graph((a,), reduce(a, "sum", (1,)), reduce(a, "max", (1,)), reduce(mul(a, a), "sum", (1,)))
    assert len(launches(g)) <= 2
    right(g)


def test_consumers_of_one_product():
    a, w, b = x("a", N, 20), x("w", 20, 30), x("b", N, 30)
    product = dot(a, w)
    g = graph((a, w, b), add(product, b), mul(product, b), product)
    assert launches(g) == ["dot0"]
    right(g)


# ---------------------------------------------------------------------------------- what must not be fused


def moved_values() -> list:
    """Graphs in which a computed value is read at the same index and at another one."""
    a, s = x("a", 9, 9), x("s", N, 9)
    e, f = exp(a), exp(s)
    row = reduce(f, "sum", (1,))
    spread = broadcast(row, (N, 9), (0,))
    total = reduce(s, "sum", (0,))
    zero = const(0.0, Type(dt.f32, ()))
    return [
        graph((a,), add(e, transpose(e, (1, 0)))),
        graph((a,), add(e, transpose(e, (1, 0))), e),
        graph((s,), add(f, reverse(f, (0,)))),
        graph((s,), add(f, reverse(f, (1,)))),
        graph((s,), add(f, reverse(cumulate(f, "sum", 0), (0,)))),
        graph((s,), add(cumulate(f, "sum", 1), f)),
        graph((s,), add(slice(f, (0, 0), (N, 8)), slice(f, (0, 1), (N, 9)))),
        graph((s,), add(f, pad(slice(f, (0, 1), (N, 9)), zero, (0, 1), (0, 0)))),
        graph((s,), add(f, concat(slice(f, (0, 5), (N, 9)), slice(f, (0, 0), (N, 5)), axis=1))),
        graph((s,), reduce(mul(f, spread), "sum", (1,))),
        graph((s,), reduce(mul(f, spread), "sum", (0,)), row),
        graph((s,), mul(f, broadcast(reverse(row, (0,)), (N, 9), (0,)))),
        graph((s,), mul(sub(s, broadcast(total, (N, 9), (1,))), broadcast(reduce(total, "max", (0,)), (N, 9)))),
        graph((s,), reduce(mul(spread, broadcast(total, (N, 9), (1,))), "sum", (1,)), reduce(spread, "max", (0, 1))),
        graph((a,), dot(e, transpose(e, (1, 0))), add(dot(e, e), e)),
        graph((a,), add(dot(e, e), transpose(dot(e, e), (1, 0)))),
        graph((a,), reduce(add(e, transpose(e, (1, 0))), "max", (1,)), reduce(e, "max", (1,))),
        graph((s,), add(reshape(reverse(reshape(f, (N * 9,)), (0,)), (N, 9)), f)),
        graph((s,), sub(broadcast(row, (N, 9), (0,)), broadcast(slice(row, (0,), (N,)), (N, 9), (0,))), reverse(row, (0,))),
    ]


@pytest.mark.parametrize("number", range(len(moved_values())))
def test_a_value_read_through_movement(number):
    g = moved_values()[number]
    for n in (1, 13):
        right(g, n)


def test_a_group_between_two_others_keeps_them_apart():
    a = x("a", N, 9)
    first = exp(a)
    sorted_between = cumulate(first, "max", 0)
    g = graph((a,), add(tanh(first), sorted_between), first)
    assert len(launches(g)) == 3
    right(g)


def test_a_broadcast_between_two_reductions_stays_in_one_kernel_and_a_column_does_not():
    a = x("a", N, 33)
    centred = sub(a, broadcast(reduce(a, "max", (1,)), (N, 33), (0,)))
    assert len(launches(graph((a,), reduce(centred, "sum", (1,))))) == 1
    centred = sub(a, broadcast(reduce(a, "max", (0,)), (N, 33), (1,)))
    g = graph((a,), reduce(centred, "sum", (0,)))
    assert len(launches(g)) == 2
    right(g)


# --------------------------------------------------------------------------------------------------- sizes


def test_a_long_chain_is_split_by_its_cost():
    value = a = x("a", N, 40)
    for k in range(60):
        value = add(sin(value), a)
    g = graph((a,), value)
    regions = fuse(g)
    costs = [sum(TABLE[n.op].cost for n in r.graph.nodes if n.inputs) for r in regions]
    assert len(regions) > 2 and sorted(costs)[-1] <= COST_LIMIT and sorted(costs[:-1])[0] > COST_LIMIT // 2
    assert len(launches(g)) == len(regions)
    short = a
    for k in range(3):
        short = add(short * 2.0, a)
    assert len(fuse(graph((a,), short))) == 1 and COST_LIMIT > 20
    right(g)


def test_deep_chains_of_cheap_operations_lower_without_recursion():
    value = a = x("a", N)
    for k in range(3000):
        value = sub(a, value)
    assert len(launches(graph((a,), value))) > 10


# ----------------------------------------------------------------------------------------- shared kernels


def test_siblings_that_read_the_same_value_are_one_kernel():
    a, b, c = x("a", N, 4), x("b", N, 4), x("c", N, 4)
    siblings = graph([a, b, c], mul(exp(a), b), sub(a, c), add(c, c))
    assert len(launches(siblings)) == 1  # the third is in by what it shares with the second
    right(siblings)
    apart = graph([a, b], exp(a), sin(b))
    assert len(launches(apart)) == 2
    reads_it_elsewhere = graph([a], exp(a), sin(reverse(a, axes=(1,))))
    assert len(launches(reads_it_elsewhere)) == 2
    right(reads_it_elsewhere)


def test_siblings_around_another_kernel_stay_apart():
    a = x("a", 6, 4)
    first = exp(a)
    total = reduce(transpose(first, perm=(1, 0)), kind="sum", axes=(1,))
    around = graph([a], first, mul(a, broadcast(total, shape=(6, 4), axes=(1,))))
    assert len(launches(around)) == 3
    right(around)


def test_equal_regions_share_a_kernel():
    values = [x(f"v{k}", 6, 40) for k in range(5)]
    w = x("w", 40, 40)
    outputs = [reduce(exp(v), "sum", (1,)) for v in values] + [tanh(dot(v, w)) for v in values]
    made = program(graph((*values, w), *outputs))
    assert [k.name for k in made.kernels].count("reduce0") == 1 and len(made.kernels) == 2
    assert len(made.steps) == 10
    right(graph((*values, w), *outputs))


def test_flat_maps_of_several_static_sizes_share_a_kernel():
    shapes = [(5,), (7, 3), (64,), (2, 3, 5), (1000,)]
    values = [x(f"v{k}", *s) for k, s in enumerate(shapes)]
    g = graph(values, *[sqrt(mul(v, v) + 1.0) for v in values])
    made = program(g)
    assert len(made.kernels) == 1 and len(made.steps) == len(shapes)
    assert sorted(s.dims[0] for s in made.steps) == sorted(int(np.prod(s)) for s in shapes)
    right(g)


def test_a_size_of_its_own_is_not_the_users_symbol():
    size = symbol("size")
    a, b = x("a", size), x("b", 9)
    g = graph((a, b), a * 2.0, b * 2.0)
    arrays = [np.ones(4, np.float32), np.ones(9, np.float32)]
    for got, want in zip(run_native(g, arrays, TARGETS[0]), interpret(g, *arrays), strict=True):
        np.testing.assert_array_equal(got, want)


# ----------------------------------------------------------------------------------------------- constants


def test_a_constant_right_operand_is_packed_ahead():
    w = np.random.default_rng(0).standard_normal((50, 40)).astype(np.float32)
    a = x("a", N, 50)
    g = graph((a,), dot(a, const(w)))
    made = program(g)
    assert len(made.steps) == 1 and made.signature.arena == 0
    assert len(made.constants) == 50 * 48 * 4, "one panel of 48 columns, and nothing else"
    panels = np.frombuffer(made.constants.view, np.float32).reshape(50, 48)
    np.testing.assert_array_equal(panels[:, :40], w)
    right(g)
    transposed = program(graph((a,), dot(a, const(np.ascontiguousarray(w.T)), False, True)))
    assert transposed.constants == made.constants


def test_a_constant_that_is_read_as_well_is_kept_in_both_forms():
    w = np.random.default_rng(0).standard_normal((40, 40)).astype(np.float32)
    a = x("a", 40, 40)
    g = graph((a,), add(dot(a, const(w)), const(w)))
    assert len(program(g).constants) == 40 * 48 * 4 + 40 * 40 * 4
    right(g)


def test_a_constant_of_one_value_on_the_right():
    a = x("a", N, 20)
    half = const(0.5, Type(dt.f32, (20, 8)))
    g = graph((a,), dot(a, half), cast(dot(a, half), dt.f64))
    assert [s.kernel for s in program(g).steps if s.kernel.startswith("dot")] == ["dot0"]
    right(g)
