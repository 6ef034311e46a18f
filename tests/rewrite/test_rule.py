"""Patterns, holes, conditions and the driver on rules made up for the purpose."""

import time
from collections import Counter

import numpy as np
import pytest

from graphc.errors import CompileError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.graph import input_node
from graphc.ir.node import const
from graphc.ir.type import Type
from graphc.prims import TABLE, add, apply, exp, log, mul, neg, sub, tanh
from graphc.rewrite.driver import rewrite
from graphc.rewrite.rule import Rules, condition, kinds, on, prim

F = Type(dt.f32, (3,))
X, Y = input_node("x", F), input_node("y", F)
exp_, log_ = prim("exp"), prim("log")


def rules(*items):
    return Rules(*items, rows=TABLE, build=apply)


def once(node, *items, **options):
    return rewrite([node], rules(*items), **options)[0]


def test_hole_operation_and_literal():
    assert once(exp(log(X)), lambda x: (exp_(log_(x)), x)) is X
    assert once(X * 1.0, lambda x: (x * 1, x)) is X
    assert once(X * 2.0, lambda x: (x * 1, x)) is not X


def test_commutative_matches_both_ways():
    rule = [lambda x: (x + 0.0, x)]
    assert once(add(const(0, F), X), *rule) is X
    assert once(sub(const(0, F), X), lambda x: (x - 0.0, x)) is not X


def test_commutative_inside_a_pattern():
    rule = [lambda x, y: ((-x) * (y + 1), x * y)]
    for inner in (Y + 1.0, add(const(1, F), Y)):
        assert once(mul(inner, neg(X)), *rule) is mul(X, Y)


def test_repeated_hole_is_the_same_node():
    rule = [lambda x: (x - x, 0)]
    assert once(X - X, *rule) is const(0, F)
    assert once(X - Y, *rule) is sub(X, Y)


def test_signed_zero_is_told_apart():
    rule = [lambda x: (x + -0.0, x)]
    assert once(X + -0.0, *rule) is X
    assert once(X + 0.0, *rule) is not X


def test_constant_holes():
    rule = [lambda x, c0: (x / c0, x * c0)]
    assert once(X / 2.0, *rule) is X * 2.0
    assert once(X / Y, *rule).op == "div"
    whole = X / const(np.array([1, 2, 3], np.float32), F)
    assert once(whole, *rule) is whole


def test_condition_sees_nodes():
    small = condition(lambda x: x.type.rank == 1)
    assert once(neg(neg(X)), lambda x: (-(-x), x, small(x))) is X
    flat = input_node("z", Type(dt.f32, ()))
    assert once(neg(neg(flat)), lambda x: (-(-x), x, small(x))) is neg(neg(flat))


def test_kinds_limit_a_rule():
    i = input_node("i", Type(dt.i32, (3,)))
    rule = kinds("iu", lambda x: (x + 0, x))
    assert once(i + 0, rule) is i
    assert once(X + 0, rule) is not X


def test_function_rule_and_stats():
    @on("neg")
    def drop(node):
        return node.inputs[0]

    stats = Counter()
    assert once(neg(X) + neg(Y), drop, stats=stats) is add(X, Y)
    assert stats == {"drop": 2}


def test_index_arithmetic_is_left_alone():
    n = input_node("n", Type(dt.i64, ()))
    node = n + 3
    assert once(node, lambda x, c0: (x + c0, x)) is node


def test_fighting_rules_are_named():
    with pytest.raises(CompileError, match=r"add\(x, y\) -> sub\(x, neg\(y\)\).*sub\(x, neg\(y\)\) -> add|"
                                           r"sub\(x, neg\(y\)\) -> add\(x, y\).*add\(x, y\) -> sub"):  # fmt: skip
        once(X + Y, lambda x, y: (x + y, x - (-y)), lambda x, y: (x - (-y), x + y))


def test_growing_rule_is_named():
    with pytest.raises(CompileError, match="exp"):
        once(exp(X), lambda x: (exp_(x), exp_(-x)))
    with pytest.raises(CompileError, match="log"):
        once(log(X), lambda x: (log_(x), -log_(x)))


def test_rule_that_changes_the_type_is_refused():
    @on("neg")
    def wrong(node):
        return const(0, Type(dt.f32, (4,)))

    with pytest.raises(CompileError, match="wrong"):
        once(neg(X), wrong)


def test_pattern_must_be_an_operation():
    with pytest.raises(UsageError):
        rules(lambda x: (x, x))


def test_deep_graph_is_cheap_where_nothing_matches():
    node = X
    for _ in range(5000):
        node = tanh(node) + Y
    set_ = rules(lambda x: (-(-x), x), lambda x: (x + -0.0, x), lambda x, y: (x + (-y), x - y), lambda x: (x * 1, x))
    start = time.perf_counter()
    assert once(node, set_) is node
    assert (time.perf_counter() - start) / 10000 < 100e-6  # about 10 us; room for a busy machine


def test_deep_chain_of_rewrites():
    node = X
    for _ in range(4001):
        node = neg(node)
    assert once(node, lambda x: (-(-x), x)) is neg(X)
