"""Where an argument of exp surely is not positive its short form is emitted, with the same bits."""

import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.type import Type
from graphc.lower import element
from graphc.prims import broadcast, exp, mul, reduce, sub
from tests.native import bits_equal, host_targets, run_native, verified

TARGETS = host_targets()


def softmax_parts(dtype, kind="max", other=False, columns=70):
    x, y = (input_node(name, Type(dtype, (5, columns))) for name in "xy")
    top = broadcast(reduce(x, kind=kind, axes=(1,)), axes=(0,), shape=x.shape)
    e = exp(sub(y if other else x, top))
    total = broadcast(reduce(e, kind="sum", axes=(1,)), axes=(0,), shape=x.shape)
    return Graph("g", (x, y) if other else (x,), (mul(e, total),))


def is_short(graph) -> bool:
    return "exp_falling" in "".join(str(k) for k in verified(graph, TARGETS[0]).kernels)


def test_only_what_is_less_the_greatest_of_itself():
    assert is_short(softmax_parts(dt.f32))
    assert not is_short(softmax_parts(dt.f32, kind="min"))
    assert not is_short(softmax_parts(dt.f32, other=True))
    square = input_node("x", Type(dt.f32, (66, 66)))
    columns = broadcast(reduce(square, kind="max", axes=(1,)), axes=(1,), shape=square.shape)  # of other rows
    assert not is_short(Graph("g", (square,), (exp(sub(square, columns)),)))


@pytest.mark.parametrize("columns", [1, 7, 70, 300])
@pytest.mark.parametrize("dtype", [dt.f32, dt.f64, dt.f16, dt.bf16], ids=str)
def test_bits_are_those_of_exp(dtype, columns, monkeypatch):
    rng = np.random.default_rng(columns)
    x = (rng.standard_normal((5, columns)) * 60).astype(dtype.numpy)
    x[1, 0], x[2, -1], x[3] = np.nan, np.inf, -np.inf
    graph = softmax_parts(dtype, columns=columns)
    short = [run_native(graph, [x], t) for t in TARGETS]
    with monkeypatch.context() as patch:
        patch.setattr(element, "is_never_positive", lambda x: False)
        assert not is_short(graph)
        long = [run_native(graph, [x], t) for t in TARGETS]
    for (a,), (b,) in zip(short, long, strict=True):
        assert np.array_equal(np.isnan(a), np.isnan(b))
        assert bits_equal(np.nan_to_num(a), np.nan_to_num(b))
