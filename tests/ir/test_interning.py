"""Nodes are hash-consed by what they really are."""

import gc

import numpy as np
import pytest

from graphc.errors import DtypeError, Location, ShapeError, located
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node, rebuild, substitute_dims
from graphc.ir.order import toposort, users
from graphc.ir.node import INDEX, const, const_value, live_nodes, make, symbol
from graphc.ir.type import Type
from graphc.prims import item, loop

F32 = Type(dt.f32, ())


def with_attr(value):
    return make("neg", (), (("a", value),), F32)


def test_equal_is_identical():
    x = input_node("x", F32)
    assert x + x is x + x
    assert const(1.0, F32) is const(np.float64(1), F32)
    assert symbol("n") is symbol("n") and symbol("n") is not symbol("m")


@pytest.mark.parametrize("x, y", [
    (0.0, -0.0), (1, True), (1, 1.0), (0, False), (True, ("bool", True)), (("bool", 1), True), ((1,), (True,)),
    (((0.0,),), ((-0.0,),)), (0.5, np.float32), ("1", 1), (None, False), (2, np.float64(2)),
])  # fmt: skip
def test_attributes_that_python_confuses_stay_apart(x, y):
    assert with_attr(x) is not with_attr(y)


@pytest.mark.parametrize("x, y", [
    (float("nan"), float("nan")), (3, np.int64(3)), (True, np.bool_(True)), (0.5, np.float64(0.5)), ((1, 2), (1, 2)),
])  # fmt: skip
def test_attributes_that_are_equal_meet(x, y):
    assert with_attr(x) is with_attr(y)


def test_constants_are_equal_by_bytes():
    assert const(0.0, F32) is not const(-0.0, F32)
    assert const(float("nan"), F32) is const(float("nan"), F32)
    assert const(1, Type(dt.i32, ())) is not const(1, INDEX)
    assert const(True, Type(dt.b1, ())) is not const(1, Type(dt.u8, ()))


def test_equal_elements_become_a_splat():
    assert const(np.ones((3, 4), np.float32)) is const(1.0, Type(dt.f32, (3, 4)))
    assert not const(np.array([0.0, -0.0], np.float32)).attr("value").is_splat
    assert const(np.full(3, np.nan, np.float32)).attr("value").is_splat


def test_constants_do_not_share_memory_or_byte_order():
    array = np.arange(3.0)
    node = const(array)
    array[0] = 9
    assert node.attr("value").array[0] == 0
    with pytest.raises(ValueError):
        node.attr("value").array[0] = 1
    assert const(np.arange(3, dtype=">i4")) is const(np.arange(3, dtype="<i4"))


def test_strings_keep_every_byte():
    assert const(b"a\x00").attr("value").array[()] == b"a\x00"
    assert const("a") is not const(b"a")
    assert const("a").type == Type(dt.string, ())


def test_location_is_no_part_of_identity():
    with located(Location("first.py", 1)):
        x = make("location_test", (), (), F32)
    with located(Location("second.py", 2)):
        assert make("location_test", (), (), F32) is x
    assert str(x.location) == "first.py:1"


def test_nodes_die_without_the_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        before = live_nodes()
        x = symbol("dies_soon")
        x = (x * 3 + 1) // 7 + x % 5
        assert live_nodes() > before
        del x
        assert live_nodes() == before
    finally:
        gc.enable()


def test_operand_errors_name_types_and_lines():
    with located(Location("model.py", 3)):
        x, y = input_node("err_x", F32), input_node("err_y", Type(dt.f64, ()))
    with pytest.raises(DtypeError, match=r"add: operands differ in dtype, f32\[\] and f64\[\]") as error:
        x + y
    assert "model.py:3" in str(error.value)
    with pytest.raises(ShapeError, match=r"mul: operands differ in shape, f32\[\] and f32\[2\]"):
        x * input_node("err_z", Type(dt.f32, (2,)))
    with pytest.raises(ShapeError, match="value of shape"):
        const(np.zeros(3), Type(dt.f32, (4,)))


def test_toposort_users_and_rebuild_do_not_recurse():
    x = node = input_node("x", F32)
    for _ in range(20_000):
        node = make("sin", (node,), (), F32)
    assert len(toposort((node,))) == 20_001
    assert users((node,))[x] == [toposort((node,))[1]]
    (new,) = rebuild((node,), lambda n, inputs: make("cos", inputs, (), F32) if n.op == "sin" else None)
    assert new.op == "cos" and len(toposort((new,))) == 20_001


def test_symbols_and_substitution():
    n, m = symbol("n"), symbol("m")
    graph = Graph("g", (input_node("x", Type(dt.f32, (n, m * n + 1))),), ())
    assert graph.symbols == (n, m)
    assert substitute_dims((n * m + 1, n, 3), {n: 4}) == (m * 4 + 1, 4, 3)
    assert substitute_dims(Type(dt.f32, (n // 2,)), {n: 7}) == Type(dt.f32, (3,))


def test_const_value():
    assert const_value(const(3, INDEX)) == 3 and const_value(5) == 5
    assert const_value(input_node("x", F32)) is None


def test_a_scalar_that_comes_out_of_a_loop_can_be_shown():
    n = input_node("n", INDEX)
    step, carry = input_node("step", INDEX), input_node("c", INDEX)
    out = loop(n, n, count=3, carries=2, scanned=0, body=Graph("b", (step, carry, n), (carry + 1, n)))
    assert str(item(out, 0) + 1) == "item(loop, 0) + 1"
