"""What the type rules refuse, and what they say."""

import pytest

from graphc import prims
from graphc.errors import CompileError, DtypeError, ShapeError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.type import Type
from graphc.prims.shape import axis_groups
from graphc.prims.table import Prim, declare

N, M = symbol("n"), symbol("m")


def x(*shape, dtype=dt.f32, name="x"):
    return input_node(name, Type(dtype, shape))


REFUSED = [
    (lambda: prims.add(x(2), x(3)), ShapeError, r"add: operands differ in shape, f32\[2\] and f32\[3\]"),
    (lambda: prims.add(x(N), x(M)), ShapeError, r"f32\[n\] and f32\[m\]"),
    (lambda: prims.add(x(2), x(2, dtype=dt.f64)), DtypeError, "differ in dtype"),
    (lambda: prims.exp(x(2, dtype=dt.i32)), DtypeError, "exp: not defined for i32"),
    (lambda: prims.select(x(2), x(2), x(2)), DtypeError, "instead of b1"),
    (lambda: prims.bitcast(x(2), "float64"), DtypeError, "no common bit layout"),
    (lambda: prims.reshape(x(2, 3), (7,)), ShapeError, r"reshape: f32\[2,3\] has 6 elements, f32\[7\] has 7"),
    (lambda: prims.reshape(x(N, 3), (M, 3)), ShapeError, r"n\*3 elements"),
    (lambda: prims.reshape(x(2), (1.5,)), DtypeError, "1.5 is not an integer"),
    (lambda: prims.broadcast(x(2), (3,), (0,)), ShapeError, "does not fit axis"),
    (lambda: prims.broadcast(x(2, 3), (3, 2), (1, 0)), ShapeError, "do not increase"),
    (lambda: prims.transpose(x(2, 3), (0, 0)), ShapeError, "no permutation"),
    (lambda: prims.slice(x(4), (2,), (5,)), ShapeError, "does not lie within"),
    (lambda: prims.slice(x(N), (0,), (N + 1,)), ShapeError, "does not lie within"),
    (lambda: prims.slice(x(4), (0,), (4,), (-1,)), ShapeError, "below 1"),
    (lambda: prims.pad(x(2), const(0.0, Type(dt.f32, ())), (-1,), (0,)), ShapeError, "negative"),
    (lambda: prims.reverse(x(2), (-1,)), ShapeError, "axis -1"),
    (lambda: prims.concat(x(2, 3), x(2, 4), axis=0), ShapeError, "differ outside axis 0"),
    (lambda: prims.reduce(x(2), "mean", (0,)), UsageError, "mean"),
    (lambda: prims.reduce(x(2), "all", (0,)), DtypeError, "all is not defined"),
    (lambda: prims.reduce(x(2, 2), "sum", (0, 0)), ShapeError, "repeat"),
    (lambda: prims.argreduce(x(0), "max", 0), ShapeError, "empty"),
    (lambda: prims.dot(x(2, 3), x(4, 5)), ShapeError, r"inner sizes differ, f32\[2,3\] x f32\[4,5\] \(3 != 4\)"),
    (lambda: prims.dot(x(2), x(2)), ShapeError, "at least 2"),
    (lambda: prims.dot(x(5, 2, 3), x(4, 3, 2)), ShapeError, "batch sizes differ"),
    (lambda: prims.conv(x(1, 5, 3), x(3, 2, 4)), ShapeError, "channels differ"),
    (lambda: prims.conv(x(1, 2, 3), x(5, 3, 4)), ShapeError, "does not fit"),
    (lambda: prims.window(x(3), (0,), (5,)), ShapeError, "do not fit"),
    (lambda: prims.gather(x(3), x(2, 1)), DtypeError, "i32 or i64"),
    (lambda: prims.gather(x(3), x(2, 2, dtype=dt.i32)), ShapeError, "2 indices"),
    (lambda: prims.scatter(x(3), x(2, 1, dtype=dt.i32), x(3)), ShapeError, r"must be f32\[2\]"),
    (lambda: prims.item(prims.sort(x(3), 0), 2), ShapeError, "no result 2"),
    (lambda: prims.cholesky(x(2, 3)), ShapeError, "not square"),
    (lambda: prims.random_bits(x(2), x(), (3,)), DtypeError, "u32"),
    (lambda: prims.call(x(2), graph=Graph("f", (x(3),), (x(3),))), ShapeError, "arguments of f: value 0"),
    (lambda: prims.loop(x(3), count=4, carries=0, scanned=1, body=Graph("f", (), ())), ShapeError, "leading size 4"),
    (lambda: prims.apply("nothing", x(2)), UsageError, "nothing"),
]


@pytest.mark.parametrize("build, kind, message", REFUSED, ids=[m for _, _, m in REFUSED])
def test_refused(build, kind, message):
    with pytest.raises(kind, match=message):
        build()


def test_the_message_names_operands_and_line():
    with pytest.raises(ShapeError) as caught:
        prims.add(x(2), x(3, name="y"))
    assert "y  is input: f32[3]" in str(caught.value)
    assert "at test_refusals.py" in str(caught.value)


def test_a_row_needs_exactly_one_way_down():
    with pytest.raises(CompileError, match="0 ways down"):
        declare(Prim("nowhere", lambda x: x, lambda x: x))
    with pytest.raises(CompileError, match="twice"):
        declare(Prim("add", lambda x: x, lambda x: x, scalar="add"))


def test_axes_are_grouped_as_small_as_possible():
    assert axis_groups((2, 3, 4), (6, 4)) == [((0, 1), (0,)), ((2,), (1,))]
    assert axis_groups((N, 28, 28), (N, 784)) == [((0,), (0,)), ((1, 2), (1,))]
    assert axis_groups((N, M, 4), (N * M, 4)) == [((0, 1), (0,)), ((2,), (1,))]
    assert axis_groups((1, 5, 1), (5,)) == [((1,), (0,))]


def test_symbolic_sizes_that_are_equal_are_proved_equal():
    assert prims.reshape(x(N, 6), (N * 2, 3)).shape == (N * 2, 3)
    assert prims.concat(x(N, 2), x(N, 2), axis=0).shape == (N * 2, 2)
    padded = prims.pad(x(N), const(0.0, Type(dt.f32, ())), (1,), (2,))
    assert prims.slice(padded, (1,), (N + 1,)).shape == (N,)
